"""Take a file of referrals in: every row is read or has a fault that says how to mend it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from kernel.actors import Actor
from kernel.refusals import FieldFault, Refused
from origination import intake_files, referral_forms, referrals
from origination.agencies import AgencySuspended, UnknownAgency
from origination.intake_files import FileUnreadable, Row
from origination.referral_forms import WILLINGNESS_FIELDS, ReferralFaulty, ReferralIn

CHUNK_ROWS: Final = 200
"""Rows an edge puts into one transaction."""

HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "case_no": ("case_no", "case number", "案件编号", "案件号", "案号"),
    "mobile": ("mobile", "mobile number", "手机号", "手机号码", "手机"),
    "masked_name": ("masked_name", "masked name", "脱敏姓名", "姓名(脱敏)", "姓名"),
    "card_bin": ("card_bin", "card bin", "卡bin", "卡号前六位", "卡号前6位"),
    "card_last4": ("card_last4", "card last 4", "卡号后四位", "卡号后4位", "卡号末四位"),
    "hardship_reason": ("hardship_reason", "hardship reason", "困难原因"),
    "hardship_since": ("hardship_since", "hardship since", "困难开始日期", "困难起始日期"),
    "promises_made": ("promises_made", "promises made", "承诺次数"),
    "promises_kept": ("promises_kept", "promises kept", "履约次数", "兑现次数"),
    "partial_payments_90d": ("partial_payments_90d", "part payments in 90 days", "近90天还款次数"),
    "inbound_contacts_90d": ("inbound_contacts_90d", "calls in 90 days", "近90天主动联系次数"),
    "contact_consent_at": ("contact_consent_at", "contact consent at", "同意联系时间"),
    "contact_consent_proof": (
        "contact_consent_proof",
        "contact consent proof",
        "同意联系凭证",
        "同意凭证",
    ),
    "locale": ("locale", "language", "语言"),
    "collector_no": ("collector_no", "collector number", "催收员工号", "催收员编号"),
    "stated_balance": ("stated_balance", "stated balance", "欠款余额", "账单余额"),
    "hardship_note": ("hardship_note", "hardship note", "困难说明"),
}
"""The names a column may have, by field; blanks, case and full-width letters do not matter."""
OPTIONAL: Final = referral_forms.OPTIONAL | {*WILLINGNESS_FIELDS}
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "hardship_reason": {
        "失业": "job_loss",
        "收入下降": "income_cut",
        "降薪": "income_cut",
        "经营失败": "business_failure",
        "疾病": "illness",
        "生病": "illness",
        "家庭变故": "family",
        "自然灾害": "disaster",
        "过度借贷": "over_borrowing",
        "其他": "other",
    },
    "locale": {"中文": "zh", "英文": "en", "英语": "en", "chinese": "zh", "english": "en"},
}
"""What people write in place of the words of the API."""
_DAY: Final = re.compile(r"(20\d\d)[-/.年](\d{1,2})[-/.月](\d{1,2})日?", re.ASCII)
_CLOCK: Final = re.compile(r"[T ]*(\d{1,2}):(\d\d)(:\d\d(?:\.\d{1,6})?)?(.*)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFault:
    """What is wrong in one cell and how to mend it; the value is masked."""

    row: int
    column: str
    value: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeRow:
    """One row in good form."""

    number: int
    referral: ReferralIn


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """A file that was read: its good rows and the faults of the others."""

    rows: tuple[IntakeRow, ...]
    faults: tuple[RowFault, ...]
    case_column: str
    """How the file calls the column of case numbers."""


class Outcome(StrEnum):
    """What came of one good row."""

    CREATED = "created"
    EXISTING = "existing"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOutcome:
    """What came of one good row, with its fault where it was refused."""

    number: int
    outcome: Outcome
    fault: RowFault | None = None


def read(content: bytes, *, at: datetime) -> Intake:
    """Read a file; no good row is held back by a bad one.

    Raises:
        FileUnreadable: the file as a whole cannot be used.
    """
    header, *rows = intake_files.read(content)
    columns = _columns(header)
    labels = {
        field: f"{_letter(position)} {header.cells[position].text}"
        for position, field in columns.items()
    }
    seen: dict[tuple[object, ...], int] = {}
    good: list[IntakeRow] = []
    faults: list[RowFault] = []
    for row in rows:
        try:
            form = _form(row, columns, at=at)
            _require_new(form, row.number, seen)
        except ReferralFaulty as refused:
            faults.extend(_row_fault(row, columns, labels, fault) for fault in refused.faults)
        else:
            good.append(IntakeRow(number=row.number, referral=form))
    return Intake(
        rows=tuple(good),
        faults=tuple(faults),
        case_column=labels["case_no"],
    )


def receive(
    session: Session,
    agency_id: UUID,
    rows: Iterable[IntakeRow],
    *,
    case_column: str,
    by: Actor,
    at: datetime,
) -> list[RowOutcome]:
    """Receive good rows; one that is refused does not stop the others.

    Raises:
        AgencySuspended: the agency may not refer now.
        UnknownAgency: there is no such agency.
    """
    return [
        _received(session, agency_id, row, case_column=case_column, by=by, at=at) for row in rows
    ]


def chunks(rows: Sequence[IntakeRow]) -> Iterable[Sequence[IntakeRow]]:
    """Cut rows into what one transaction takes."""
    return (rows[start : start + CHUNK_ROWS] for start in range(0, len(rows), CHUNK_ROWS))


def masked(text: str) -> str:
    """Show a value's first character and its length, up to twelve characters.

    >>> masked("13900000001")
    '1**********'
    """
    return text[:1] + "*" * min(len(text) - 1, 11)


def _columns(header: Row) -> dict[int, str]:
    """Find which column holds which field.

    Raises:
        FileUnreadable: a name is unknown or stands twice, or a needed column is missing.
    """
    by_name = {_folded(name): field for field, names in HEADERS.items() for name in names}
    found: dict[int, str] = {}
    complaints = []
    for position, cell in enumerate(header.cells):
        if not cell.text:
            continue
        field = by_name.get(_folded(cell.text))
        if field is None:
            complaints.append(f"column {_letter(position)} has an unknown name")
        elif field in found.values():
            complaints.append(f"column {_letter(position)} repeats {field}")
        else:
            found[position] = field
    missing = [f for f in HEADERS if f not in OPTIONAL and f not in found.values()]
    complaints.extend(f"the column {field} ({HEADERS[field][-1]}) is missing" for field in missing)
    if complaints:
        raise FileUnreadable("; ".join(complaints[:20]))
    return found


def _form(row: Row, columns: Mapping[int, str], *, at: datetime) -> ReferralIn:
    faults = [
        FieldFault(_place(columns, position), cell.fault or "has no column name above it")
        for position, cell in enumerate(row.cells)
        if cell.fault or (cell.text and position not in columns)
    ]
    payload: dict[str, object] = {}
    counts: dict[str, object] = {}
    for position, field in columns.items():
        text = row.cells[position].text if position < len(row.cells) else ""
        if text:
            (counts if field in WILLINGNESS_FIELDS else payload)[field] = _value(field, text)
    payload["willingness"] = counts
    try:
        form = referral_forms.parse(payload)
    except ReferralFaulty as refused:
        named = {fault.pointer for fault in faults}
        faults.extend(fault for fault in refused.faults if _bare(fault.pointer) not in named)
        raise ReferralFaulty(tuple(faults)) from None
    faults.extend(referral_forms.time_faults(form, at=at))
    if faults:
        raise ReferralFaulty(tuple(faults))
    return form


def _require_new(form: ReferralIn, number: int, seen: dict[tuple[object, ...], int]) -> None:
    """See that no earlier row of the file has the same case, or the same person and card."""
    keys: dict[tuple[object, ...], str] = {
        (form.case_no,): "has the same case number",
        (form.mobile, form.card_bin, form.card_last4): "has the same person and card",
    }
    for key, what in keys.items():
        if key in seen:
            raise ReferralFaulty((FieldFault("/case_no", f"row {seen[key]} {what}: keep one"),))
    seen.update(dict.fromkeys(keys, number))


def _value(field: str, text: str) -> object:
    plain = unicodedata.normalize("NFKC", text).strip()
    match field:
        case "hardship_reason" | "locale":
            return WORDS[field].get(plain.casefold(), plain.casefold())
        case "hardship_since":
            return _day(plain)
        case "contact_consent_at":
            return _time(plain)
        case _ if field in WILLINGNESS_FIELDS:
            return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 6 else text
        case _:
            return text


def _day(text: str) -> str:
    """Write a date the way the API wants it, whatever the spreadsheet made of it."""
    found = _DAY.match(text)
    rest = "" if found is None else text[found.end() :]
    if found is None or rest not in {"", "T00:00:00", " 00:00:00", " 0:00"}:
        return text
    return f"{found[1]}-{int(found[2]):02d}-{int(found[3]):02d}"


def _time(text: str) -> str:
    """Write a time the way the API wants it; without an offset it is Shanghai's."""
    day = _DAY.match(text)
    if day is None:
        return text
    date = f"{day[1]}-{int(day[2]):02d}-{int(day[3]):02d}"
    rest = text[day.end() :]
    if not rest:
        return f"{date}T00:00:00+08:00"
    clock = _CLOCK.fullmatch(rest)
    if clock is None:
        return text
    return f"{date}T{int(clock[1]):02d}:{clock[2]}{clock[3] or ':00'}{clock[4] or '+08:00'}"


