"""What an agency sends about one case, checked whole: every fault is named at once.

The JSON object and the row of a file have the same field names, so both are read here.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, date, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Final, TypeVar

from kernel.clock import business_day
from kernel.money import Money, NotAnAmount
from kernel.personal import Mobile, NotPersonal
from kernel.refusals import FieldFault, Refused
from origination import minimal_data
from origination.records.referrals import HardshipReason, Locale

CASE_NO_MAX: Final = 40
PROOF_MAX: Final = 200
NOTE_MAX: Final = 500
BALANCE_MAX: Final = Money.yuan("10000000.00")
COUNT_MAX: Final = 999
NAME_MAX: Final = 50

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


class ReferralFaulty(Refused):
    """The referral does not have the form asked for."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "referral_faulty"
    title = "The referral has faults"
    title_zh = "推荐单内容有误"

    def __init__(self, faults: tuple[FieldFault, ...]) -> None:
        super().__init__(f"{len(faults)} faults", faults=faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Willingness:
    """Counts that show whether the debtor wants to repay."""

    promises_made: int = 0
    promises_kept: int = 0
    partial_payments_90d: int = 0
    inbound_contacts_90d: int = 0

    @property
    def is_shown(self) -> bool:
        """Whether anything but words speaks for it."""
        return bool(self.promises_kept or self.partial_payments_90d or self.inbound_contacts_90d)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralIn:
    """One referral as an agency sent it, in good form."""

    case_no: str
    mobile: Mobile
    masked_name: str
    card_bin: str
    card_last4: str
    hardship_reason: HardshipReason
    hardship_since: date | None
    willingness: Willingness
    contact_consent_at: datetime
    contact_consent_proof: str
    locale: Locale = Locale.ZH
    collector_no: str | None = None
    """The agency's own number of whoever referred the case; never a name."""
    stated_balance: Money | None = None
    """What the agency's papers say is owed on the card; never paid by, only compared with."""
    hardship_note: str | None = field(default=None, repr=False)
    """The hardship in the agency's words: signed, compared with others, and not kept."""

    def canonical(self) -> str:
        """Write the content in one way only, so that equal content is equal text."""
        content = asdict(self) | {"mobile": self.mobile.plain}
        for name in ADDED:
            # What was not said leaves no trace: a case from before it could be said is the same.
            value = getattr(self, name)
            content.pop(name)
            content |= {} if value is None else {name: str(value)}
        return json.dumps(content, sort_keys=True, ensure_ascii=False, default=_written)


ADDED: Final = ("collector_no", "stated_balance", "hardship_note")
OPTIONAL: Final = frozenset({"hardship_since", "locale", *ADDED})
WILLINGNESS_FIELDS: Final = tuple(field.name for field in fields(Willingness))
FIELDS: Final = tuple(field.name for field in fields(ReferralIn))
_ALLOWED: Final = frozenset({"/mobile", "/contact_consent_at", "/hardship_since"})


def parse(payload: object) -> ReferralIn:
    """Read one referral.

    Raises:
        ReferralFaulty: with a pointer and a remedy for every fault found.
    """
    if not isinstance(payload, Mapping):
        raise ReferralFaulty((FieldFault("", "send one JSON object"),))
    reader = _Reader(payload)
    form = _read(reader)
    faults = (*minimal_data.findings(payload, allowed=_ALLOWED), *reader.faults)
    if faults or form is None:
        raise ReferralFaulty(_one_a_place(faults))
    return form


def time_faults(form: ReferralIn, *, at: datetime) -> tuple[FieldFault, ...]:
    """Find what lies in the future as seen from `at`."""
    faults = []
    if form.contact_consent_at > at:
        faults.append(FieldFault("/contact_consent_at", "lies in the future"))
    if form.hardship_since is not None and form.hardship_since > business_day(at):
        faults.append(FieldFault("/hardship_since", "lies in the future"))
    return tuple(faults)


def _read(reader: _Reader) -> ReferralIn | None:
    read = {
        "case_no": reader.take("case_no", _case_no),
        "mobile": reader.take("mobile", _mobile),
        "masked_name": reader.take("masked_name", _masked_name),
        "card_bin": reader.take("card_bin", _digits(6, 8)),
        "card_last4": reader.take("card_last4", _digits(4, 4)),
        "hardship_reason": reader.take("hardship_reason", _member(HardshipReason)),
        "willingness": reader.take("willingness", _willingness),
        "contact_consent_at": reader.take("contact_consent_at", _time),
        "contact_consent_proof": reader.take("contact_consent_proof", _proof),
    }
    since = reader.take("hardship_since", _day, required=False)
    locale = reader.take("locale", _member(Locale), required=False) or Locale.ZH
    added = {
        "collector_no": reader.take("collector_no", _case_no, required=False),
        "stated_balance": reader.take("stated_balance", _balance, required=False),
        "hardship_note": reader.take("hardship_note", _note, required=False),
    }
    reader.refuse_unknown()
    if reader.faults:
        return None
    return ReferralIn(**read, **added, hardship_since=since, locale=locale)  # type: ignore[arg-type] # checked one by one above


class _Faulty(Exception):
    """One value is not right: what to do, and where inside the field."""

    def __init__(self, detail: str, inside: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.inside = inside


class _Reader:
    """Take fields one by one and collect what is wrong with them."""

    def __init__(self, payload: Mapping[str, object]) -> None:
        self._payload = payload
        self._asked: set[str] = set()
        self.faults: list[FieldFault] = []

    def take(self, name: str, read: Callable[[object], T], *, required: bool = True) -> T | None:
        self._asked.add(name)
        value = self._payload.get(name)
        if value is None or value == "":
            if required:
                self.faults.append(FieldFault(f"/{name}", "is missing"))
            return None
        try:
            return read(value)
        except _Faulty as fault:
            self.faults.append(FieldFault(f"/{name}{fault.inside}", fault.detail))
            return None

    def refuse_unknown(self) -> None:
        unknown = [str(name) for name in self._payload if name not in self._asked]
        self.faults.extend(
            FieldFault(minimal_data.step("", name), "is not a field of a referral")
            for name in unknown[: minimal_data.FINDINGS_MAX]
        )


def _text(value: object, length_max: int) -> str:
    if not isinstance(value, str):
        raise _Faulty("must be text")
    text = value.strip()
    if not 1 <= len(text) <= length_max:
        raise _Faulty(f"must have 1 to {length_max} characters")
    if not minimal_data.is_plain_text(text):
        raise _Faulty("holds characters that cannot be seen")
    return text


def _case_no(value: object) -> str:
    text = _text(value, CASE_NO_MAX)
    if not all(character.isalnum() or character in "-_." for character in text):
        raise _Faulty("may hold letters, digits, hyphen, underscore and dot")
    if set(text) <= {"."}:
        raise _Faulty("must hold a letter or a digit")
    return text


def _mobile(value: object) -> Mobile:
    try:
        return Mobile.parse(_text(value, 20))
    except NotPersonal as fault:
        raise _Faulty(str(fault)) from None


def _masked_name(value: object) -> str:
    text = unicodedata.normalize("NFKC", _text(value, NAME_MAX)).replace("某", "*")
    if not all(c.isalpha() or c in "*·• .'-" for c in text):
        raise _Faulty("may hold letters and asterisks only")
    hidden = text.count("*")
    if hidden == 0 or hidden < sum(c.isalpha() for c in text):
        raise _Faulty("must be masked: keep the family name, such as 张**")
    return text


def _digits(length_min: int, length_max: int) -> Callable[[object], str]:
    wanted = str(length_min) if length_min == length_max else f"{length_min} to {length_max}"

    def read(value: object) -> str:
        text = unicodedata.normalize("NFKC", _text(value, 40))
        if not (text.isascii() and text.isdigit() and length_min <= len(text) <= length_max):
            raise _Faulty(f"must be {wanted} digits")
        return text

    return read


def _member(kind: type[E]) -> Callable[[object], E]:
    def read(value: object) -> E:
        try:
            return kind(_text(value, 40))
        except ValueError:
            raise _Faulty(f"must be one of {', '.join(kind)}") from None

    return read


def _day(value: object) -> date:
    text = _text(value, 10)
    try:
        if re.fullmatch(r"20\d\d-\d\d-\d\d", text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise _Faulty("must be a date such as 2026-08-01")


def _time(value: object) -> datetime:
    text = _text(value, 40)
    pattern = r"20\d\d-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:\d\d)"
    try:
        if re.fullmatch(pattern, text, re.ASCII):
            return datetime.fromisoformat(text.upper())
    except ValueError:
        pass
    raise _Faulty("must be a time with its offset such as 2026-11-19T10:00:00+08:00")


def _proof(value: object) -> str:
    return _text(value, PROOF_MAX)


def _balance(value: object) -> Money:
    text = _text(value, 20).replace(",", "")
    try:
        amount = Money.yuan(text)
    except NotAnAmount:
        raise _Faulty('must be yuan as text, such as "12000.00"') from None
    if not 0 <= amount.fen <= BALANCE_MAX.fen:
        raise _Faulty(f"must be from 0 to {BALANCE_MAX.grouped} yuan")
    return amount


def _note(value: object) -> str:
    if not isinstance(value, str):
        raise _Faulty("must be text")
    return _text(" ".join(value.split()), NOTE_MAX)


def _willingness(value: object) -> Willingness:
    if not isinstance(value, Mapping):
        raise _Faulty("must be an object of counts")
    for name, count in value.items():
        inside = minimal_data.step("", str(name))
        if name not in WILLINGNESS_FIELDS:
            raise _Faulty("is not a field of willingness", inside)
        if type(count) is not int or not 0 <= count <= COUNT_MAX:
            raise _Faulty(f"must be a whole number from 0 to {COUNT_MAX}", inside)
    shown = Willingness(**value)
    if shown.promises_kept > shown.promises_made:
        raise _Faulty("cannot be more than promises_made", "/promises_kept")
    if not shown.is_shown:
        raise _Faulty("shows no will to repay: a kept promise, a part payment or a call is needed")
    return shown


def _written(value: object) -> str:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case _:
            raise TypeError(f"no way to write a {type(value).__name__}")


def _one_a_place(faults: tuple[FieldFault, ...]) -> tuple[FieldFault, ...]:
    """Keep the first fault of each place: the forbidden datum speaks before the wrong form."""
    first: dict[str, FieldFault] = {}
    for fault in faults:
        first.setdefault(fault.pointer, fault)
    return tuple(first.values())
