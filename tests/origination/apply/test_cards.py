"""The debtor alone enters whole card numbers, and one card stands in one live application."""

from __future__ import annotations

import threading
from uuid import UUID

import pytest
from sqlalchemy import func, select

from disbursement.issuing_banks import CardKind
from kernel import db
from kernel.actors import Actor, Role
from kernel.moves import MoveRefused
from kernel.personal import CardNumber
from origination import applicants, applications, cards, closing
from origination.records.applications import ApplicationCard, ApplicationStatus
from tests.origination.apply import builders as make
from tests.origination.apply.builders import NOON, Person, by_debtor

UNKNOWN = make.card_number("999988" + "000000001")
DEBIT = CardNumber.parse("6200480000000004")
"""The Bank of China's 620048 is a debit BIN of 16 digits in the table."""


def enter(session, application, number, **changes):
    options = {"by": by_debtor(application), "at": NOON, **changes}
    return cards.enter(session, application, number, **options)


def test_a_card_is_kept_sealed_with_what_its_number_hints_at(session):
    application = make.consented(session)

    card = enter(session, application, Person().card())

    assert (card.issuer_code, card.kind, card.needs_verification) == (
        "CMB",
        CardKind.CREDIT,
        False,
    )
    assert card.masked == f"{Person().card().plain[:6]}******{Person().card().last4}"
    assert Person().card().plain not in repr(card.number)
    assert application.status is ApplicationStatus.CARDS_ENTERED


@pytest.mark.parametrize("role", [Role.AGENCY, Role.OPERATOR, Role.SYSTEM])
def test_nobody_types_a_card_number_for_the_debtor(session, role):
    application = make.consented(session)

    with pytest.raises(applicants.OnlyTheDebtor):
        enter(session, application, Person().card(), by=Actor(role, str(application.debtor_id)))


def test_an_unknown_bank_is_verified_later_not_refused(session):
    application = make.consented(session)

    card = enter(session, application, UNKNOWN)

    assert (card.issuer_code, card.kind, card.needs_verification) == (
        None,
        CardKind.UNKNOWN,
        True,
    )


def test_the_debtor_may_name_the_bank_nobody_recognised(session):
    application = make.consented(session)

    card = enter(session, application, UNKNOWN, stated_issuer="CMB")

    assert (card.issuer_code, card.needs_verification) == ("CMB", True)


def test_a_bank_named_against_the_number_is_verified_and_the_number_counts(session):
    application = make.consented(session)

    card = enter(session, application, Person().card(issuer="CMB"), stated_issuer="ICBC")

    assert (card.issuer_code, card.needs_verification) == ("CMB", True)


def test_a_bank_off_the_list_is_refused(session):
    application = make.consented(session)

    with pytest.raises(cards.UnknownIssuer):
        enter(session, application, UNKNOWN, stated_issuer="MYBANK")


def test_a_wrong_check_digit_is_verified_later_not_refused(session):
    application = make.consented(session)
    right = Person().card().plain
    wrong = CardNumber.parse(right[:-1] + str((int(right[-1]) + 1) % 10))

    card = enter(session, application, wrong)

    assert (card.passes_luhn, card.needs_verification) == (False, True)


def test_a_debit_card_is_refused_in_clear_words(session):
    application = make.consented(session)

    with pytest.raises(cards.DebitCardRefused) as refused:
        enter(session, application, DEBIT)

    assert "借记卡" in refused.value.title_zh
    assert application.status is ApplicationStatus.CONSENTED


def test_the_same_number_twice_is_the_card_that_is_there(session):
    application = make.consented(session)

    first = enter(session, application, Person().card())
    second = enter(session, application, Person().card())

    assert first.id == second.id
    assert len(cards.listed(session, application)) == 1


def test_a_card_of_another_live_application_is_refused_without_saying_whose(session):
    enter(session, make.consented(session), Person().card())
    other = make.consented(session, Person(2))

    with pytest.raises(cards.CardInUse) as refused:
        enter(session, other, Person().card())

    assert Person().card().last4 not in str(refused.value)
    assert other.status is ApplicationStatus.CONSENTED


def test_a_card_comes_free_when_its_application_closes(session):
    first = make.submitted(session)
    closing.withdraw(session, first, reason="asked", by=by_debtor(first), at=NOON)
    other = make.consented(session, Person(2))

    card = enter(session, other, Person().card())

    assert card.live


def test_two_applications_racing_for_one_card_leave_one_winner(database):
    with db.transaction() as session:
        rivals = [make.consented(session, Person(n)).id for n in (1, 2)]
    start, outcomes = threading.Barrier(2), []

    def race(application_id: UUID) -> None:
        start.wait()
        try:
            with db.transaction() as session:
                enter(session, applicants.get(session, application_id), Person().card())
            outcomes.append("held")
        except cards.CardInUse:
            outcomes.append("refused")

    threads = [threading.Thread(target=race, args=(rival,)) for rival in rivals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    with db.transaction() as session:
        rows = session.scalar(select(func.count()).select_from(ApplicationCard))
    assert sorted(outcomes) == ["held", "refused"]
    assert rows == 1


def test_an_application_holds_twelve_cards_at_most(session):
    application = make.consented(session)
    for position in range(cards.CARDS_MAX):
        enter(session, application, Person().card(position))

    with pytest.raises(cards.TooManyCards):
        enter(session, application, Person().card(cards.CARDS_MAX))

    assert [card.position for card in cards.listed(session, application)] == list(range(12))


def test_a_removed_card_is_gone_from_the_list_and_may_come_back(session):
    application = make.consented(session)
    card = enter(session, application, Person().card())

    cards.remove(session, application, card.id, by=by_debtor(application), at=NOON)
    without = list(cards.listed(session, application))
    again = enter(session, application, Person().card())

    assert without == []
    assert again.id != card.id


def test_an_application_without_cards_cannot_be_submitted(session):
    application = make.filled_in(session)
    card = cards.listed(session, application)[0]
    cards.remove(session, application, card.id, by=by_debtor(application), at=NOON)

    with pytest.raises(applications.Incomplete) as refused:
        applications.submit(session, application, by=by_debtor(application), at=NOON)

    assert [fault.pointer for fault in refused.value.faults] == ["/cards"]


def test_another_applications_card_cannot_be_removed(session):
    card = enter(session, make.consented(session), Person().card())
    other = make.filled_in(session, Person(2))

    with pytest.raises(cards.NoSuchCard):
        cards.remove(session, other, card.id, by=by_debtor(other), at=NOON)


def test_cards_are_fixed_once_submitted(session):
    application = make.submitted(session)
    card = cards.listed(session, application)[0]

    with pytest.raises(MoveRefused):
        enter(session, application, Person().card(1))
    with pytest.raises(MoveRefused):
        cards.remove(session, application, card.id, by=by_debtor(application), at=NOON)


def test_no_card_is_entered_before_the_consents(session):
    application = make.identified(session)

    with pytest.raises(MoveRefused):
        enter(session, application, Person().card())
