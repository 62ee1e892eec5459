"""Payouts by file: the saga against the bank that takes batches, with everything that may go wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from disbursement import batch_sending, batches, channel_care, ledger, payouts, sending
from disbursement.batches import FileDiffers
from disbursement.channels.channel import BatchOutcome
from disbursement.records.channels import BatchStatus, PayoutBatch
from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import LegStatus
from kernel.db import transaction
from kernel.money import Money
from kernel.personal import CardNumber, PersonName
from tests.disbursement import builders as make

CARDS = [make.card_number(serial) for serial in (1, 2, 3)]


@pytest.fixture
def bank(saga):
    """Give a saga whose funder pays by files, with three cards at the bank's door."""
    saga.partners.control("/_control/batch/fund", {"amount": "1000000.00"})
    for card in CARDS:
        saga.partners.card(card, "1000.00")
    return saga


def start(bank, cards: int = 3, **changed) -> None:
    with transaction() as session:
        make.lender(session, code="cxbank")
    bank.start(*(make.leg_order(n) for n in range(1, cards + 1)), funder_code="cxbank", **changed)


def send(bank) -> int:
    return batch_sending.send_due(bank.surroundings)


def ask(bank, **later: float) -> int:
    bank.clock.advance(timedelta(**later))
    return batch_sending.ask_due(bank.surroundings) + sending.query_due(bank.surroundings)


def books(bank) -> dict:
    return bank.partners.control("/_control/batch/books", None)


def paid(bank) -> dict[str, int]:
    found: dict[str, int] = {}
    for order in books(bank)["orders"]:
        if order["state"] == "paid" and not order["returned"]:
            found[order["card_last4"]] = found.get(order["card_last4"], 0) + order["fen"]
    return found


def batch(bank) -> PayoutBatch:
    with transaction() as session:
        return session.scalars(select(PayoutBatch)).one()


def statuses(bank) -> list[LegStatus]:
    return [leg.status for leg in sorted(bank.legs(), key=lambda leg: leg.card_ref)]


def worker(bank):
    return batch_sending.connect_all(bank.surroundings)[0]


def test_three_cards_of_a_loan_are_paid_by_one_file(bank):
    start(bank)

    sent = send(bank)
    after_upload = statuses(bank)
    asked = ask(bank, minutes=6)

    assert (sent, asked) == (3, 1)
    assert after_upload == [LegStatus.ACCEPTED] * 3
    assert statuses(bank) == [LegStatus.PAID] * 3
    assert [one["rows"] for one in books(bank)["batches"]] == [3]
    assert batch(bank).status is BatchStatus.ANSWERED
    assert paid(bank) == {card.last4: 100_000 for card in CARDS}
    assert bank.loan().principal == Money.yuan("3000.00")


def test_the_other_channel_hears_nothing_of_it(bank):
    start(bank)

    sending.send_due(bank.surroundings)
    send(bank)

    assert bank.partners.books()["orders"] == []
    with transaction() as session:
        transit = [ledger.balance(session, f"in_transit/{n}") for n in ("unionpay", "bank_direct")]
    assert transit == [Money(0), Money(0)]


def test_the_number_of_a_batch_is_on_disk_before_its_upload(bank, monkeypatch):
    start(bank)
    one = worker(bank)
    seen = []

    def upload(key, content):
        with transaction() as session:
            found = session.execute(text("SELECT batch_no, status FROM payout_batch")).one()
        seen.append((found.batch_no == key.number, found.status))
        return type(one.channel).upload(one.channel, key, content)

    spy = type("Spy", (type(one.channel),), {"upload": staticmethod(upload)})
    watched = spy(
        outbound=one.channel.outbound,
        signer=one.channel.signer,
        customer=one.channel.customer,
        clock=one.channel.clock,
    )
    [prepared] = one.prepare(one.gather())
    batch_sending.send(replace(one, channel=watched), prepared)

    assert seen == [(True, "submitted")]


@pytest.mark.parametrize(
    "fault",
    [
        "silent_paid",
        "http_500_paid",
        "garbage_paid",
        "empty_paid",
        "bad_signature_paid",
        "other_order_paid",
        "busy_paid",
    ],
)
def test_an_upload_without_an_answer_is_asked_for_and_never_uploaded_again(bank, fault):
    start(bank)
    bank.partners.fault(CARDS[0], fault)

    send(bank)
    unknown = statuses(bank)
    send(bank)
    ask(bank, minutes=6)

    assert unknown == [LegStatus.UNKNOWN] * 3
    assert statuses(bank) == [LegStatus.PAID] * 3
    assert len(books(bank)["batches"]) == 1
    assert paid(bank) == {card.last4: 100_000 for card in CARDS}


