"""The saga killed between any two steps, raced, and told lies: never paid twice, never lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from sqlalchemy import select, text

from disbursement import asking, claiming, payouts, rounds, sending
from disbursement.channels.channel import Instruction, Outcome, Receipt
from disbursement.payouts import Source
from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import ChannelEvidence, LegStatus
from kernel.claims import ClaimLost
from kernel.db import transaction
from kernel.money import Money
from kernel.outbound import Timeouts
from tests.disbursement import builders as make

CARD = make.card_number(1)


@pytest.fixture
def approved(saga):
    saga.partners.card(CARD, "9000.00")
    saga.start(make.leg_order(1))
    return saga


def run_on(saga) -> None:
    """Let every loop run for two hours, as after a restart."""
    for _ in range(8):
        saga.clock.advance(timedelta(minutes=15))
        saga.send()
        saga.ask(minutes=0)


def finished_once(saga) -> bool:
    return (
        saga.status() is LegStatus.PAID
        and saga.loan().status is LoanStatus.ACTIVE
        and saga.partners.books()["payments"] == 1
        and saga.facts() == ["payout.paid", "loan.activated"]
    )


STEPS = ("nothing", "take", "look", "prepare", "pay", "record")


@pytest.mark.parametrize("last_step", [name for name in STEPS if name != "prepare"])
def test_a_sender_killed_after_any_step_pays_once_in_the_end(approved, last_step):
    sender = sending.connect(approved.surroundings)
    steps = _steps(sender)

    for name in STEPS[1 : STEPS.index(last_step) + 1]:
        assert name == next(steps)
    del steps
    run_on(approved)

    assert finished_once(approved)


def _steps(sender):
    """Send one leg step by step, so that a test may stop after any of them."""
    work = sender.take()
    yield "take"
    findings = sender.look(work)
    yield "look"
    instruction = sender.prepare(work, findings)
    yield "prepare"
    receipt = sender.pay(work, instruction)
    yield "pay"
    sender.record(work.leg_id, receipt, Source.PAY)
    yield "record"


def test_a_sender_killed_with_its_order_number_committed_and_nothing_sent_fails_by_rule(approved):
    sender = sending.connect(approved.surroundings)
    work = sender.take()
    sender.prepare(work, sender.look(work))

    # Killed here, and the channel never heard of it. Two days of queries and two silent files.
    approved.ask(hours=1)
    for day in (date(2026, 11, 20), date(2026, 11, 21)):
        with transaction() as session:
            payouts.note_file(
                session, channel="unionpay", day=day, known=(), at=approved.clock.now()
            )
    approved.ask(hours=25)

    assert approved.status() is LegStatus.FAILED
    assert approved.partners.books()["orders"] == []


@pytest.mark.parametrize("killed_after", ["take", "query"])
def test_an_asker_killed_after_any_step_loses_nothing(approved, killed_after):
    approved.send()
    approved.clock.advance(timedelta(minutes=3))
    sender = sending.connect(approved.surroundings)
    with transaction() as session:
        due = payouts.take_due(session, worker=sender.worker, at=approved.clock.now())
    if killed_after == "query":
        sender.channels[due.channel].query(due.key)

    run_on(approved)

    assert finished_once(approved)


def test_the_order_number_is_on_disk_before_the_first_byte_leaves(approved):
    seen = []

    @dataclass(frozen=True)
    class Watching:
        """A channel that looks into the database when it is asked to pay."""

        name = "unionpay"

        def pay(self, instruction: Instruction) -> Receipt:
            with transaction() as session:
                row = session.execute(text("SELECT status, order_no FROM payout_leg")).one()
            seen.append((row.status, row.order_no == instruction.key.order_no))
            return Receipt(outcome=Outcome.UNKNOWN, text="silence")

    real = sending.connect(approved.surroundings)
    watching = sending.Sender(
        channels={"unionpay": Watching()}, issuers=real.issuers, clock=real.clock
    )
    sending._send_one(watching)

    assert seen == [("submitted", True)]


def test_a_sender_that_slept_over_its_instruction_does_not_send_it(approved):
    sender = sending.connect(approved.surroundings)
    work = sender.take()
    instruction = sender.prepare(work, sender.look(work))
    approved.clock.advance(timedelta(minutes=6))

    assert sender.pay(work, instruction) is None
    assert approved.partners.books()["orders"] == []


def test_a_sender_that_slept_and_sends_all_the_same_is_refused_by_its_old_time(approved):
    sender = sending.connect(approved.surroundings)
    work = sender.take()
    instruction = sender.prepare(work, sender.look(work))
    approved.ask(hours=1)
    unknown = approved.status()

    receipt = sender.channels[work.channel].pay(instruction)
    sender.record(work.leg_id, receipt, Source.PAY)

    assert unknown is LegStatus.UNKNOWN
    assert (receipt.outcome, approved.status()) == (Outcome.REFUSED, LegStatus.FAILED)
    assert approved.partners.books()["orders"] == []


def test_a_sender_whose_claim_another_took_over_prepares_nothing(approved):
    slow, quick = (sending.connect(approved.surroundings) for _ in range(2))
    work = slow.take()
    findings = slow.look(work)
    approved.clock.advance(timedelta(seconds=claiming.CLAIM_SECONDS + 1))
    again = quick.take()

    with pytest.raises(ClaimLost):
        slow.prepare(work, findings)

    assert again.leg_id == work.leg_id


def test_a_late_answer_of_a_slow_sender_changes_nothing_that_is_final(approved):
    sender = sending.connect(approved.surroundings)
    work = sender.take()
    instruction = sender.prepare(work, sender.look(work))
    receipt = sender.pay(work, instruction)
    approved.ask(minutes=10)
    paid = approved.status()

    sender.record(work.leg_id, receipt, Source.PAY)

    assert paid is LegStatus.PAID
    assert finished_once(approved)


@pytest.mark.parametrize(
    ("first", "then", "ends_as", "is_contradiction"),
    [
        (Outcome.PAID, Outcome.ACCEPTED, LegStatus.PAID, False),
        (Outcome.PAID, Outcome.UNKNOWN, LegStatus.PAID, False),
        (Outcome.PAID, Outcome.PAID, LegStatus.PAID, False),
        (Outcome.PAID, Outcome.REFUSED, LegStatus.PAID, True),
        (Outcome.PAID, Outcome.RETURNED, LegStatus.RETURNED, False),
        (Outcome.REFUSED, Outcome.UNKNOWN, LegStatus.FAILED, False),
        (Outcome.REFUSED, Outcome.REFUSED, LegStatus.FAILED, False),
        (Outcome.REFUSED, Outcome.PAID, LegStatus.FAILED, True),
        (Outcome.REFUSED, Outcome.RETURNED, LegStatus.FAILED, True),
        (Outcome.RETURNED, Outcome.PAID, LegStatus.RETURNED, False),
        (Outcome.RETURNED, Outcome.RETURNED, LegStatus.RETURNED, False),
        (Outcome.RETURNED, Outcome.REFUSED, LegStatus.RETURNED, True),
        (Outcome.ACCEPTED, Outcome.UNKNOWN, LegStatus.ACCEPTED, False),
        (Outcome.UNKNOWN, Outcome.ACCEPTED, LegStatus.UNKNOWN, False),
        (Outcome.UNKNOWN, Outcome.RETURNED, LegStatus.RETURNED, False),
    ],
)
def test_answers_out_of_order_never_undo_what_is_final(  # noqa: PLR0917 - a table
    approved, first, then, ends_as, is_contradiction
):
    sender = sending.connect(approved.surroundings)
    work = sender.take()
    sender.prepare(work, sender.look(work))

    for outcome in (first, then, then):
        sender.record(work.leg_id, Receipt(outcome=outcome, text="told"), Source.FILE)

    assert approved.status() is ends_as
    assert approved.facts().count("payout.contradiction") == int(is_contradiction)


@pytest.mark.parametrize("outcome", [Outcome.PAID, Outcome.RETURNED])
def test_another_amount_than_was_sent_is_a_contradiction_and_is_not_booked(approved, outcome):
    sender = sending.connect(approved.surroundings)
    work = sender.take()
    sender.prepare(work, sender.look(work))
    other = Receipt(outcome=outcome, text="told", amount=Money.yuan("9000.01"))

    sender.record(work.leg_id, other, Source.FILE)

    assert approved.status() is LegStatus.SUBMITTED
    assert approved.facts() == ["payout.contradiction"]


def test_a_broken_leg_is_parked_after_many_tries_and_the_others_go_on(saga):
    saga.partners.card(make.card_number(1), "1000.00")
    saga.start(make.leg_order(1))
    with transaction() as session:
        # Without the loan's account nothing can be set aside for it.
        session.execute(text("DELETE FROM account WHERE code LIKE 'loan_principal/%'"))
    broken = saga.loan_id
    other = make.card_number(2)
    saga.partners.card(other, "2000.00")
    saga.start(make.leg_order(2))

    for _ in range(payouts.PARK_AFTER):
        saga.send()
        saga.clock.advance(timedelta(hours=6, minutes=1))
    saga.ask(minutes=3)

    assert saga.status() is LegStatus.PAID
    assert saga.partners.paid_to(other) == 200_000
    saga.loan_id = broken
    assert (saga.status(), saga.leg().parked) == (LegStatus.APPROVED, True)
    assert saga.leg().order_no is None


def test_a_leg_whose_seal_is_broken_is_parked_and_the_others_go_on(saga):
    for serial in (1, 2):
        saga.partners.card(make.card_number(serial), "1000.00")
    saga.start(make.leg_order(1), make.leg_order(2))
    with transaction() as session:
        session.execute(
            text("UPDATE payout_leg SET card = set_byte(card, 30, 0) WHERE card_ref = :ref"),
            {"ref": make.leg_order(1).card_ref},
        )

    saga.send()

    broken, good = sorted(saga.legs(), key=lambda leg: leg.card_ref)
    assert (broken.status, broken.parked) == (LegStatus.APPROVED, True)
    assert good.status is LegStatus.ACCEPTED


def test_a_silent_channel_ends_the_run_after_a_few_legs(saga):
    for serial in range(1, 7):
        saga.partners.card(make.card_number(serial), "1000.00")
    saga.start(*(make.leg_order(n) for n in range(1, 7)))
    saga.partners.outage("channel", "http_500")

    sent = saga.send()
    statuses = sorted(leg.status for leg in saga.legs())
    saga.partners.outage("channel", "off")
    saga.clock.advance(timedelta(minutes=1))
    saga.send()

    assert sent == rounds.SILENCES_MAX
    assert statuses == ["approved"] * 3 + ["unknown"] * 3
    assert sorted(leg.status for leg in saga.legs()) == ["accepted"] * 3 + ["unknown"] * 3


def test_every_exchange_is_kept_as_it_was(saga):
    saga.partners.card(CARD, fault="bad_signature_paid")
    saga.start(make.leg_order(1))
    saga.send()
    saga.ask(minutes=3)

    assert saga.evidence() == [
        ("pay", False, "not signed by the channel"),
        ("query", True, "query found 00"),
    ]


def test_of_a_huge_reply_the_beginning_and_the_length_are_kept(approved):
    from dataclasses import replace

    sender = sending.connect(approved.surroundings)
    work = sender.take()
    instruction = sender.prepare(work, sender.look(work))
    receipt = sender.pay(work, instruction)
    huge = replace(receipt.exchange, reply=b"x" * 100_000)

    sender.record(work.leg_id, replace(receipt, exchange=huge), Source.PAY)

    with transaction() as session:
        kept = session.scalars(select(ChannelEvidence)).one()
        assert (len(kept.reply), kept.reply_bytes) == (65_536, 100_000)


def test_the_times_of_the_saga_fit_into_each_other():
    claim = timedelta(seconds=claiming.CLAIM_SECONDS)
    outside_calls = 3 * timedelta(seconds=Timeouts().total_seconds)
    the_channel_accepts_for = timedelta(minutes=15)

    assert outside_calls < claim < asking.FIRST_QUERY < sending.SEND_WITHIN
    assert the_channel_accepts_for > sending.SEND_WITHIN
