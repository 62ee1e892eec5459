"""Faults of amounts and of the payout channel: each has one answer, pays once or not at all."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from disbursement import loans, payouts
from disbursement.channels import unionpay
from disbursement.channels.channel import Instruction, Outcome
from disbursement.outcomes import key_of
from disbursement.payouts import Source
from disbursement.records.loans import Loan, LoanStatus
from disbursement.records.payouts import LegStatus
from kernel.db import transaction
from kernel.money import Money
from kernel.refusals import Refused
from origination.records.applications import ApplicationStatus
from tests.disbursement import builders as orders
from tests.disbursement.statements import files
from tests.journeys import days
from tests.journeys import debtor as debtors
from tests.journeys.debtor import Debtor
from tests.journeys.footprints import Footprints
from tests.journeys.house import FUNDER, House, said
from tests.origination.apply import world
from tests.origination.apply.builders import Person
from tests.origination.web import phone as steps
from tests.origination.web.phone import Phone
from underwriting.records.assessments import Assessment

PERSON = Person()
PAID_BEHIND_A_SPOILT_ANSWER = {
    "silent_paid": "the connection failed or was cut",
    "http_500_paid": "status 500",
    "garbage_paid": "not a form",
    "empty_paid": "not signed by the channel",
    "bad_signature_paid": "not signed by the channel",
    "other_order_paid": "about another orderId",
    "busy_paid": "pay 60",
}
LOST_BEHIND_A_SPOILT_ANSWER = {
    "silent_lost": "the connection failed or was cut",
    "http_500_lost": "status 500",
    "busy_lost": "pay 60",
}
LEG_MOVED = ("payout_leg", "payout_step")
NO_AMOUNTS = ("-1", "1e5", "8000.005", "NaN", "∞", "1000000.01", "", "壹万")
THE_REFUSED_FILE = [
    *("statement_file", "statement_file_step", "reconciliation_day", "reconciliation_day_step"),
    *("reconciliation_break", "reconciliation_break_step"),
]
SENT_ONCE = {
    "channel_evidence": 1,
    "channel_state": 1,
    "payoff_quote": 1,
    "reveal": 2,
    "transfer": 1,
    "daily_use": 1,
    "funding_position": 1,
    "funding_hold": 1,
}
"""What sending leaves: the answer and that the channel's pace counts it, the quote, two looks at
the payee, the amount set aside in the books, at the funder and of the day's limit."""


def test_an_income_that_is_no_amount_of_a_household_is_asked_for_again(house):
    world.load(house.partners.url, PERSON)
    debtors.referred(house, PERSON)
    phone = Phone(house.app, house.partners.url, PERSON)
    steps.consent(steps.prove_identity(steps.sign_in(phone)))
    phone.send(number=PERSON.card().plain)
    phone.open("/my")
    before = Footprints.taken()

    answers = []
    for amount in NO_AMOUNTS:
        phone.send(income_source="salary", monthly_income=amount, employment_months="40")
        answers.append((phone.status, len(phone.faults)))

    assert answers == [(422, 1)] * len(NO_AMOUNTS)
    assert before.since() == {}


@pytest.mark.parametrize(
    ("ceiling", "code"),
    [
        ("0.00", "order_malformed"),
        ("-9000.00", "order_malformed"),
        ("200000.01", "amount_outside_product"),
        ("999.99", "amount_outside_product"),
    ],
)
def test_an_order_of_nothing_less_than_nothing_or_above_the_cap_is_refused(house, ceiling, code):
    order = orders.loan_order(orders.leg_order(1, ceiling), funder_code=FUNDER)
    before = Footprints.taken()

    with pytest.raises(Refused) as refused, transaction() as session:
        loans.place(session, order, by=orders.DEBTOR, at=house.clock.now())

    assert (refused.value.status, refused.value.code) == (422, code)
    assert before.since() == {}


def test_an_order_of_a_bank_to_pay_its_own_card_is_refused(house_of_a_bank):
    order = orders.loan_order(orders.leg_order(1), funder_code=FUNDER)
    before = Footprints.taken()

    with pytest.raises(Refused) as refused, transaction() as session:
        loans.place(session, order, by=orders.DEBTOR, at=house_of_a_bank.clock.now())

    assert (refused.value.status, refused.value.code) == (422, "funder_is_issuer")
    assert before.since() == {}


@pytest.mark.parametrize("amount", [9000.0, 9000.5, float("nan"), True, "9000.00"])
def test_only_whole_fen_are_money(amount):
    with pytest.raises(TypeError):
        Money(amount)


