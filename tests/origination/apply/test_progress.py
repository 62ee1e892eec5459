"""How far a loan has come is shown card by card, and nothing personal with it."""

from __future__ import annotations

from dataclasses import asdict

from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import LegStatus
from kernel import db
from kernel.money import Money
from origination import applicants, progress
from origination.progress import CardState, Progress
from tests.origination.apply import builders as make
from tests.origination.apply import world
from tests.origination.apply.builders import Person

PERSONAL = (
    Person().name.plain,
    Person().national_id.plain,
    Person().mobile.plain,
    Person().card().plain,
)


def shown(application) -> Progress:
    with db.transaction() as session:
        found = progress.of(session, applicants.get(session, application.id))
    assert found is not None
    return found


def test_there_is_nothing_to_show_before_the_signature(session):
    assert progress.of(session, make.offered(session)) is None


def test_a_signed_loan_waits_and_owes_nothing(session):
    found = progress.of(session, make.signed(session))

    assert [card.state for card in found.cards] == [CardState.WAITING]
    assert (found.status, found.principal, found.due) == (LoanStatus.PENDING, Money(0), ())


def test_nothing_personal_is_shown(session):
    everything = repr(asdict(progress.of(session, make.signed(session))))

    assert not any(plain in everything for plain in PERSONAL)
    assert Person().card().last4 in everything


def test_a_paid_loan_shows_what_was_paid_and_its_instalments(sandbox, outside):
    world.fund(sandbox)
    application = world.signed(outside)
    (leg,) = world.pay(outside, application)

    paid = shown(application)
    world.verify(outside, leg)
    cleared = shown(application)
    world.return_(outside, leg)
    returned = shown(application)

    assert [found.cards[0].state for found in (paid, cleared, returned)] == [
        CardState.PAID,
        CardState.CLEARED,
        CardState.RETURNED,
    ]
    assert (paid.status, paid.principal) == (LoanStatus.ACTIVE, Money.yuan("9000.00"))
    assert paid.cards[0].amount == Money.yuan("9000.00")
    assert sum((due.principal for due in paid.due), Money(0)) == Money.yuan("9000.00")
    assert [due.number for due in paid.due] == list(range(1, len(paid.due) + 1))
    assert (returned.status, returned.due) == (LoanStatus.UNDONE, ())


def test_every_state_of_a_payment_has_a_word_for_the_debtor():
    assert set(progress._STATES) == set(LegStatus)
