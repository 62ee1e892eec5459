"""Make agencies, referrals and people for tests of the front of the house; nobody is real."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kernel import personal
from kernel.actors import Actor, Role, system
from kernel.clock import shanghai
from kernel.personal import Mobile, NationalId, PersonName
from origination import (
    agencies,
    debtors,
    invitations,
    messages,
    ownership,
    referral_forms,
    referrals,
)
from origination.identities import Identity, IdentityAnswer
from origination.records.agencies import Agency
from origination.records.debtors import Debtor
from origination.records.referrals import Referral
from tests.conftest import TODAY

NOON = shanghai(TODAY, 12)
SETUP = system("test-setup")
PUBLIC_URL = "https://daichang.example"
MOBILE = Mobile.parse("13900000001")


def agency_actor(agency: Agency) -> Actor:
    return Actor(Role.AGENCY, agency.code)


def debtor_actor(referral: Referral) -> Actor:
    return Actor(Role.DEBTOR, str(referral.id))


def payload(**changes: Any) -> dict[str, Any]:
    return {
        "case_no": "BC-0001",
        "mobile": MOBILE.plain,
        "masked_name": "张**",
        "card_bin": "622155",
        "card_last4": "4321",
        "hardship_reason": "job_loss",
        "hardship_since": "2026-08-01",
        "willingness": {"promises_made": 3, "promises_kept": 2},
        "contact_consent_at": "2026-11-10T10:00:00+08:00",
        "contact_consent_proof": "call record BC-R-77",
        "locale": "zh",
        **changes,
    }


def agency(session: Any, code: str = "beichen") -> Agency:
    return agencies.register(session, code=code, name=f"{code} 资产管理", by=SETUP, at=NOON)


def referral(session: Any, of: Agency, *, at: datetime = NOON, **changes: Any) -> Referral:
    form = referral_forms.parse(payload(**changes))
    return referrals.receive(session, of.id, form, by=agency_actor(of), at=at).referral


def national_id(number: int = 1, born: str = "19900101") -> NationalId:
    first_17 = f"110105{born}{number:03d}"
    return NationalId.parse(first_17 + personal.check_digit(first_17))


def name() -> PersonName:
    return PersonName.parse("张小明")


def invited(session: Any, of: Agency, *, at: datetime = NOON, **changes: Any) -> Referral:
    made = referral(session, of, at=at, **changes)
    invitations.invite(session, made, public_url=PUBLIC_URL, by=SETUP, at=at)
    return made


def opened(session: Any, of: Agency, *, at: datetime = NOON, **changes: Any) -> Referral:
    made = invited(session, of, at=at, **changes)
    invitations.open_by_debtor(session, made, by=debtor_actor(made), at=at)
    return made


def identity(**changes: Any) -> Identity:
    return Identity(**{"name": name(), "national_id": national_id(), "mobile": MOBILE, **changes})


def debtor(session: Any, through: Referral, *, at: datetime = NOON, **changes: Any) -> Debtor:
    who = identity(**changes)
    made = debtors.prepare(session, through, who, at=at)
    answer = IdentityAnswer(check_no="ID0001", matches=True, deceased=False)
    return debtors.require(debtors.record(session, made.id, who, answer, at=at))


def owned(session: Any, through: Referral, *, at: datetime = NOON) -> Debtor:
    person = debtor(session, through, at=at)
    ownership.claim(session, through, debtor_id=person.id, by=debtor_actor(through), at=at)
    return person


def invited_quietly(session: Any, of: Agency) -> Referral:
    """Make an invited referral whose message has left the outbox."""
    made = invited(session, of)
    for dispatch in messages.claim(session, worker="setup", at=NOON):
        messages.delivered(session, dispatch, gateway_id="SM0", at=NOON)
    return made