@pytest.mark.parametrize("fault", ["silent_lost", "http_500_lost", "busy_lost"])
def test_an_upload_that_was_lost_leaves_every_row_to_be_asked_about_by_itself(bank, fault):
    start(bank)
    bank.partners.fault(CARDS[0], fault)

    send(bank)
    ask(bank, minutes=6)
    ask(bank, minutes=1)

    assert batch(bank).status is BatchStatus.BY_ROWS
    assert statuses(bank) == [LegStatus.UNKNOWN] * 3
    assert all(leg.absent_since is not None for leg in bank.legs())
    assert books(bank)["batches"] == []


def test_rows_that_the_result_leaves_open_are_asked_about_one_by_one(bank):
    start(bank)
    bank.partners.fault(CARDS[0], "row_times_out")
    bank.partners.fault(CARDS[1], "refuse_63")

    send(bank)
    ask(bank, minutes=6)

    assert statuses(bank) == [LegStatus.PAID, LegStatus.FAILED, LegStatus.PAID]
    assert paid(bank) == {CARDS[0].last4: 100_000, CARDS[2].last4: 100_000}
    assert bank.loan().principal == Money.yuan("2000.00")


def test_a_row_the_bank_lost_stays_unknown_and_the_others_are_paid(bank):
    start(bank)
    bank.partners.fault(CARDS[1], "row_lost")

    send(bank)
    ask(bank, minutes=6)
    ask(bank, hours=1)

    assert statuses(bank) == [LegStatus.PAID, LegStatus.UNKNOWN, LegStatus.PAID]
    assert bank.loan().status is LoanStatus.PENDING


def test_a_rejected_batch_pays_nothing_and_each_row_waits_for_a_person(bank):
    start(bank)
    bank.partners.fault(CARDS[0], "batch_rejected")

    send(bank)

    assert batch(bank).status is BatchStatus.REJECTED
    assert [(leg.status, leg.parked) for leg in bank.legs()] == [(LegStatus.FAILED, True)] * 3
    assert bank.loan().status is LoanStatus.PENDING
    assert paid(bank) == {}


def test_a_batch_that_the_account_cannot_bear_is_rejected_whole(saga):
    # 3 × (1,000.00 + a fee of 1.00) = 3,003.00.
    saga.partners.control("/_control/batch/fund", {"amount": "3002.99"})
    for card in CARDS:
        saga.partners.card(card, "1000.00")
    start(saga)

    send(saga)

    assert (batch(saga).status, paid(saga)) == (BatchStatus.REJECTED, {})
    assert [(leg.status, leg.code) for leg in saga.legs()] == [(LegStatus.FAILED, "64")] * 3


def test_a_result_that_was_given_out_too_often_sends_the_rows_to_single_queries(bank):
    start(bank)
    send(bank)
    bank.clock.advance(timedelta(minutes=6))
    one = worker(bank)
    key = batches._key(batch(bank))

    outcomes = [one.channel.ask(key).outcome for _ in range(6)]
    ask(bank, minutes=1)

    assert outcomes == [BatchOutcome.ANSWERED] * 5 + [BatchOutcome.USED_UP]
    assert batch(bank).status is BatchStatus.BY_ROWS
    assert statuses(bank) == [LegStatus.PAID] * 3


@pytest.mark.parametrize("died_after", ["gather", "prepare", "upload", "rows"])
def test_a_sender_that_dies_after_any_step_pays_each_row_once(bank, died_after):
    start(bank)
    one = worker(bank)
    found = one.gather()
    if died_after != "gather":
        [prepared] = one.prepare(found)
    if died_after in {"upload", "rows"}:
        answer = one.upload(prepared)
    if died_after == "rows":
        bank.clock.advance(timedelta(minutes=6))
        answer = one.channel.ask(prepared.key)
        rows = {order_no: bound.leg_id for order_no, bound in prepared.bound.items()}
        for leg_id, receipt in batches.receipts(answer, rows)[:1]:
            one._record_row(leg_id, receipt)

    for _ in range(4):
        bank.clock.advance(timedelta(minutes=10))
        send(bank)
        ask(bank, minutes=6)

    if died_after == "prepare":
        # Nobody can know that nothing was uploaded: the rows are asked about, never sent again.
        assert statuses(bank) == [LegStatus.UNKNOWN] * 3
        assert books(bank)["batches"] == []
        return
    assert statuses(bank) == [LegStatus.PAID] * 3
    assert paid(bank) == {card.last4: 100_000 for card in CARDS}
    assert len(books(bank)["batches"]) == 1


def test_a_sender_that_slept_over_its_batch_does_not_upload_it(bank):
    start(bank)
    one = worker(bank)
    [prepared] = one.prepare(one.gather())
    bank.clock.advance(timedelta(minutes=6))

    assert one.upload(prepared) is None
    assert books(bank)["batches"] == []


