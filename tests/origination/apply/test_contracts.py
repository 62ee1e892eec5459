"""A contract is signed once, by the debtor, after reading, by a code of its own; then the loan is placed."""

from __future__ import annotations

import hashlib
import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from disbursement import legs, loans
from disbursement.records.loans import Loan, LoanStatus
from disbursement.records.payouts import LegStatus
from kernel import db, sealing
from kernel.actors import Actor, Role
from kernel.events import Event
from kernel.money import Money
from kernel.personal import PersonName
from kernel.sealing import Reveal
from origination import applicants, closing, codes, consents, contracts, offers, signing
from origination.records.applications import ApplicationStatus
from origination.records.codes import NetworkAddress
from origination.records.consents import Purpose
from origination.records.contracts import Contract
from origination.records.debtors import Debtor
from origination.records.offers import OfferStatus
from tests.origination.apply import builders as make
from tests.origination.apply.builders import NOON, by_debtor, later


def sign(session, application, *, at):
    return contracts.sign(
        session, application, evidence={"page": "sign"}, by=by_debtor(application), at=at
    )


def test_a_signature_places_the_loan_with_a_leg_for_each_card(session):
    application = make.offered(session, amounts=("9000.00", "3000.00"))
    then = make.ready_to_sign(session, application)

    contract = sign(session, application, at=then)

    loan = session.get_one(Loan, application.loan_id)
    planned = legs.of_loan(session, loan.id)
    assert application.status is ApplicationStatus.SIGNED
    assert offers.latest(session, application).status is OfferStatus.SIGNED
    assert (loan.status, loan.contract_sha256) == (LoanStatus.PENDING, contract.sha256)
    assert sorted(leg.ceiling for leg in planned) == [
        Money.yuan("3007.50"),
        Money.yuan("9022.50"),
    ]
    assert {leg.status for leg in planned} == {LegStatus.PLANNED}


def test_the_contract_is_kept_sealed_with_its_hash_and_evidence(session):
    application = make.signed(session)
    contract = contracts.latest(session, application)
    offer = offers.latest(session, application)

    content = contracts.pdf(session, contract, by=by_debtor(application), at=NOON)

    looks = session.scalars(select(Reveal).where(Reveal.subject == contract.id)).all()
    assert content.startswith(b"%PDF-")
    assert hashlib.sha256(content).hexdigest() == contract.sha256
    assert make.Person().name.plain not in repr(contract.pdf)
    assert contract.evidence["disclosure_sha256"] == offer.disclosure_sha256
    assert [look.purpose for look in looks] == ["show the contract"]


def test_an_offer_that_was_not_read_is_not_signed(session):
    application = make.offered(session)

    with pytest.raises(contracts.NotReadYet) as refused:
        sign(session, application, at=NOON)

    assert refused.value.seconds_left == 10


def test_the_reading_time_of_the_law_must_be_over(session):
    application = make.offered(session)
    offers.begin_reading(session, application, by=by_debtor(application), at=NOON)

    with pytest.raises(contracts.NotReadYet):
        contracts.check_code(
            session, application, "000000", by=by_debtor(application), at=later(seconds=9)
        )


def test_without_a_code_nothing_is_signed(session):
    application = make.offered(session)
    offers.begin_reading(session, application, by=by_debtor(application), at=NOON)

    with pytest.raises(contracts.CodeNeeded):
        sign(session, application, at=later(minutes=1))


def test_a_code_entered_long_ago_signs_nothing(session):
    application = make.offered(session)
    then = make.ready_to_sign(session, application)

    with pytest.raises(contracts.CodeNeeded):
        sign(session, application, at=then + timedelta(minutes=11))


def test_a_sign_in_code_signs_nothing(session):
    application = make.offered(session)
    mobile = make.Person().mobile
    offers.begin_reading(session, application, by=by_debtor(application), at=NOON)
    codes.send(
        session,
        mobile,
        codes.SIGN_IN,
        address=NetworkAddress("192.0.2.1"),
        locale=application.locale,
        at=NOON,
    )
    digits = make.code_in_message(session, "sign_in_code")
    codes.require(codes.check(session, mobile, digits, use=codes.SIGN_IN, at=NOON))

    with pytest.raises(contracts.CodeNeeded):
        sign(session, application, at=later(minutes=1))


def test_another_debtors_code_signs_nothing(session):
    mine, his = make.offered(session), make.offered(session, make.Person(2))
    make.ready_to_sign(session, his)
    offers.begin_reading(session, mine, by=by_debtor(mine), at=NOON)

    with pytest.raises(contracts.CodeNeeded):
        sign(session, mine, at=later(minutes=2))