@pytest.mark.parametrize("amount", ["0.00", "-9000.00", "9000.5", "9e3", "99999999999999999.00"])
def test_a_bank_line_of_such_an_amount_is_refused_with_its_file(house, tmp_path, amount):
    file = tmp_path / "statement.csv"
    whole = files.statement([files.Movement(fen=900_000, reference="SETTLE20261120")])
    file.write_bytes(whole.replace(b"D,9000.00,", f"D,{amount},".encode()))
    before = Footprints.taken()

    result = house.command("statement", "import", "bank", str(file), "--day", "2026-11-20")

    assert result.exit_code == 5
    # The refused file itself is kept, with the break that names it; no line of it is.
    assert before.grown() == dict.fromkeys(THE_REFUSED_FILE, 1)


def test_a_debt_above_the_cap_is_declined_and_never_paid_in_part(house):
    owes = world.card(
        PERSON.card(), balance="250000.00", minimum_due="25000.00", credit_limit="300000.00"
    )
    world.load(house.partners.url, PERSON, owes, monthly_income="90000.00")

    debtor = debtors.referred(house, PERSON).apply(household=debtors.budget("90000.00"))
    house.run_jobs()

    assert debtor.status() is ApplicationStatus.DECLINED
    assert reasons() == ["no_card_fits", "product_limit"]
    assert house.legs() == []


@pytest.mark.parametrize("fault", PAID_BEHIND_A_SPOILT_ANSWER)
def test_a_spoilt_answer_is_unknown_until_the_query_tells_and_is_paid_once(house, fault):
    approved(house)
    house.partners.fault(PERSON.card(), fault)
    before = Footprints.taken()

    sent = house.pay()
    at_first = (house.legs()[0].status, evidence()[-1], before.grown(but=LEG_MOVED))
    house.clock.advance(timedelta(minutes=4))
    asked = house.pay()
    house.run_jobs()

    assert (sent["sent"], asked["sent"], asked["asked"]) == (1, 0, 1)
    assert at_first == (
        LegStatus.UNKNOWN,
        ("pay", PAID_BEHIND_A_SPOILT_ANSWER[fault]),
        SENT_ONCE,
    )
    assert house.legs()[0].status is LegStatus.PAID
    assert the_loan().principal == Money.yuan("9000.00")
    assert house.partners.books()["payments"] == 1


@pytest.mark.parametrize("fault", LOST_BEHIND_A_SPOILT_ANSWER)
def test_a_payment_the_channel_never_knew_fails_by_rule_and_is_never_sent_again(house, fault):
    debtor = approved(house)
    house.partners.fault(PERSON.card(), fault)

    house.pay()
    house.clock.advance(timedelta(minutes=4))
    house.pay()
    meanwhile = (house.legs()[0].status, evidence()[0])
    for _ in range(3):
        days.next_morning(house)

    assert meanwhile == (LegStatus.UNKNOWN, ("pay", LOST_BEHIND_A_SPOILT_ANSWER[fault]))
    assert [leg.status for leg in house.legs()] == [LegStatus.FAILED]
    assert house.partners.books()["orders"] == []
    assert (the_loan().status, debtor.status()) == (LoanStatus.CANCELLED, ApplicationStatus.FAILED)
    assert days.four_sides(house) == days.agreed("0.00")


@pytest.mark.parametrize("mode", ["silent", "http_500", "garbage"])
def test_a_channel_that_is_down_is_asked_again_and_its_file_is_fetched_later(house, mode):
    approved(house)
    house.pay()
    house.partners.outage("channel", mode)
    house.clock.advance(timedelta(minutes=4))
    before = Footprints.taken()

    down = house.pay()
    undecided, left = house.legs()[0].status, before.since()
    day = days.next_morning(house)
    no_file = house.command("reconcile", "--day", str(day))
    house.partners.outage("channel", "off")
    house.clock.advance(timedelta(hours=1))
    house.pay()
    late = house.command("reconcile", "--day", str(day), "--json")

    assert (down["asked"], undecided) == (1, LegStatus.ACCEPTED)
    assert left == {"channel_evidence": (1, 0), "channel_state": (1, 1), "payout_leg": (1, 1)}
    assert no_file.exit_code == 4
    assert (late.exit_code, said(late)["breaks"]) == (0, [])
    assert days.four_sides(house) == days.agreed("9000.00")


