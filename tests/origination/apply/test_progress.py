"""What is shown of an application says what to do next, and nothing personal."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import pytest

from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import LegStatus
from kernel import db
from kernel.money import Money
from origination import applicants, assessing, consents, contracts, progress
from origination.progress import Payment, Task
from origination.records.applications import ApplicationStatus
from origination.records.consents import Purpose
from origination.records.offers import OfferStatus
from origination.records.referrals import Locale
from tests.origination.apply import builders as make
from tests.origination.apply import world
from tests.origination.apply.builders import NOON, Person, by_debtor, later

PERSONAL = (
    Person().name.plain,
    Person().national_id.plain,
    Person().mobile.plain,
    Person().card().plain,
)


def shown(session, application, *, at=NOON) -> progress.ProgressView:
    return progress.view(session, application, at=at)


@pytest.mark.parametrize(
    ("build", "task"),
    [
        (make.started, Task.PROVE_IDENTITY),
        (make.identified, Task.DECIDE_ON_CONSENTS),
        (make.consented, Task.ENTER_CARDS),
        (make.filled_in, Task.CHECK_AND_SUBMIT),
        (make.submitted, Task.WAIT),
        (make.offered, Task.READ_OFFER),
        (make.signed, Task.WAIT),
    ],
)
def test_the_next_thing_to_do_is_the_first_that_is_not_done(session, build, task):
    application = build(session)

    assert shown(session, application).task is task


def test_a_consent_taken_back_is_the_next_thing_to_decide(session):
    application = make.filled_in(session)
    consents.withdraw(
        session, application, Purpose.INCOME_PROOF, by=by_debtor(application), at=NOON
    )

    view = shown(session, application)

    given = {consent.purpose: consent.given_at for consent in view.consents}
    assert view.task is Task.DECIDE_ON_CONSENTS
    assert given[Purpose.INCOME_PROOF] is None
    assert given[Purpose.BUREAU_QUERY] == NOON


def test_nothing_personal_is_shown(session):
    application = make.signed(session)

    everything = repr(asdict(shown(session, application)))

    assert not any(plain in everything for plain in PERSONAL)
    assert Person().card().last4 in everything


def test_the_words_of_a_consent_are_those_its_hash_is_of(session):
    application = make.identified(session, locale=Locale.EN)

    for consent in shown(session, application).consents:
        text = consents.text(consent.purpose, on=make.TODAY)
        assert consent.sha256 == text.sha256(Locale.EN)
        assert consent.words == text.words[Locale.EN]


def test_an_offer_is_shown_to_the_letter(session):
    application = make.offered(session)

    offer = shown(session, application).offer

    assert offer.status is OfferStatus.OPEN
    assert offer.shown["principal"] == "9022.50"
    assert len(offer.shown["plan"]) == 12


def test_banks_are_named_in_the_debtors_language(session):
    chinese = make.filled_in(session)
    english = make.filled_in(session, Person(2), locale=Locale.EN)

    assert shown(session, chinese).cards[0].issuer_name == "招商银行"
    assert "Merchants" in shown(session, english).cards[0].issuer_name


def test_a_decline_is_explained_and_may_be_reviewed_for_a_month(sandbox, outside):
    world.load(sandbox, Person(), monthly_income=None)
    application = world.waiting(household=make.budget(income="0.00"))
    assessing.run(outside)

    with db.transaction() as session:
        mine = applicants.get(session, application.id)
        soon, late = shown(session, mine), shown(session, mine, at=later(days=31))

    assert soon.status is ApplicationStatus.DECLINED
    assert any("收入" in reason for reason in soon.reasons)
    assert (soon.may_ask_for_review, late.may_ask_for_review) == (True, False)
    assert (soon.task, soon.may_withdraw) == (Task.NOTHING, False)


def test_a_paid_loan_shows_what_was_paid_and_its_instalments(sandbox, outside):
    world.fund(sandbox)
    application = world.signed(outside)
    with db.transaction() as session:
        before = shown(session, applicants.get(session, application.id))
    world.pay(outside, application)
    world.follow(outside)

    with db.transaction() as session:
        mine = applicants.get(session, application.id)
        after = shown(session, mine, at=outside.clock.now())

    assert (before.cards[0].payment, before.may_withdraw) == (Payment.WAITING, True)
    assert (after.cards[0].payment, after.may_withdraw) == (Payment.PAID, False)
    assert after.cards[0].paid == Money.yuan("9000.00")
    assert (after.loan.status, after.loan.principal) == (
        LoanStatus.ACTIVE,
        Money.yuan("9000.00"),
    )
    assert [due.number for due in after.loan.dues] == list(range(1, len(after.loan.dues) + 1))
    assert sum((due.principal for due in after.loan.dues), Money(0)) == Money.yuan("9000.00")


def test_the_contract_is_named_by_its_hash_and_opened_by_its_own_verb(session):
    application = make.signed(session)

    view = shown(session, application)

    contract = contracts.latest(session, application)
    assert view.contract.sha256 == contract.sha256
    assert view.contract.signed_at == NOON + timedelta(minutes=2)


def test_every_state_of_a_payment_has_a_word_for_the_debtor():
    assert set(progress._PAYMENTS) == set(LegStatus)


def test_the_steps_are_shown_in_order(session):
    application = make.submitted(session)

    steps = [step.status for step in shown(session, application).steps]

    assert steps[0] is ApplicationStatus.STARTED
    assert steps[-1] is ApplicationStatus.SUBMITTED
