"""Consents: one text for one purpose, given by the debtor himself and as easily taken back."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from kernel import ids, moves
from kernel.actors import Actor
from kernel.clock import business_day
from kernel.refusals import FieldFault, Refused
from origination import applicants, closing, minimal_data, ownership
from origination.records.applications import (
    APPLICATION_MOVES,
    CLOSED,
    FILLING_IN,
    Application,
    ApplicationStatus,
)
from origination.records.consents import REQUIRED, Consent, Purpose
from origination.records.referrals import Locale, Referral

TEXTS: Final = Path(__file__).parent / "consents.toml"
EVIDENCE_ENTRIES_MAX: Final = 8
EVIDENCE_CHARACTERS_MAX: Final = 200
NEEDED_TO_DECIDE: Final = REQUIRED - {Purpose.AGENCY_STATUS}
"""Without one of these nobody may look at the application any further."""


class ConsentMissing(Refused):
    """What was asked for needs a consent that was not given, or was taken back."""

    status = HTTPStatus.CONFLICT
    code = "consent_missing"
    title = "A consent is missing"
    title_zh = "缺少必要的授权"

    def __init__(self, purposes: Sequence[Purpose]) -> None:
        super().__init__(
            f"Please read and decide on: {', '.join(purposes)}",
            faults=tuple(FieldFault(f"/consents/{p}", "read and decide") for p in purposes),
        )
        self.purposes = tuple(purposes)


class ConsentTextChanged(Refused):
    """The text that was read is not the one in force."""

    status = HTTPStatus.CONFLICT
    code = "consent_text_changed"
    title = "The text has changed; please read it again"
    title_zh = "授权文本已更新，请重新阅读"


class NoSuchConsent(Refused):
    """There is no consent in force to take back."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_consent"
    title = "There is no such consent to take back"
    title_zh = "没有可撤回的授权"