def test_an_order_sent_twice_is_paid_once(house):
    approved(house)
    house.pay()
    (leg,) = house.legs()
    channel = unionpay.connect(house.around)
    again = Instruction(
        key=key_of(leg), amount=Money.yuan("9000.00"), card=PERSON.card(), payee=PERSON.name
    )

    receipt = channel.pay(again)
    with transaction() as session:
        payouts.record(session, leg.id, receipt, source=Source.PAY, at=house.clock.now())
    house.pay_until_decided()

    assert (receipt.outcome, receipt.code) == (Outcome.UNKNOWN, "12")
    assert house.legs()[0].status is LegStatus.PAID
    assert house.partners.books()["payments"] == 1


def test_an_order_number_with_another_amount_is_refused_by_the_channel_and_changes_nothing(house):
    approved(house)
    house.pay()
    (leg,) = house.legs()
    other = Instruction(
        key=key_of(leg), amount=Money.yuan("1.00"), card=PERSON.card(), payee=PERSON.name
    )

    receipt = unionpay.connect(house.around).pay(other)
    with transaction() as session:
        payouts.record(session, leg.id, receipt, source=Source.PAY, at=house.clock.now())
    house.pay_until_decided()

    assert (receipt.outcome, receipt.code) == (Outcome.UNKNOWN, "13")
    assert house.legs()[0].amount == Money.yuan("9000.00")
    assert house.partners.books()["paid_fen"] == 900_000


def test_five_notices_of_one_payment_book_it_once(house):
    approved(house)
    house.partners.fault(PERSON.card(), "duplicate_notice")
    house.pay()
    house.clock.advance(timedelta(seconds=61))
    before = Footprints.taken()

    delivered = house.partners.deliver()
    heard = before.since()
    house.pay()
    house.run_jobs()

    # Five words of the channel are kept, and one question is due; nothing is booked by them.
    assert delivered["delivered"] == 5
    assert heard == {"channel_evidence": (5, 0), "payout_leg": (1, 1)}
    assert the_loan().principal == Money.yuan("9000.00")


def test_a_forged_notice_is_refused_and_kept_and_nothing_is_asked_because_of_it(house):
    approved(house)
    house.partners.fault(PERSON.card(), "forged_notice")
    house.pay()
    house.clock.advance(timedelta(seconds=61))

    delivered = house.partners.deliver()

    assert (delivered["delivered"], delivered["failed"]) == (1, 1)
    assert ("notice", "not signed by the channel") in evidence()
    house.pay()
    assert house.partners.books()["payments"] == 1


def test_a_silent_issuer_keeps_the_payout_waiting_and_nothing_is_sent(house):
    approved(house)
    house.partners.outage("issuers", "silent")

    sent = house.pay()
    waiting, orders_so_far = house.legs()[0].status, house.partners.books()["orders"]
    house.partners.outage("issuers", "off")
    house.clock.advance(timedelta(minutes=6))
    later = house.pay()

    assert (sent["sent"], waiting, orders_so_far) == (0, LegStatus.APPROVED, [])
    assert later["sent"] == 1


def test_a_card_that_turned_out_no_credit_card_is_not_paid(house):
    debtor = approved(house)
    debit = world.card(PERSON.card(), account_type="debit")
    world.load(house.partners.url, PERSON, debit)

    sent = house.pay()
    house.run_jobs()

    assert sent["sent"] == 0
    assert (house.legs()[0].status, debtor.status()) == (
        LegStatus.CANCELLED,
        ApplicationStatus.FAILED,
    )
    assert house.partners.books()["orders"] == []


def approved(house: House) -> Debtor:
    """A debtor who has signed, and whose payout is approved."""
    world.load(house.partners.url, PERSON)
    debtor = debtors.referred(house, PERSON).apply()
    house.run_jobs()
    debtor.sign()
    house.run_jobs()
    house.approve()
    return debtor


def reasons() -> list[str]:
    with transaction() as session:
        (decision,) = session.scalars(select(Assessment.decision))
    return json.loads(decision)["reasons"]


def the_loan() -> Loan:
    with transaction() as session:
        return session.scalars(select(Loan)).one()


def evidence() -> list[tuple[str, str]]:
    """What was exchanged with the channel, and how it was read, in order."""
    with transaction() as session:
        rows = session.execute(text("SELECT kind, verdict FROM channel_evidence ORDER BY at, id"))
        return [(kind, verdict) for kind, verdict in rows]
