"""One debtor's way through every floor: by the signed API, verbs and commands, on real HTTP."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from disbursement import loans
from disbursement.records.loans import Loan, LoanStatus
from disbursement.records.payouts import LegStatus
from kernel.actors import Actor, Role
from kernel.db import transaction
from kernel.money import ZERO, Money
from origination import agencies, webhooks
from origination.records.applications import ApplicationStatus
from tests.conftest import TODAY
from tests.journeys import days, receiver
from tests.journeys import debtor as debtors
from tests.journeys.house import House, said
from tests.kernel.partner import partner
from tests.origination.apply import world
from tests.origination.apply.builders import Person
from underwriting.records.assessments import Assessment

PERSON = Person()
SECOND = PERSON.card(1, "CCB")


def test_a_debt_of_one_card_becomes_a_loan_that_is_signed_for_paid_told_and_reconciled(house):
    with partner(receiver.TAKEN) as agency_computer:
        secret = told_at(house, agency_computer.url)
        load(house, balance="21250.00", minimum_due="2125.00", past_due="2125.00")

        debtor = debtors.referred(house, PERSON).apply(household=debtors.budget("12000.00"))
        house.run_jobs()
        assert debtor.status() is ApplicationStatus.OFFERED
        debtor.sign()
        # Above 20,000.00 two persons approve.
        assert house.approve() == 2
        house.pay_until_decided()
        assert debtor.status() is ApplicationStatus.ACTIVE
        assert house.agency.state(debtors.case_no(PERSON)) == "approved"

        day = days.next_morning(house)
        reconciled = house.command("reconcile", "--day", str(day), "--json")
        prepared, signed = days.sign(house, day)
        house.run_jobs()

    told = [receiver.verified(request, secret)["data"] for request in agency_computer.requests]
    assert (reconciled.exit_code, said(reconciled)["breaks"]) == (0, [])
    assert (prepared.exit_code, signed.exit_code) == (0, 0)
    assert "signed and locked" in signed.stdout
    assert_repays_what_was_paid(the_loan(), Money.yuan("21250.00"))
    assert days.four_sides(house) == days.agreed("21250.00")
    assert [leg.status for leg in house.legs()] == [LegStatus.PAYOFF_VERIFIED]
    assert [word["state"] for word in told] == [
        "received", "invited", "applied", "approved", "paid_off",
    ]  # fmt: skip
    assert {word["case_no"] for word in told} == {debtors.case_no(PERSON)}
    assert house.agency.state(debtors.case_no(PERSON)) == "paid_off"
    assert_retold_the_same(house)


def test_of_two_cards_one_is_refused_and_the_loan_is_what_was_paid(house):
    load(house, second="7350.00")
    house.partners.fault(SECOND, "refuse_61")
    debtor = debtors.referred(house, PERSON).apply(PERSON.card(), SECOND)
    house.run_jobs()
    debtor.sign()
    house.approve()

    house.pay_until_decided()
    day = days.next_morning(house)
    _, signed = days.sign(house, day)

    assert [leg.status for leg in house.legs()] == [LegStatus.FAILED, LegStatus.PAYOFF_VERIFIED]
    assert_repays_what_was_paid(the_loan(), Money.yuan("9000.00"))
    assert days.four_sides(house) == days.agreed("9000.00")
    assert debtor.status() is ApplicationStatus.ACTIVE
    assert signed.exit_code == 0
    assert house.partners.paid_to(SECOND) == 0


def test_a_payment_that_comes_back_three_days_later_undoes_the_loan_and_is_told(house):
    load(house)
    house.partners.fault(PERSON.card(), "return_later", return_after_days=3)
    debtor = debtors.referred(house, PERSON).apply()
    house.run_jobs()
    debtor.sign()
    house.approve()
    house.pay_until_decided()
    assert the_loan().status is LoanStatus.ACTIVE

    over = [days.next_morning(house) for _ in range(4)]
    signatures = [days.sign(house, day) for day in over]
    house.run_jobs()

    assert the_loan().status is LoanStatus.UNDONE
    assert [leg.status for leg in house.legs()] == [LegStatus.RETURNED]
    assert days.four_sides(house) == days.agreed("9000.00", returned=Money.yuan("9000.00"))
    assert debtor.status() is ApplicationStatus.FAILED
    assert house.agency.state(debtors.case_no(PERSON)) == "returned"
    assert any("退回" in words for words in debtor.messages())
    assert [signed.exit_code for _, signed in signatures] == [0, 0, 0, 0]


def test_when_the_agencys_card_alone_comes_back_the_loan_shrinks_and_its_agency_is_told(house):
    with partner(receiver.TAKEN) as agency_computer:
        secret = told_at(house, agency_computer.url)
        load(house, second="7350.00")
        house.partners.fault(PERSON.card(), "return_later", return_after_days=2)
        debtor = debtors.referred(house, PERSON).apply(PERSON.card(), SECOND)
        house.run_jobs()
        debtor.sign()
        house.approve()
        house.pay_until_decided()
        for _ in range(3):
            days.next_morning(house)

    told = [receiver.verified(request, secret)["data"] for request in agency_computer.requests]
    assert_repays_what_was_paid(the_loan(), Money.yuan("7350.00"))
    assert days.four_sides(house) == days.agreed("16350.00", returned=Money.yuan("9000.00"))
    assert debtor.status() is ApplicationStatus.ACTIVE
    assert (told[-1]["state"], house.agency.state(debtors.case_no(PERSON))) == (
        "returned",
        "returned",
    )


def test_a_card_above_its_ceiling_is_paid_only_after_the_debtor_signed_again(house):
    load(house)
    debtor = debtors.referred(house, PERSON).apply()
    house.run_jobs()
    debtor.sign()
    # 4.50 a day for seven days is more than the buffer of five.
    house.clock.advance(timedelta(days=7))
    house.approve()

    said_first = house.pay()
    house.run_jobs()
    asked, sent_meanwhile = debtor.status(), house.partners.books()["orders"]
    debtor.sign()
    house.approve()
    house.pay_until_decided()

    assert said_first["sent"] == 0
    assert (asked, sent_meanwhile) == (ApplicationStatus.REQUOTE, [])
    assert debtor.status() is ApplicationStatus.ACTIVE
    assert_repays_what_was_paid(the_loan(), Money.yuan("9031.50"))
    assert house.partners.paid_to(PERSON.card()) == 903_150


def test_a_silent_bureau_decides_nothing_until_it_answers(house):
    load(house)
    house.partners.outage("bureau", "silent")
    debtor = debtors.referred(house, PERSON).apply()

    house.run_jobs()
    while_silent = (debtor.status(), assessments(), len(debtor.messages()))
    house.partners.outage("bureau", "off")
    house.clock.advance(timedelta(minutes=2))
    house.run_jobs()

    # The invitation, the code and the word that it arrived; nothing about a decision.
    assert while_silent == (ApplicationStatus.SUBMITTED, 0, 3)
    assert (debtor.status(), assessments()) == (ApplicationStatus.OFFERED, 1)


def test_a_day_with_a_break_nobody_has_explained_is_not_signed(house):
    load(house)
    house.partners.fault(PERSON.card(), "amount_off_by_one")
    debtor = debtors.referred(house, PERSON).apply()
    house.run_jobs()
    debtor.sign()
    house.approve()
    house.pay_until_decided()

    day = days.next_morning(house)
    listed = house.command("reconcile", "breaks", "--json")
    early, unprepared = days.sign(house, day)
    (found,) = said(listed)
    explained = house.command(
        "reconcile", "explain", found["id"], "--text", "one fen too many", login="li.na"
    )
    resolved = house.command(
        "reconcile", "resolve", found["id"], "--resolution", "books_stand", login="zhao.lei"
    )
    house.command("reconcile", "--day", str(day))
    prepared, signed = days.sign(house, day)

    assert (found["kind"], found["ours"], found["theirs"]) == ("amount", "9000.00", "9000.01")
    assert (early.exit_code, unprepared.exit_code) == (3, 3)
    assert early.stderr.splitlines()[-1].startswith("day_not_ready: ")
    assert "breaks that nobody has explained: 1" in early.stderr
    assert [one.exit_code for one in (explained, resolved, prepared, signed)] == [0, 0, 0, 0]
    assert days.four_sides(house) == days.agreed("9000.00")


def load(house: House, *, second: str | None = None, **changes: str) -> None:
    """Let the world know the debtor with his cards."""
    cards = [world.card(PERSON.card(), **changes)]
    if second is not None:
        cards.append(world.card(SECOND, issuer_code="CCB", balance=second))
    world.load(house.partners.url, PERSON, *cards, monthly_income="12000.00")


def told_at(house: House, url: str) -> str:
    """Have the agency told at an address, and give the secret it verifies by."""
    by = Actor(Role.AGENCY, "beichen")
    with transaction() as session:
        agency = agencies.by_code(session, "beichen")
        return webhooks.configure(
            session, agency, url=url, anywhere=True, by=by, at=house.clock.now()
        ).plain


def the_loan() -> Loan:
    with transaction() as session:
        return session.scalars(select(Loan)).one()


def assessments() -> int:
    with transaction() as session:
        return session.scalar(select(func.count()).select_from(Assessment)) or 0


def assert_repays_what_was_paid(loan: Loan, paid: Money) -> None:
    """See that a loan stands at what was paid, and that its plan repays exactly that."""
    with transaction() as session:
        due = loans.instalments(session, loan)
    assert (loan.status, loan.principal) == (LoanStatus.ACTIVE, paid)
    assert [row.number for row in due] == list(range(1, loan.months + 1))
    assert Money.total(row.principal for row in due) == paid
    assert due[-1].balance == ZERO
    assert due[0].due_on > TODAY


def assert_retold_the_same(house: House) -> None:
    with transaction() as session:
        (assessment_id,) = session.scalars(select(Assessment.id))
    retold = house.command("replay", "assessment", str(assessment_id), "--json")
    assert (retold.exit_code, said(retold)["verdict"]) == (0, "same")