class EvidenceRefused(Refused):
    """The evidence is too long, or looks as if it held personal data."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "evidence_refused"
    title = "The evidence cannot be kept in this form"
    title_zh = "凭证格式不符合要求"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentText:
    """One text in both languages, and the day it came into force."""

    purpose: Purpose
    version: str
    in_force: date
    source: str
    title: Mapping[Locale, str]
    words: Mapping[Locale, str] = field(repr=False)

    @property
    def is_required(self) -> bool:
        """Whether an application can be decided without it."""
        return self.purpose in REQUIRED

    def sha256(self, locale: Locale) -> str:
        """Hash what is shown: purpose, version, title and words in one language."""
        shown = "\n".join((self.purpose, self.version, self.title[locale], self.words[locale]))
        return hashlib.sha256(shown.encode()).hexdigest()


def text(purpose: Purpose, *, on: date) -> ConsentText:
    """Give the text of a purpose in force on a day.

    Raises:
        LookupError: no text was in force yet.
    """
    for candidate in reversed(_texts()):
        if candidate.purpose is purpose and candidate.in_force <= on:
            return candidate
    raise LookupError(f"no text for {purpose} was in force on {on}")


def texts(*, on: date) -> tuple[ConsentText, ...]:
    """Give the texts of all purposes in force on a day, required ones first."""
    return tuple(text(purpose, on=on) for purpose in Purpose)


def give(
    session: Session,
    application: Application,
    purpose: Purpose,
    *,
    shown_sha256: str,
    evidence: Mapping[str, str],
    by: Actor,
    at: datetime,
) -> Consent:
    """Write down that the debtor agreed to the text he was shown; once given is enough.

    The identity check may be agreed to before the identity is known, all others after it. With
    the last required one the referral owns the debtor and the application moves on; where another
    referral owns him already, it ends.

    Raises:
        OnlyTheDebtor: somebody else tries to agree for him.
        ConsentTextChanged: he was shown another text than the one in force.
        EvidenceRefused: the evidence is too long or holds long runs of digits.
        InvitationOver: the referral ended before the last consent.
        MoveRefused: the application is closed, or the identity is not known yet.
    """
    applicants.require_debtor(application, by)
    applicants.lock(session, application)
    _require_open_for(application, purpose)
    words = text(purpose, on=business_day(at))
    if shown_sha256 != words.sha256(application.locale):
        raise ConsentTextChanged(f"the text in force for {purpose} is {words.version}")
    require_plain(evidence)
    given = in_force(session, application).get(purpose)
    if given is None:
        given = _write(session, application, words, evidence=evidence, at=at)
    application.touched_at = at
    if application.status is ApplicationStatus.IDENTIFIED and not missing(session, application):
        _consented(session, application, by=by, at=at)
    return given


def withdraw(
    session: Session, application: Application, purpose: Purpose, *, by: Actor, at: datetime
) -> Consent:
    """Take a consent back and stop what depends on it.

    While the debtor is still filling in, nothing can be submitted until he agrees again. After
    that an application that nobody may look at any more is withdrawn, unless money is on its way:
    then the contract stands and only further queries stop. Telling the agency stops by itself.

    Raises:
        OnlyTheDebtor: somebody else tries to take it back.
        NoSuchConsent: it was never given, or was taken back before.
    """
    applicants.require_debtor(application, by)
    applicants.lock(session, application)
    given = in_force(session, application).get(purpose)
    if given is None:
        raise NoSuchConsent(f"no consent for {purpose} is in force")
    given.withdrawn_at = at
    session.flush()
    stops = purpose in NEEDED_TO_DECIDE and application.status not in CLOSED | FILLING_IN
    if stops:
        _stop(session, application, reason=f"consent {purpose}", by=by, at=at)
    return given


def missing(
    session: Session, application: Application, *, needed: frozenset[Purpose] = REQUIRED
) -> tuple[Purpose, ...]:
    """List the needed consents that are not in force, in the order they are asked for."""
    given = in_force(session, application)
    return tuple(purpose for purpose in Purpose if purpose in needed and purpose not in given)


def require(session: Session, application: Application, *, needed: frozenset[Purpose]) -> None:
    """Go on only when every needed consent is in force.

    Raises:
        ConsentMissing: at least one is not.
    """
    absent = missing(session, application, needed=needed)
    if absent:
        raise ConsentMissing(absent)


def require_plain(evidence: Mapping[str, str]) -> None:
    """Go on only with evidence that is short and holds no personal number.

    Raises:
        EvidenceRefused: it is not.
    """
    whole = len(evidence) <= EVIDENCE_ENTRIES_MAX and all(
        len(part) <= EVIDENCE_CHARACTERS_MAX for pair in evidence.items() for part in pair
    )
    if not whole:
        raise EvidenceRefused("at most 8 entries of at most 200 characters")
    if any(minimal_data.forbidden_kind(part) for pair in evidence.items() for part in pair):
        raise EvidenceRefused("evidence names sessions and pages, never a number of a person")


def listed(session: Session, application: Application) -> Sequence[Consent]:
    """List every consent of an application, taken back or not, oldest first."""
    return session.scalars(
        select(Consent)
        .where(Consent.application_id == application.id)
        .order_by(Consent.given_at, Consent.id)
    ).all()


def _consented(session: Session, application: Application, *, by: Actor, at: datetime) -> None:
    """Let the referral own the debtor; where another one does, the application ends here."""
    assert application.debtor_id is not None, "an identified application knows its debtor"
    referral = session.get_one(Referral, application.referral_id)
    claim = ownership.claim(session, referral, debtor_id=application.debtor_id, by=by, at=at)
    if claim.owned:
        moves.advance(
            session,
            application,
            ApplicationStatus.CONSENTED,
            table=APPLICATION_MOVES,
            by=by,
            at=at,
        )
        return
    closing.close(
        session,
        application,
        ApplicationStatus.EXPIRED,
        reason="another referral owns the debtor",
        by=by,
        at=at,
    )


def _stop(
    session: Session, application: Application, *, reason: str, by: Actor, at: datetime
) -> None:
    try:
        with session.begin_nested():
            closing.withdraw(session, application, reason=reason, by=by, at=at)
    except moves.MoveRefused:
        # Money is on its way: the contract stands, and only further queries stop.
        return


def in_force(session: Session, application: Application) -> Mapping[Purpose, Consent]:
    """Give the consents in force, by purpose."""
    return {c.purpose: c for c in listed(session, application) if c.withdrawn_at is None}


def _require_open_for(application: Application, purpose: Purpose) -> None:
    too_early = (
        application.status is ApplicationStatus.STARTED and purpose is not Purpose.IDENTITY_CHECK
    )
    if too_early or not application.is_live:
        raise moves.MoveRefused("application", application.status, f"consent {purpose}")


def _write(
    session: Session,
    application: Application,
    words: ConsentText,
    *,
    evidence: Mapping[str, str],
    at: datetime,
) -> Consent:
    given = Consent(
        id=ids.new(),
        application_id=application.id,
        purpose=words.purpose,
        text_version=words.version,
        locale=application.locale,
        text_sha256=words.sha256(application.locale),
        evidence=dict(evidence),
        given_at=at,
        withdrawn_at=None,
    )
    session.add(given)
    session.flush()
    return given


@cache
def _texts() -> tuple[ConsentText, ...]:
    parsed = tomllib.loads(TEXTS.read_text(encoding="utf-8"))
    rows = sorted(parsed["text"], key=lambda row: row["in_force"])
    return tuple(
        ConsentText(
            purpose=Purpose(row["purpose"]),
            version=row["version"],
            in_force=row["in_force"],
            source=row["source"],
            title={locale: row[f"title_{locale}"] for locale in Locale},
            words={locale: row[locale] for locale in Locale},
        )
        for row in rows
    )