@pytest.mark.parametrize("role", [Role.AGENCY, Role.OPERATOR, Role.SYSTEM])
def test_nobody_signs_for_the_debtor(session, role):
    application = make.offered(session)
    then = make.ready_to_sign(session, application)

    with pytest.raises(applicants.OnlyTheDebtor):
        contracts.sign(session, application, evidence={}, by=Actor(role, "x"), at=then)


def test_an_expired_offer_is_not_signed_though_read_and_coded(session):
    application = make.offered(session, valid_until=later(minutes=3))
    then = make.ready_to_sign(session, application)

    with pytest.raises(offers.OfferExpired):
        sign(session, application, at=then + timedelta(minutes=1))


def test_a_second_signature_is_refused(session):
    application = make.offered(session)
    then = make.ready_to_sign(session, application)
    sign(session, application, at=then)

    with pytest.raises(contracts.SignedAlready):
        sign(session, application, at=then)

    assert session.scalar(select(func.count()).select_from(Contract)) == 1


def test_a_consent_taken_back_stops_the_signature(session):
    application = make.offered(session)
    then = make.ready_to_sign(session, application)
    consents.withdraw(
        session, application, Purpose.SHARE_WITH_FUNDER, by=by_debtor(application), at=then
    )

    with pytest.raises(offers.NoSuchOffer):
        sign(session, application, at=then)

    assert application.status is ApplicationStatus.WITHDRAWN


def test_a_name_that_cannot_be_printed_is_not_signed_with(session):
    application = make.offered(session)
    then = make.ready_to_sign(session, application)
    debtor = session.get_one(Debtor, application.debtor_id)
    debtor.name = sealing.seal(PersonName.parse("张䶮"))
    session.flush()

    with pytest.raises(contracts.GlyphMissing):
        sign(session, application, at=then)


def test_two_signatures_racing_place_one_loan(database):
    with db.transaction() as session:
        application = make.offered(session)
        then = make.ready_to_sign(session, application)
    start, outcomes = threading.Barrier(2), []

    def race():
        start.wait()
        try:
            with db.transaction() as session:
                sign(session, applicants.get(session, application.id), at=then)
            outcomes.append("signed")
        except contracts.SignedAlready:
            outcomes.append("refused")

    threads = [threading.Thread(target=race) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    with db.transaction() as session:
        counts = [
            session.scalar(select(func.count()).select_from(kind)) for kind in (Contract, Loan)
        ]
    assert sorted(outcomes) == ["refused", "signed"]
    assert counts == [1, 1]


def test_a_refused_order_leaves_nothing_signed(database):
    with db.transaction() as session:
        application = make.offered(session)
        then = make.ready_to_sign(session, application)
        offers.latest(session, application).months = 7

    with pytest.raises(Exception, match="months") as refused, db.transaction() as session:
        sign(session, applicants.get(session, application.id), at=then)

    with db.transaction() as session:
        signed = session.scalar(select(func.count()).select_from(Contract))
    assert refused.value.code == "term_not_offered"
    assert signed == 0
    assert make.again(application.id).status is ApplicationStatus.OFFERED


def test_withdrawing_before_payout_calls_the_loan_off_for_nothing(session):
    application = make.signed(session)

    closing.withdraw(
        session, application, reason="asked", by=by_debtor(application), at=later(hours=1)
    )

    assert application.status is ApplicationStatus.WITHDRAWN
    assert loans.get(session, application.loan_id).status is LoanStatus.CANCELLED
    assert offers.latest(session, application).status is OfferStatus.WITHDRAWN


def test_signing_is_told_once_with_the_hash_of_the_contract(session):
    application = make.signed(session)
    contract = contracts.latest(session, application)

    told = session.scalars(select(Event).where(Event.kind == "offer.signed")).all()

    assert [fact.body["contract_sha256"] for fact in told] == [contract.sha256]


def test_a_wrong_code_costs_a_try_and_the_right_one_still_signs(surroundings):
    with db.transaction() as session:
        application = make.offered(session, at=surroundings.clock.now())
        by = by_debtor(application)
        offers.begin_reading(session, application, by=by, at=surroundings.clock.now())
    surroundings.clock.advance(timedelta(minutes=1))
    with db.transaction() as session:
        contracts.send_code(
            session,
            application,
            address=NetworkAddress("192.0.2.1"),
            by=by,
            at=surroundings.clock.now(),
        )
        digits = make.code_in_message(session)
    wrong = f"{(int(digits) + 1) % 1_000_000:06d}"

    with pytest.raises(codes.CodeWrong):
        signing.sign(surroundings, application.id, wrong, evidence={}, by=by)
    contract = signing.sign(surroundings, application.id, digits, evidence={}, by=by)

    with db.transaction() as session:
        tries = session.scalar(select(codes.OneTimeCode.tries_left))
    assert tries == codes.TRIES - 2
    assert contract.application_id == application.id
    assert make.again(application.id).status is ApplicationStatus.SIGNED
