"""The letter of settlement on paper: both languages, byte for byte the same for the same facts."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from fpdf import FPDF

from kernel import printing
from kernel.money import ZERO, Money
from kernel.personal import PersonName

TEXTS: Final = Path(__file__).parent / "settlement_text.toml"
LANGUAGES: Final = ("zh", "en")
CHECK_LENGTH: Final = 16
"""Hex digits of the verification code: 64 bits, which nobody guesses at a form's pace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementText:
    """One version of the letter's words."""

    version: str
    in_force: date
    words: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """Everything that one letter says."""

    number: str
    text: SettlementText
    lender: str
    name: PersonName
    national_id_masked: str
    loan_id: UUID
    contract_sha256: str
    principal: Money
    value_date: date
    settled_on: date
    cards: tuple[str, ...]
    """Issuer and last four digits of each card that was cleared."""
    issued_on: date
    issued_at: datetime
    left_over: Money = ZERO
    """What the lender owes the borrower: he paid more than was owed."""

    @property
    def check(self) -> str:
        """The verification code: a hash over what the letter says, in capitals."""
        said = [
            self.number,
            self.text.version,
            self.name.plain,
            str(self.loan_id),
            self.contract_sha256,
            str(self.principal),
            self.value_date.isoformat(),
            self.settled_on.isoformat(),
            self.issued_on.isoformat(),
        ]
        if self.left_over:
            said.append(str(self.left_over))
        digest = hashlib.sha256(json.dumps(said).encode()).hexdigest()
        return digest[:CHECK_LENGTH].upper()


def text(*, on: date) -> SettlementText:
    """Give the words in force on a day.

    Raises:
        LookupError: there were none yet.
    """
    for candidate in reversed(_texts()):
        if candidate.in_force <= on:
            return candidate
    raise LookupError(f"no words for the letter were in force on {on}")


def render(paper: Paper) -> bytes:
    """Set the letter as a PDF whose only date is the time of issue."""

    def set_pages(pdf: FPDF) -> None:
        pdf.add_page()
        for language in LANGUAGES:
            words = paper.text.words
            printing.line(pdf, words[f"title_{language}"], size=16)
            for sentence in sentences(paper, language):
                pdf.ln(1.5)
                printing.line(pdf, sentence, size=10)
            pdf.ln(8)

    return printing.document(paper.text.words["title_zh"], at=paper.issued_at, set_pages=set_pages)


def sentences(paper: Paper, language: str) -> list[str]:
    """Give the letter's sentences in one language, every blank filled."""
    words, blanks = paper.text.words, _blanks(paper)
    chosen = [
        *words[f"lines_{language}"],
        words[f"body_{language}"],
        words[f"cards_{language}"],
        words.get(f"left_over_{language}", "") if paper.left_over else "",
        words[f"check_{language}"],
        words.get(f"translation_{language}", ""),
    ]
    return [sentence.format(**blanks) for sentence in chosen if sentence]


def everything_printed(paper: Paper) -> str:
    """Give all the words that stand on the paper, in one text."""
    titles = [paper.text.words[f"title_{language}"] for language in LANGUAGES]
    return "\n".join([*titles, *(s for language in LANGUAGES for s in sentences(paper, language))])


def _blanks(paper: Paper) -> dict[str, str]:
    return {
        "number": paper.number,
        "lender": paper.lender,
        "name": paper.name.plain,
        "national_id": paper.national_id_masked,
        "loan": str(paper.loan_id),
        "contract": paper.contract_sha256,
        "principal": paper.principal.grouped,
        "value_date": paper.value_date.isoformat(),
        "settled_on": paper.settled_on.isoformat(),
        "cards": "、".join(paper.cards),
        "left_over": paper.left_over.grouped,
        "issued_on": paper.issued_on.isoformat(),
        "check": paper.check,
    }


@cache
def _texts() -> tuple[SettlementText, ...]:
    parsed = tomllib.loads(TEXTS.read_text(encoding="utf-8"))
    return tuple(
        SettlementText(version=row["version"], in_force=row["in_force"], words=row)
        for row in sorted(parsed["version"], key=lambda row: row["in_force"])
    )
