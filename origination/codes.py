"""One-time codes: six digits by SMS, good for five minutes, five tries and one purpose."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select, text
from sqlalchemy.orm import Session

from kernel import ids
from kernel.clock import require_aware
from kernel.personal import Mobile, cleaned
from kernel.refusals import FieldFault, Refused
from kernel.sealing import blind_index
from origination import messages
from origination.messages import Wording
from origination.records.codes import CodeDigits, CodePurpose, NetworkAddress, OneTimeCode
from origination.records.debtors import Debtor
from origination.records.referrals import LIVE_STATUSES, Locale, Referral

DIGITS: Final = 6
LIFETIME: Final = timedelta(minutes=5)
TRIES: Final = 5
RESEND_GAP: Final = timedelta(seconds=60)
PER_MOBILE_HOUR: Final = 5
PER_MOBILE_DAY: Final = 15
PER_ADDRESS_HOUR: Final = 30
"""Many people stand behind one address of a mobile network."""
_TEMPLATES: Final = {
    CodePurpose.SIGN_IN: "sign_in_code",
    CodePurpose.SIGN_CONTRACT: "sign_contract_code",
}


class TooManyCodes(Refused):
    """Codes were asked for too often, for this mobile or from this address."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too_many_codes"
    title = "Too many codes were asked for: wait a little and try again"
    title_zh = "获取验证码过于频繁，请稍后再试"


class CodeMalformed(Refused):
    """What was entered is not six digits; it does not count as a try."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "code_malformed"
    title = "Enter the 6 digits from the message"
    title_zh = "请输入短信中的6位数字"

    def __init__(self) -> None:
        super().__init__(faults=(FieldFault("/code", self.title),))


class CodeWrong(Refused):
    """The digits are not those of the latest code."""

    status = HTTPStatus.FORBIDDEN
    code = "code_wrong"
    title = "The code is wrong: look at the latest message and try again"
    title_zh = "验证码不正确，请核对最近一条短信后重试"


class CodeDead(Refused):
    """There is no code to be entered: it is too old, used, or was guessed at too often."""

    status = HTTPStatus.GONE
    code = "code_dead"
    title = "The code is no longer valid: ask for a new one"
    title_zh = "验证码已失效，请重新获取"


class CodeAnswer(StrEnum):
    """What came of entering a code."""

    ACCEPTED = "accepted"
    WRONG = "wrong"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeUse:
    """What a code is for: it opens nothing else."""

    purpose: CodePurpose
    subject_id: UUID | None = None
    """What it is about, such as the offer to be signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSent:
    """The answer to asking for a code, the same whether we know the number or not."""

    expires_at: datetime
    resend_at: datetime


SIGN_IN: Final = CodeUse(purpose=CodePurpose.SIGN_IN)


def send(
    session: Session,
    mobile: Mobile,
    use: CodeUse,
    *,
    address: NetworkAddress,
    locale: Locale,
    at: datetime,
) -> CodeSent:
    """Make a code and queue its message; a number we do not know gets none, and no other answer.

    Raises:
        TooManyCodes: the limit of the mobile or of the address is reached, known or not.
    """
    mobile_index, address_index = blind_index(mobile), blind_index(address)
    _take_turns(session, mobile_index, address_index)
    _require_within_limits(session, mobile_index, address_index, at=at)
    digits = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
    code = OneTimeCode(
        id=ids.new(),
        mobile_index=mobile_index,
        address_index=address_index,
        purpose=use.purpose,
        subject_id=use.subject_id,
        digest=secrets.token_hex(32),  # a code nobody was sent matches nothing
        tries_left=TRIES,
        created_at=require_aware(at),
        expires_at=at + LIFETIME,
    )
    if use.purpose is not CodePurpose.SIGN_IN or _is_known(session, mobile_index):
        code.digest = _digest(code.id, digits)
        wording = Wording(template=_TEMPLATES[use.purpose], locale=locale, values={"code": digits})
        messages.queue(session, mobile, wording, once_for=code.id, at=at)
    session.add(code)
    session.flush()
    return CodeSent(expires_at=code.expires_at, resend_at=at + RESEND_GAP)


def check(
    session: Session, mobile: Mobile, entered: str, *, use: CodeUse, at: datetime
) -> CodeAnswer:
    """Try a code: accepted uses it up, wrong costs a try; either must be committed.

    So nothing is raised for a wrong code here: the edge lets the transaction commit and then
    calls `require`.

    Raises:
        CodeMalformed: not six digits; no try is lost.
    """
    digits = cleaned(entered)
    if not (len(digits) == DIGITS and digits.isascii() and digits.isdigit()):
        raise CodeMalformed()
    code = _latest(session, blind_index(mobile), use)
    if code is None or code.used_at is not None or code.tries_left == 0 or code.expires_at <= at:
        return CodeAnswer.DEAD
    code.tries_left -= 1
    accepted = hmac.compare_digest(code.digest, _digest(code.id, digits))
    if accepted:
        code.used_at = require_aware(at)
    session.flush()
    return CodeAnswer.ACCEPTED if accepted else CodeAnswer.WRONG


def require(answer: CodeAnswer) -> None:
    """Go on only after an accepted code; call it when the try has been committed.

    Raises:
        CodeWrong: the digits were wrong.
        CodeDead: there was no code to be entered.
    """
    match answer:
        case CodeAnswer.ACCEPTED:
            return
        case CodeAnswer.WRONG:
            raise CodeWrong()
        case CodeAnswer.DEAD:
            raise CodeDead()


def _take_turns(session: Session, *indexes: str) -> None:
    """Let requests of one mobile or address come one after another, or they could pass a limit.

    The locks are taken in one order, whoever asks.
    """
    for index in sorted(indexes):
        session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 7227))"), {"name": index}
        )


def _require_within_limits(
    session: Session, mobile_index: str, address_index: str, *, at: datetime
) -> None:
    of_mobile = OneTimeCode.mobile_index == mobile_index
    of_address = OneTimeCode.address_index == address_index
    if (
        _sent_since(session, of_mobile, at - RESEND_GAP) >= 1
        or _sent_since(session, of_mobile, at - timedelta(hours=1)) >= PER_MOBILE_HOUR
        or _sent_since(session, of_mobile, at - timedelta(days=1)) >= PER_MOBILE_DAY
        or _sent_since(session, of_address, at - timedelta(hours=1)) >= PER_ADDRESS_HOUR
    ):
        raise TooManyCodes()


def _sent_since(session: Session, whose: ColumnElement[bool], since: datetime) -> int:
    counted = select(func.count()).select_from(OneTimeCode)
    return session.scalar(counted.where(whose, OneTimeCode.created_at > since)) or 0


def _is_known(session: Session, mobile_index: str) -> bool:
    live = exists().where(Referral.mobile_index == mobile_index, Referral.status.in_(LIVE_STATUSES))
    debtor = exists().where(Debtor.mobile_index == mobile_index)
    return bool(session.scalar(select(live | debtor)))


def _latest(session: Session, mobile_index: str, use: CodeUse) -> OneTimeCode | None:
    return session.scalar(
        select(OneTimeCode)
        .where(
            OneTimeCode.mobile_index == mobile_index,
            OneTimeCode.purpose == use.purpose,
            OneTimeCode.subject_id.is_not_distinct_from(use.subject_id),
        )
        .order_by(OneTimeCode.created_at.desc(), OneTimeCode.id.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _digest(code_id: UUID, digits: str) -> str:
    return blind_index(CodeDigits(f"{code_id}:{digits}"))
