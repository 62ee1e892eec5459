"""A person proves who he is; each failure names the element and nothing that is on file."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from kernel import db
from kernel.personal import CardNumber, Mobile, PersonName
from origination import debtors
from origination.debtors import (
    Entered,
    IdentityFaulty,
    IdentityNotConfirmed,
    IdentityTryAnswered,
    TooManyIdentityTries,
)
from origination.identities import IdentityAnswer
from origination.invitations import InvitationOver
from origination.records.debtors import Debtor, IdentityOutcome, IdentityTry
from origination.records.referrals import Referral
from tests.origination.front import builders as make

YES = IdentityAnswer(check_no="ID0001", matches=True, deceased=False)
NO = IdentityAnswer(check_no="ID0002", matches=False, deceased=False)


def entered(**changes):
    return Entered(
        **{
            "name": make.name().plain,
            "national_id": make.national_id().plain,
            "mobile": make.MOBILE.plain,
            **changes,
        }
    )


def faults(**changes):
    with pytest.raises(IdentityFaulty) as refused:
        debtors.read(entered(**changes))
    return {fault.pointer: fault.detail for fault in refused.value.faults}


@pytest.fixture
def referral(session):
    return make.opened(session, make.agency(session))


def try_(session, referral, answer=YES, *, at=make.NOON, **changes):
    who = make.identity(**changes)
    made = debtors.prepare(session, referral, who, at=at)
    return debtors.record(session, made.id, who, answer, at=at)


def test_the_elements_are_read_with_the_usual_blanks():
    identity = debtors.read(
        entered(
            name=" 张小明 ",
            mobile="139 0000 0001",
            national_id=make.national_id().plain.lower(),
            card_number="6221 5590 1900 0001",
        )
    )

    assert identity.name == make.name()
    assert identity.mobile == make.MOBILE
    assert identity.card == CardNumber("6221559019000001")
    assert make.MOBILE.plain not in repr(identity)
    assert make.MOBILE.plain not in repr(entered())


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ("national_id", "11010519491231002"),
        ("national_id", "110105194912310021"),
        ("national_id", "11010519490231002X"),
        ("national_id", ""),
        ("name", "张"),
        ("name", "x" * 51),
        ("mobile", "12345"),
        ("card_number", "6221"),
    ],
)
def test_a_wrong_element_is_named_and_never_repeated(element, value):
    found = faults(**{element: value})

    assert list(found) == [f"/{element}"]
    if value:
        assert value not in found[f"/{element}"]


def test_every_wrong_element_is_named_at_once():
    assert set(faults(name="", national_id="1", mobile="2")) == {"/name", "/national_id", "/mobile"}


def test_a_person_under_age_is_read_like_any_other(session, referral):
    young = make.national_id(born="20150101")

    debtor = try_(session, referral, national_id=young)

    assert debtor.born_on == young.born_on


def test_a_confirmed_person_becomes_a_debtor_with_everything_sealed(session, referral):
    debtor = try_(session, referral)

    assert debtor.identity_check_no == "ID0001"
    assert not debtor.deceased
    row = session.execute(text("SELECT d::text FROM debtor d")).scalar_one()
    for secret in (make.name().plain, make.national_id().plain, make.MOBILE.plain):
        assert secret not in row
        assert secret.encode().hex() not in row


def test_the_same_id_number_is_the_same_debtor_with_what_was_confirmed_last(session):
    first = make.opened(session, make.agency(session))
    new_mobile = Mobile.parse("13900000009")
    second = make.opened(session, make.agency(session, "nanshan"), mobile=new_mobile.plain)
    debtor = try_(session, first)
    index_before = debtor.mobile_index

    again = try_(session, second, mobile=new_mobile, at=make.NOON + timedelta(hours=1))

    assert again.id == debtor.id
    assert again.mobile_index != index_before
    assert len(session.scalars(select(Debtor)).all()) == 1


def test_what_the_partner_says_about_death_is_kept_for_underwriting(session, referral):
    dead = IdentityAnswer(check_no="ID0003", matches=True, deceased=True)

    assert try_(session, referral, dead).deceased


def test_an_unconfirmed_person_is_no_debtor_and_the_try_is_kept(session, referral):
    assert try_(session, referral, NO) is None

    [made] = session.scalars(select(IdentityTry)).all()
    assert made.outcome is IdentityOutcome.MISMATCHED
    assert session.scalars(select(Debtor)).all() == []
    with pytest.raises(IdentityNotConfirmed) as refused:
        debtors.require(None)
    assert refused.value.faults == ()


def test_a_mobile_other_than_the_invited_one_is_named(session, referral):
    with pytest.raises(IdentityFaulty) as refused:
        try_(session, referral, mobile=Mobile.parse("13900000002"))

    assert [fault.pointer for fault in refused.value.faults] == ["/mobile"]
    assert "1390" not in refused.value.faults[0].detail


@pytest.mark.parametrize(
    ("masked", "name", "agrees"),
    [
        ("张**", "张小明", True),
        ("*明", "张小明", True),
        ("欧阳**", "欧阳小明", True),
        ("L*****", "li xiaoming", True),
        ("王**", "张小明", False),
    ],
)
def test_the_name_must_agree_with_what_the_mask_shows(session, masked, name, agrees):
    referral = make.opened(session, make.agency(session), masked_name=masked)
    person = PersonName.parse(name)

    if agrees:
        assert try_(session, referral, name=person)
    else:
        with pytest.raises(IdentityFaulty) as refused:
            try_(session, referral, name=person)
        assert [fault.pointer for fault in refused.value.faults] == ["/name"]
        assert "王" not in refused.value.faults[0].detail


def test_five_unconfirmed_tries_a_day_are_enough(session, referral):
    at = make.NOON
    for _ in range(5):
        try_(session, referral, NO, at=at)
        at += timedelta(hours=1)

    with pytest.raises(TooManyIdentityTries):
        try_(session, referral, at=at)
    assert try_(session, referral, at=make.NOON + timedelta(days=1))


def test_a_silent_partner_does_not_lock_a_person_out_for_long(session, referral):
    for _ in range(5):
        debtors.prepare(session, referral, make.identity(), at=make.NOON)

    with pytest.raises(TooManyIdentityTries):
        try_(session, referral)
    assert try_(session, referral, at=make.NOON + timedelta(minutes=15))


def test_an_answer_is_kept_once(session, referral):
    who = make.identity()
    made = debtors.prepare(session, referral, who, at=make.NOON)
    debtors.record(session, made.id, who, NO, at=make.NOON)

    with pytest.raises(IdentityTryAnswered):
        debtors.record(session, made.id, who, YES, at=make.NOON)


def test_nobody_proves_himself_through_an_invitation_that_is_over_or_unopened(session):
    agency = make.agency(session)
    opened = make.opened(session, agency)
    unopened = make.invited(session, agency, case_no="BC-2", card_last4="1111")

    with pytest.raises(InvitationOver):
        try_(session, opened, at=make.NOON + timedelta(days=7))
    with pytest.raises(InvitationOver):
        try_(session, unopened)


def test_one_person_proving_himself_in_two_browsers_is_one_debtor(database):
    with db.transaction() as session:
        rivals = [
            make.opened(session, make.agency(session, code)).id for code in ("beichen", "nanshan")
        ]
    start = threading.Barrier(2)

    def prove(number):
        start.wait(10)
        with db.transaction() as session:
            return try_(session, session.get_one(Referral, rivals[number])).id

    with ThreadPoolExecutor(2) as pool:
        found = set(pool.map(prove, range(2)))

    assert len(found) == 1
