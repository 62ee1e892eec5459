"""Debtors: reading what a person says he is, and writing down what the identity partner said.

The partner is asked between two transactions: `prepare` counts the try, `record` keeps the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kernel import ids
from kernel.clock import require_aware
from kernel.personal import CardNumber, Mobile, NationalId, NotPersonal, Personal, PersonName
from kernel.refusals import FieldFault, Refused
from kernel.sealing import blind_index, seal
from origination import invitations
from origination.identities import Identity, IdentityAnswer
from origination.records.debtors import Debtor, IdentityOutcome, IdentityTry
from origination.records.referrals import Referral, ReferralStatus

TRIES_A_DAY: Final = 5
"""Tries that the partner did not confirm; see SILENCE_FORGIVEN for those it did not answer."""
SILENCE_FORGIVEN: Final = timedelta(minutes=15)
"""An unanswered try counts this long: a partner's bad day must not lock a person out."""
_NOT_LETTERS: Final = frozenset("*·• .'-")

P = TypeVar("P", bound=Personal)


class IdentityFaulty(Refused):
    """An element does not have its form, or is not the one the person came with."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "identity_faulty"
    title = "Check what you entered"
    title_zh = "请核对您填写的内容"


class IdentityNotConfirmed(Refused):
    """The partner does not confirm that the elements belong to one person; it never says which."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "identity_not_confirmed"
    title = "Name, ID number and mobile could not be confirmed as one person's: check each of them"
    title_zh = "姓名、身份证号和手机号未能核验为同一人，请逐项核对"


class TooManyIdentityTries(Refused):
    """An identity was tried too often today."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too_many_identity_tries"
    title = "Your identity was checked too often today: try again tomorrow or ask us to help"
    title_zh = "今日身份核验次数已达上限，请明日再试或联系我们协助"


class IdentityTryAnswered(Refused):
    """The answer to this try was written down before."""

    status = HTTPStatus.CONFLICT
    code = "identity_try_answered"
    title = "This check was answered already"
    title_zh = "该次核验已有结果"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Entered:
    """What a person typed, unread."""

    name: str
    national_id: str
    mobile: str
    card_number: str | None = None


def read(entered: Entered) -> Identity:
    """Read the elements, naming every one that does not have its form.

    Age is not judged here: whom to lend to is underwriting's decision.

    Raises:
        IdentityFaulty: with a fault for each element that is not right.
    """
    faults: list[FieldFault] = []

    def element(pointer: str, parse: Callable[[str], P], value: str) -> P | None:
        try:
            return parse(value)
        except NotPersonal as fault:
            faults.append(FieldFault(pointer, str(fault)))
            return None

    name = element("/name", PersonName.parse, entered.name)
    national_id = element("/national_id", NationalId.parse, entered.national_id)
    mobile = element("/mobile", Mobile.parse, entered.mobile)
    card = None
    if entered.card_number:
        card = element("/card_number", CardNumber.parse, entered.card_number)
    if faults or name is None or national_id is None or mobile is None:
        raise IdentityFaulty(faults=tuple(faults))
    return Identity(name=name, national_id=national_id, mobile=mobile, card=card)


def prepare(
    session: Session, referral: Referral, identity: Identity, *, at: datetime
) -> IdentityTry:
    """Count a try and see that it is about the person invited, before the partner is asked.

    Raises:
        InvitationOver: the invitation is over.
        IdentityFaulty: the mobile or the name is not the one the invitation was for.
        TooManyIdentityTries: five tries were not confirmed in 24 hours, or made just now.
    """
    session.refresh(referral, with_for_update=True)
    invitations.require_usable(referral, at=at)
    if referral.status not in {ReferralStatus.OPENED, ReferralStatus.CONSENTED}:
        raise invitations.InvitationOver()
    _require_invited_person(referral, identity)
    tries = session.scalar(
        select(func.count())
        .select_from(IdentityTry)
        .where(
            IdentityTry.referral_id == referral.id,
            or_(
                and_(
                    IdentityTry.outcome == IdentityOutcome.MISMATCHED,
                    IdentityTry.at > at - timedelta(days=1),
                ),
                IdentityTry.at > at - SILENCE_FORGIVEN,
            ),
        )
    )
    if tries is not None and tries >= TRIES_A_DAY:
        raise TooManyIdentityTries()
    made = IdentityTry(
        id=ids.new(),
        referral_id=referral.id,
        outcome=IdentityOutcome.ASKED,
        at=require_aware(at),
    )
    session.add(made)
    session.flush()
    return made


def record(
    session: Session,
    try_id: UUID,
    identity: Identity,
    answer: IdentityAnswer,
    *,
    at: datetime,
) -> Debtor | None:
    """Keep the partner's answer, and the debtor where it says yes.

    None means that the partner did not confirm; the try stays counted, so the edge lets the
    transaction commit and then calls `require`. One ID number is one debtor, whose name and
    mobile are those confirmed last.

    Raises:
        IdentityTryAnswered: an answer was kept before.
    """
    made = session.get_one(IdentityTry, try_id, with_for_update=True, populate_existing=True)
    if made.outcome is not IdentityOutcome.ASKED:
        raise IdentityTryAnswered()
    made.outcome = IdentityOutcome.MATCHED if answer.matches else IdentityOutcome.MISMATCHED
    made.check_no = answer.check_no
    made.answered_at = require_aware(at)
    session.flush()
    return _kept(session, identity, answer, at=at) if answer.matches else None


def require(debtor: Debtor | None) -> Debtor:
    """Go on only with a confirmed debtor; call it when the try has been committed.

    Raises:
        IdentityNotConfirmed: the partner did not confirm.
    """
    if debtor is None:
        raise IdentityNotConfirmed()
    return debtor


def _require_invited_person(referral: Referral, identity: Identity) -> None:
    if blind_index(identity.mobile) != referral.mobile_index:
        raise IdentityFaulty(
            faults=(FieldFault("/mobile", "use the number the invitation was sent to"),)
        )
    shown = [c for c in referral.masked_name.casefold() if c not in _NOT_LETTERS]
    letters = iter(identity.name.plain.casefold())
    if not all(letter in letters for letter in shown):
        raise IdentityFaulty(
            faults=(
                FieldFault("/name", "is not the name the invitation is for; enter your own name"),
            )
        )


def _kept(session: Session, identity: Identity, answer: IdentityAnswer, *, at: datetime) -> Debtor:
    known = {
        "name": seal(identity.name),
        "mobile": seal(identity.mobile),
        "mobile_index": blind_index(identity.mobile),
        "identity_check_no": answer.check_no,
        "deceased": answer.deceased,
        "identified_at": at,
    }
    index = blind_index(identity.national_id)
    # An upsert, not look-then-add: the same person may prove himself in two browsers at once.
    session.execute(
        insert(Debtor)
        .values(
            id=ids.new(),
            national_id=seal(identity.national_id),
            national_id_index=index,
            born_on=identity.national_id.born_on,
            **known,
        )
        .on_conflict_do_update(index_elements=["national_id_index"], set_=known)
    )
    return session.scalars(
        select(Debtor)
        .where(Debtor.national_id_index == index)
        .execution_options(populate_existing=True)
    ).one()
