"""The file that tells a credit bureau how a lender's loans stand; the same facts, the same bytes.

Pure. One line per account between a head and a trailer, comma-separated UTF-8; `docs/credit-report.md`
explains every column.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from kernel.money import Money

FORMAT: Final = "daichang-credit-report"
VERSION: Final = 1
ID_TYPE: Final = "10"
"""Resident identity card, as bureaus number the kinds of papers."""
COLUMNS: Final = (
    "loan",
    "opened_on",
    "matures_on",
    "months",
    "product",
    "currency",
    "lent",
    "state",
    "balance",
    "due_unpaid",
    "overdue_since",
    "days_past_due",
    "bucket",
    "grade",
    "settled_on",
    "written_off_on",
    "told_on",
    "disputed",
)
"""What a line says of a loan, after its mark and the person."""


class Period(StrEnum):
    """What a report covers."""

    DAY = "day"
    MONTH = "month"


class State(StrEnum):
    """What is reported of an account."""

    NORMAL = "normal"
    OVERDUE = "overdue"
    SETTLED = "settled"
    WRITTEN_OFF = "written_off"
    UNDONE = "undone"
    """It was reported, and every payment of it came back since: it never came to be."""

    @property
    def is_adverse(self) -> bool:
        """Whether the person must have been told before."""
        return self in {State.OVERDUE, State.WRITTEN_OFF}


class Mark(StrEnum):
    """Why a line stands in the file."""

    ACCOUNT = "A"
    CORRECTION = "C"
    """It takes the place of the line that an earlier file of the period had, or lacked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a file is about."""

    funder_code: str
    period: Period
    first: date
    as_of: date
    """The last day of the period: how the accounts stood at its close."""
    number: int
    """1 for the first file of a period; corrections count on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One account with its person in plain, for the moment of writing."""

    mark: Mark
    name: str
    id_number: str
    facts: Mapping[str, str]
    """By column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """The bytes of one report and what its trailer counted."""

    content: bytes
    sha256: str
    counts: Mapping[str, int]


def write(head: Head, lines: Iterable[Line]) -> File:
    """Write the file; lines stand in the order of their loans, whatever the order they came in."""
    out = io.StringIO()
    sheet = csv.writer(out, lineterminator="\r\n")
    sheet.writerow(
        ["H", FORMAT, VERSION, head.funder_code, head.period, head.first, head.as_of, head.number]
    )
    listed = sorted(lines, key=lambda line: line.facts["loan"])
    for line in listed:
        assert set(line.facts) == set(COLUMNS), "a line has every column and no other"
        facts = [line.facts[column] for column in COLUMNS]
        sheet.writerow([line.mark, line.name, ID_TYPE, line.id_number, *facts])
    body = out.getvalue()
    counts = counted([line.facts for line in listed])
    sheet.writerow(["T", *trailer(listed, counts), hashlib.sha256(body.encode()).hexdigest()])
    content = out.getvalue().encode()
    return File(content=content, sha256=hashlib.sha256(content).hexdigest(), counts=counts)


def counted(facts: Sequence[Mapping[str, str]]) -> dict[str, int]:
    """Count the lines, by state and in all, and those that are disputed."""
    states = Counter(row["state"] for row in facts)
    return {
        "lines": len(facts),
        **{state.value: states[state.value] for state in State},
        "disputed": sum(row["disputed"] == "Y" for row in facts),
    }


def trailer(lines: Sequence[Line], counts: Mapping[str, int]) -> list[str]:
    """Give the counts and the sum of balances that the last line bears."""
    balance = Money.total(Money.yuan(line.facts["balance"]) for line in lines)
    return [*(str(counts[name]) for name in counts), str(balance)]
