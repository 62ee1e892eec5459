"""The contract on paper: clauses filled from what the debtor read, set as a PDF, byte for byte.

Pure: the same paper gives the same bytes in every process and year, so its hash can be checked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

from fpdf import FPDF

from disbursement import issuing_banks
from kernel import printing
from kernel.clock import SHANGHAI
from kernel.money import Money
from kernel.personal import NationalId, PersonName
from origination.records.referrals import Locale

TEXTS: Final = Path(__file__).parent / "contract_text.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractText:
    """One version of the clauses."""

    version: str
    in_force: date
    words: Mapping[str, Any]

    def label(self, name: str, locale: Locale) -> Any:  # noqa: ANN401 - a text or a row of texts
        """Give a label or a row of column heads in one language."""
        return self.words[f"{name}_{locale}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """Everything that stands on one signed contract."""

    number: str
    text: ContractText
    locale: Locale
    debtor: PersonName
    national_id: NationalId
    """Printed masked: the whole number is kept with the debtor alone."""
    disclosure: Mapping[str, Any]
    """What the debtor read, parsed from its canonical JSON."""
    disclosure_sha256: str
    read_from_at: datetime
    signed_at: datetime

    @property
    def locales(self) -> tuple[Locale, ...]:
        """The languages it is printed in: Chinese always, since it prevails."""
        return (Locale.ZH,) if self.locale is Locale.ZH else (Locale.ZH, self.locale)


def text(*, on: date) -> ContractText:
    """Give the clauses in force on a day.

    Raises:
        LookupError: there were none yet.
    """
    for candidate in reversed(_texts()):
        if candidate.in_force <= on:
            return candidate
    raise LookupError(f"no contract text was in force on {on}")


def render(paper: Paper) -> bytes:
    """Set the contract as a PDF whose only date is the time of signing."""

    def set_pages(pdf: FPDF) -> None:
        for locale in paper.locales:
            pdf.add_page()
            _set_language(pdf, paper, locale)

    title = paper.text.label("title", Locale.ZH)
    return printing.document(title, at=paper.signed_at, set_pages=set_pages)


def missing_glyphs(words: str) -> int:
    """Count the different characters that the contract's font cannot show."""
    return printing.missing_glyphs(words)


def everything_printed(paper: Paper) -> str:
    """Give all the words that stand on the paper, in one text."""
    parts = []
    for locale in paper.locales:
        parts.append(paper.text.label("title", locale))
        parts.extend(f"{heading}\n{words}" for heading, words in clauses(paper, locale))
        parts.extend(_signature(paper, locale))
        for rows in (_card_rows(paper, locale), _plan_rows(paper, locale)):
            parts.extend(cell for row in rows for cell in row)
    return "\n".join(parts)


def clauses(paper: Paper, locale: Locale) -> list[tuple[str, str]]:
    """Give the clauses of one language, headings first, with every blank filled."""
    blanks = _blanks(paper)
    return [
        (clause[f"heading_{locale}"], clause[locale.value].format(**blanks))
        for clause in paper.text.words["clause"]
    ]


def _set_language(pdf: FPDF, paper: Paper, locale: Locale) -> None:
    text = paper.text
    printing.line(pdf, text.label("title", locale), size=16)
    printing.line(pdf, f"{text.label('number', locale)}  {paper.number}", size=9)
    if text.label("prevails", locale):
        printing.line(pdf, text.label("prevails", locale), size=9)
    for heading, words in clauses(paper, locale):
        pdf.ln(1.5)
        printing.line(pdf, heading, size=11)
        printing.line(pdf, words, size=10)
    for name, rows in (("cards", _card_rows(paper, locale)), ("plan", _plan_rows(paper, locale))):
        pdf.ln(3)
        printing.line(pdf, text.label(name, locale), size=11)
        printing.grid(pdf, rows)
    pdf.ln(3)
    for words in _signature(paper, locale):
        printing.line(pdf, words, size=9)


def _card_rows(paper: Paper, locale: Locale) -> list[list[str]]:
    banks = issuing_banks.banks()
    rows = [paper.text.label("card_columns", locale)]
    for card in paper.disclosure["cards"]:
        bank = banks.get(card["issuer_code"])
        named = card["issuer_code"]
        if bank is not None:
            named = bank.name_zh if locale is Locale.ZH else bank.name
        rows.append([named, card["last4"], _grouped(card["quoted"]), _grouped(card["ceiling"])])
    return rows


def _plan_rows(paper: Paper, locale: Locale) -> list[list[str]]:
    return [
        paper.text.label("plan_columns", locale),
        *(
            [
                str(row["number"]),
                row["due_on"],
                _grouped(row["principal"]),
                _grouped(row["interest"]),
                _grouped(row["total"]),
            ]
            for row in paper.disclosure["plan"]
        ),
    ]


def _signature(paper: Paper, locale: Locale) -> list[str]:
    read_from, signed = (
        at.astimezone(SHANGHAI).isoformat(timespec="seconds")
        for at in (paper.read_from_at, paper.signed_at)
    )
    heads = {
        Locale.ZH: ("打开阅读", "验证码签署", "综合融资成本明示表 SHA-256"),
        Locale.EN: ("Opened", "Signed by code", "SHA-256 of the cost disclosure"),
    }[locale]
    return [
        f"{paper.text.label('signature', locale)}  ({paper.text.version})",
        f"{heads[0]}: {read_from}",
        f"{heads[1]}: {signed}",
        f"{heads[2]}: {paper.disclosure_sha256}",
    ]


def _blanks(paper: Paper) -> dict[str, str]:
    shown = paper.disclosure
    late = shown["if_late"]
    return {
        "lender": shown["lender"]["name"],
        "debtor": paper.debtor.plain,
        "national_id": paper.national_id.masked,
        "principal": _grouped(shown["principal"]),
        "rate": shown["annual_rate_percent"],
        "simple": percent(shown["annual_cost"]["simple"]),
        "irr": percent(shown["annual_cost"]["irr"]),
        "interest": _grouped(shown["total_interest"]),
        "months": str(shown["months"]),
        "instalment": _grouped(shown["instalment"]),
        "last_instalment": _grouped(shown["last_instalment"]),
        "grace": str(late["grace_days"]),
        "penalty": late["rate_percent"],
        "day_basis": str(late["day_basis"]),
        "late_overdue": _grouped(late["example"]["overdue"]),
        "late_days": str(late["example"]["days"]),
        "late_cost": _grouped(late["example"]["cost"]),
    }


def percent(fraction: str) -> str:
    """Write a fraction as percent with two places.

    >>> percent("0.126825")
    '12.68'
    """
    return f"{Decimal(fraction) * 100:.2f}"


def _grouped(yuan: str) -> str:
    return Money.yuan(yuan).grouped


@cache
def _texts() -> tuple[ContractText, ...]:
    parsed = tomllib.loads(TEXTS.read_text(encoding="utf-8"))
    return tuple(
        ContractText(version=row["version"], in_force=row["in_force"], words=row)
        for row in sorted(parsed["version"], key=lambda row: row["in_force"])
    )