def spoiled(prepared, spoil):
    """Make the channel write something else than it was told, as a fault of ours would."""
    first, *others = prepared.instructions
    return replace(prepared, instructions=(*spoil(first), *others))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one: [replace(one, amount=one.amount + Money(1))],
        lambda one: [replace(one, card=CardNumber(make.card_number(9).plain))],
        lambda one: [replace(one, payee=PersonName("测试乙"))],
        lambda one: [replace(one, payee=PersonName("测|试"))],
        lambda one: [one, one],
        lambda _: [],
    ],
)
def test_a_file_that_pays_anything_else_than_was_approved_is_not_uploaded(bank, spoil):
    start(bank)
    one = worker(bank)
    [prepared] = one.prepare(one.gather())

    with pytest.raises(FileDiffers):
        one.upload(spoiled(prepared, spoil))
    sent = batch_sending.send(one, spoiled(prepared, spoil))

    assert sent == 0
    assert batch(bank).status is BatchStatus.STOPPED
    assert books(bank)["batches"] == []
    assert [(leg.status, leg.parked) for leg in bank.legs()] == [(LegStatus.FAILED, True)] * 3
    assert "payout.stopped" in bank.facts()


def test_two_cards_swapped_between_two_rows_are_seen(bank):
    start(bank)
    one = worker(bank)
    [prepared] = one.prepare(one.gather())
    first, second, third = prepared.instructions
    swapped = (replace(first, card=second.card), replace(second, card=first.card), third)

    with pytest.raises(FileDiffers):
        one.upload(replace(prepared, instructions=swapped))


def test_a_leg_that_cannot_be_prepared_stops_no_other(bank):
    start(bank, cards=1)
    broken = bank.loan_id
    with transaction() as session:
        session.execute(text("DELETE FROM account WHERE code LIKE 'loan_principal/%'"))
    start(bank, legs=(make.leg_order(2), make.leg_order(3)))

    sent = send(bank)

    assert sent == 2
    assert statuses(bank) == [LegStatus.ACCEPTED] * 2
    bank.loan_id = broken
    assert (bank.leg().status, bank.leg().order_no) == (LegStatus.APPROVED, None)


def test_two_workers_at_once_upload_every_row_once(bank):
    from concurrent.futures import ThreadPoolExecutor

    start(bank)

    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(lambda _: send(bank), range(4)))
    ask(bank, minutes=6)

    assert sum(sent) == 3
    assert statuses(bank) == [LegStatus.PAID] * 3
    assert paid(bank) == {card.last4: 100_000 for card in CARDS}


def test_what_is_kept_of_a_batch_shows_neither_cards_nor_names(bank):
    start(bank)
    send(bank)
    ask(bank, minutes=6)

    with transaction() as session:
        kept = session.execute(
            text("SELECT kind, request, convert_from(reply, 'UTF8') AS reply FROM channel_evidence")
        ).all()

    assert {row.kind for row in kept} == {"batch", "result"}
    for row in kept:
        assert not any(card.plain in row.request + row.reply for card in CARDS)
        assert make.NAME not in row.request + row.reply


def test_a_payment_that_came_back_is_known_by_the_list_of_the_day(bank):
    start(bank)
    bank.partners.fault(CARDS[0], "return_later")
    send(bank)
    ask(bank, minutes=6)

    bank.clock.advance(timedelta(days=1, hours=6))
    listed = channel_care.pull_returns(bank.surroundings)
    again = channel_care.pull_returns(bank.surroundings)

    assert (listed, again) == (1, 0)
    assert statuses(bank) == [LegStatus.RETURNED, LegStatus.PAID, LegStatus.PAID]
    assert bank.loan().principal == Money.yuan("2000.00")
    assert bank.facts().count("payout.returned") == 1


def test_a_batch_sent_twice_by_number_is_taken_once(bank):
    start(bank)
    one = worker(bank)
    [prepared] = one.prepare(one.gather())

    outcomes = [one.upload(prepared).outcome for _ in range(3)]
    ask(bank, minutes=6)

    assert outcomes == [BatchOutcome.ACCEPTED, BatchOutcome.UNKNOWN, BatchOutcome.UNKNOWN]
    assert paid(bank) == {card.last4: 100_000 for card in CARDS}


def test_a_taker_of_files_is_left_alone_by_the_loop_for_single_payments(bank):
    start(bank)

    assert sending.send_due(bank.surroundings) == 0
    assert statuses(bank) == [LegStatus.APPROVED] * 3
    with transaction() as session:
        assert payouts.take(session, worker="w", at=bank.clock.now(), only={"unionpay"}) is None
