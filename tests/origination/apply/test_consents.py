"""Consents are given one by one, by the debtor, to the text he read, and taken back as easily."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from kernel.actors import Actor, Role
from kernel.moves import MoveRefused
from origination import applicants, applications, closing, consents, ownership
from origination.records.applications import ApplicationStatus
from origination.records.consents import REQUIRED, Consent, Purpose
from origination.records.referrals import Locale, Referral, ReferralStatus
from tests.conftest import TODAY
from tests.origination.apply import builders as make
from tests.origination.apply.builders import NOON, by_debtor, later


def give(session, application, purpose, **changes):
    options = {
        "shown_sha256": consents.text(purpose, on=TODAY).sha256(application.locale),
        "evidence": {"page": "consents"},
        "by": by_debtor(application),
        "at": NOON,
        **changes,
    }
    return consents.give(session, application, purpose, **options)


def written(session, row):
    with session.begin_nested():
        session.add(row)
        session.flush()


def test_every_purpose_has_its_own_text_in_both_languages():
    texts = consents.texts(on=TODAY)

    assert [text.purpose for text in texts] == list(Purpose)
    assert all(text.words[locale] and text.title[locale] for text in texts for locale in Locale)
    assert len({text.sha256(locale) for text in texts for locale in Locale}) == 12


def test_all_but_marketing_are_required():
    assert set(Purpose) - REQUIRED == {Purpose.MARKETING}


def test_a_consent_keeps_the_hash_of_the_very_text_that_was_read(session):
    application = make.identified(session, locale=Locale.EN)

    given = give(session, application, Purpose.BUREAU_QUERY)

    assert given.text_sha256 == consents.text(Purpose.BUREAU_QUERY, on=TODAY).sha256(Locale.EN)
    assert (given.text_version, given.locale) == ("2026-08", Locale.EN)


@pytest.mark.parametrize("shown", ["", "0" * 64])
def test_a_text_other_than_the_one_in_force_cannot_be_agreed_to(session, shown):
    application = make.identified(session)

    with pytest.raises(consents.ConsentTextChanged):
        give(session, application, Purpose.BUREAU_QUERY, shown_sha256=shown)


def test_the_other_languages_text_is_another_text(session):
    application = make.identified(session, locale=Locale.ZH)
    english = consents.text(Purpose.BUREAU_QUERY, on=TODAY).sha256(Locale.EN)

    with pytest.raises(consents.ConsentTextChanged):
        give(session, application, Purpose.BUREAU_QUERY, shown_sha256=english)


@pytest.mark.parametrize("role", [Role.AGENCY, Role.OPERATOR, Role.SYSTEM, Role.RISK_OFFICER])
def test_nobody_agrees_for_the_debtor(session, role):
    application = make.identified(session)

    with pytest.raises(applicants.OnlyTheDebtor):
        give(session, application, Purpose.BUREAU_QUERY, by=Actor(role, str(application.debtor_id)))


def test_agreeing_twice_is_agreeing_once(session):
    application = make.identified(session)

    first = give(session, application, Purpose.BUREAU_QUERY)
    second = give(session, application, Purpose.BUREAU_QUERY, at=later(minutes=1))

    assert first.id == second.id
    assert first.given_at == NOON


def test_only_the_identity_check_is_agreed_to_before_the_identity_is_known(session):
    application = make.started(session)

    give(session, application, Purpose.IDENTITY_CHECK)

    with pytest.raises(MoveRefused):
        give(session, application, Purpose.BUREAU_QUERY)


def test_with_the_last_required_consent_the_referral_owns_the_debtor(session):
    application = make.consented(session)
    opened = session.get_one(Referral, application.referral_id)

    owner = ownership.present(session, application.debtor_id, at=NOON)

    assert application.status is ApplicationStatus.CONSENTED
    assert opened.status is ReferralStatus.CONSENTED
    assert owner is not None
    assert owner.referral_id == opened.id


def test_marketing_never_blocks(session):
    refused = make.consented(session)
    agreed = make.consented(session, make.Person(2))
    give(session, agreed, Purpose.MARKETING)

    assert refused.status is ApplicationStatus.CONSENTED
    assert consents.missing(session, refused) == ()
    assert consents.missing(session, agreed) == ()


def test_an_application_through_a_link_that_owns_nobody_ends_at_the_last_consent(session):
    first = make.consented(session, make.Person(1), agency="beichen")
    closing.withdraw(session, first, reason="asked", by=by_debtor(first), at=NOON)

    # The same person, referred by another agency under his second telephone number.
    second = make.consented(session, make.Person(1, telephone=7), agency="haoyuan")

    opened = session.get_one(Referral, second.referral_id)
    assert second.status is ApplicationStatus.EXPIRED
    assert opened.status is ReferralStatus.SUPERSEDED


def test_a_consent_taken_back_while_filling_in_stops_submission_alone(session):
    application = make.filled_in(session)
    consents.withdraw(
        session, application, Purpose.BUREAU_QUERY, by=by_debtor(application), at=NOON
    )

    with pytest.raises(applications.Incomplete) as refused:
        applications.submit(session, application, by=by_debtor(application), at=NOON)

    assert application.status is ApplicationStatus.BUDGET_ENTERED
    assert [fault.pointer for fault in refused.value.faults] == ["/consents/bureau_query"]


def test_a_consent_may_be_given_again_and_both_rows_stay(session):
    application = make.filled_in(session)
    by = by_debtor(application)
    consents.withdraw(session, application, Purpose.BUREAU_QUERY, by=by, at=NOON)
    give(session, application, Purpose.BUREAU_QUERY, at=later(minutes=1))

    applications.submit(session, application, by=by, at=later(minutes=2))

    rows = [c for c in consents.listed(session, application) if c.purpose is Purpose.BUREAU_QUERY]
    assert application.status is ApplicationStatus.SUBMITTED
    assert [row.withdrawn_at for row in rows] == [NOON, None]


@pytest.mark.parametrize("purpose", sorted(consents.NEEDED_TO_DECIDE))
def test_what_nobody_may_look_at_any_more_is_withdrawn(session, purpose):
    application = make.submitted(session)

    consents.withdraw(session, application, purpose, by=by_debtor(application), at=NOON)

    assert application.status is ApplicationStatus.WITHDRAWN


@pytest.mark.parametrize("purpose", [Purpose.AGENCY_STATUS, Purpose.MARKETING])
def test_telling_the_agency_and_marketing_stop_alone(session, purpose):
    application = make.submitted(session)
    if purpose is Purpose.MARKETING:
        give(session, application, purpose)

    consents.withdraw(session, application, purpose, by=by_debtor(application), at=NOON)

    assert application.status is ApplicationStatus.SUBMITTED
    assert consents.missing(session, application, needed=frozenset({purpose})) == (purpose,)


def test_a_consent_never_given_cannot_be_taken_back(session):
    application = make.submitted(session)

    with pytest.raises(consents.NoSuchConsent):
        consents.withdraw(
            session, application, Purpose.MARKETING, by=by_debtor(application), at=NOON
        )


def test_nobody_takes_a_consent_back_for_the_debtor(session):
    application = make.submitted(session)

    with pytest.raises(applicants.OnlyTheDebtor):
        consents.withdraw(
            session, application, Purpose.BUREAU_QUERY, by=Actor(Role.AGENCY, "beichen"), at=NOON
        )


@pytest.mark.parametrize(
    "evidence",
    [
        {"mobile": "13900000001"},
        {"card": "6225 8801 2345 6789"},
        {"page": "x" * 201},
        {f"k{n}": "v" for n in range(9)},
    ],
)
def test_evidence_is_short_and_holds_no_personal_number(session, evidence):
    application = make.identified(session)

    with pytest.raises(consents.EvidenceRefused):
        give(session, application, Purpose.BUREAU_QUERY, evidence=evidence)


def test_a_closed_application_takes_no_more_consents(session):
    application = make.submitted(session)
    closing.withdraw(session, application, reason="asked", by=by_debtor(application), at=NOON)

    with pytest.raises(MoveRefused):
        give(session, application, Purpose.MARKETING)


def test_the_database_itself_refuses_a_second_consent_in_force(session):
    application = make.identified(session)
    given = give(session, application, Purpose.BUREAU_QUERY)
    second = Consent(
        id=UUID(int=1),
        application_id=application.id,
        purpose=given.purpose,
        text_version=given.text_version,
        locale=given.locale,
        text_sha256=given.text_sha256,
        evidence={},
        given_at=NOON,
    )

    with pytest.raises(IntegrityError):
        written(session, second)

    assert session.scalar(select(func.count()).select_from(Consent)) == 2
