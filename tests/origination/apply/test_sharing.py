"""What an application hands down: digests of what it shares, never a plain value."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from sqlalchemy import select, text

from kernel import db
from kernel.money import Money
from origination import assessing, cards, devices, referral_forms, sharing
from origination.devices import DeviceNumber
from origination.records.agencies import Agency
from origination.records.applications import Application
from origination.records.referrals import Referral
from tests.origination.apply import builders as make
from tests.origination.apply import world
from tests.origination.apply.builders import Person
from tests.origination.front import builders as front
from underwriting import assessments
from underwriting.records.groups import FairnessGroup
from underwriting.records.watching import WatchedCase
from underwriting.watched import AgeBand, Sex

NOTE = (
    "本人因公司裁员于今年三月失业，家中有老人需要照顾，目前暂时无力一次性偿还全部欠款，希望分期偿还"
)
DEVICE = DeviceNumber("0123456789abcdef" * 2)


def test_a_submitted_application_has_a_key_of_each_kind_and_shows_no_plain_value(session):
    application = make.submitted(session)
    devices.note(session, application, DEVICE, at=make.NOON)
    referral = session.get_one(Referral, application.referral_id)
    agency = session.get_one(Agency, referral.agency_id)
    told = front.referral(
        session, agency, case_no="BC-9", mobile="13988888888", collector_no="K-17",
        hardship_note=NOTE,
    )  # fmt: skip
    referral.collector_index, referral.hardship_signature = (
        told.collector_index,
        told.hardship_signature,
    )

    found = sharing.keys(session, application, cards.listed(session, application))

    assert Counter(key.kind.value for key in found) == {
        "national_id": 1,
        "mobile": 1,
        "card": 1,
        "device": 1,
        "agency": 1,
        "collector": 1,
        "text": 10,
    }
    person = Person()
    plain = {person.mobile.plain, person.national_id.plain, person.card().plain, DEVICE.plain}
    assert all(len(key.digest) == 64 for key in found)
    assert not any(value in key.digest for key in found for value in plain)


def test_a_note_is_signed_and_kept_nowhere(session):
    agency = front.agency(session)

    kept = front.referral(session, agency, hardship_note=NOTE, collector_no="K-17")

    assert kept.hardship_signature is not None
    row = session.execute(text("SELECT * FROM referral")).mappings().one()
    assert not any("裁员" in str(value) or "K-17" in str(value) for value in row.values())


def test_a_case_that_says_nothing_new_is_spelled_as_before_it_could():
    content = referral_forms.parse(front.payload()).canonical()
    said = referral_forms.parse(front.payload(stated_balance="0.00")).canonical()

    assert not any(name in content for name in ("hardship_note", "collector_no", "stated_balance"))
    assert '"stated_balance": "0.00"' in said


def test_the_stated_balance_goes_down_with_the_card_that_was_referred(session):
    application = make.submitted(session)
    referral = session.get_one(Referral, application.referral_id)
    [card] = cards.listed(session, application)
    referral.card_bin, referral.stated_balance = card.bin, Money.yuan("12000.00")

    case = sharing.case(session, application, [card])

    assert (case.agency, str(case.stated_balance)) == ("beichen", "12000.00")
    assert case.stated_card_ref == card.id


def test_who_comes_from_a_device_another_person_used_is_told_of_in_his_dossier(sandbox, outside):
    one, other = Person(), Person(number=2)
    world.load(sandbox, one)
    world.load(sandbox, other)
    applications = [world.waiting(person) for person in (one, other)]
    with db.transaction() as session:
        for application in applications:
            mine = session.get_one(Application, application.id)
            devices.note(session, mine, DEVICE, at=make.NOON)

    assessing.run_one(outside, applications[0].id)
    outside.clock.advance(timedelta(minutes=1))
    assessing.run_one(outside, applications[1].id)

    with db.transaction() as session:
        told = [
            assessments.dossier_of(assessments.latest(session, each.id)).figures
            for each in applications
        ]
        groups = session.execute(select(FairnessGroup.sex, FairnessGroup.age_band)).all()
        cases = session.scalars(select(WatchedCase.agency)).all()
    assert [(f["ring_size"], f["ring_device_shared"]) for f in told] == [(1, 0), (2, 1)]
    # Numbers 001 and 002 of 1 January 1990: a woman's is even.
    assert sorted(groups) == [
        (Sex.FEMALE, AgeBand.FROM_35),
        (Sex.MALE, AgeBand.FROM_35),
    ]
    assert cases == ["beichen", "beichen"]