def _received(
    session: Session,
    agency_id: UUID,
    row: IntakeRow,
    *,
    case_column: str,
    by: Actor,
    at: datetime,
) -> RowOutcome:
    try:
        received = referrals.receive(session, agency_id, row.referral, by=by, at=at)
    except (AgencySuspended, UnknownAgency):
        raise
    except Refused as refused:
        fault = RowFault(
            row=row.number,
            column=case_column,
            value=masked(row.referral.case_no),
            remedy=f"{refused.title}: {refused.detail}" if refused.detail else refused.title,
        )
        return RowOutcome(number=row.number, outcome=Outcome.REFUSED, fault=fault)
    outcome = Outcome.CREATED if received.created else Outcome.EXISTING
    return RowOutcome(number=row.number, outcome=outcome)


def _row_fault(
    row: Row, columns: Mapping[int, str], labels: Mapping[str, str], fault: FieldFault
) -> RowFault:
    name = _bare(fault.pointer)[1:]
    if name == "willingness":
        name = next((field for field in WILLINGNESS_FIELDS if field in labels), name)
    position = next((at for at, field in columns.items() if field == name), None)
    if name.isdigit():
        position = int(name)
        name = _letter(position)
    text = row.cells[position].text if position is not None and position < len(row.cells) else ""
    return RowFault(
        row=row.number,
        column=labels.get(name, name),
        value=masked(text),
        remedy=fault.detail,
    )


def _place(columns: Mapping[int, str], position: int) -> str:
    return f"/{columns.get(position, position)}"


def _bare(pointer: str) -> str:
    """Give the place of a count as the file knows it: its own column."""
    return pointer.replace("/willingness/", "/", 1)


def _folded(name: str) -> str:
    return re.sub(r"[\s_]", "", unicodedata.normalize("NFKC", name)).casefold()


def _letter(position: int) -> str:
    """Name a column as spreadsheet programs do: 0 is A, 26 is AA."""
    letters = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
