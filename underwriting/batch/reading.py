"""Reading a table of dossiers: every column known, every value checked, faults by their row."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import numpy as np
import polars as pl

from kernel.money import Money
from kernel.rates import Rate
from underwriting.batch import parsing, spelling
from underwriting.batch.columns import ACCOUNT_TYPES, PURPOSES, Cards, Columns, Texts
from underwriting.batch.exact import Flags, Whole
from underwriting.batch.parsing import BatchFaulty, Table
from underwriting.batch.spelling import CARD, CARDS_MAX, LENDER, PERSON, card
from underwriting.dossier import AGE_MAX, DAYS_MAX, MONTHS_MAX, TERM_MAX, VERSION_MAX, LenderTerms

LENDERS_MAX: Final = 1_000
"""Different lenders, or products, of some rows that are read together."""
LISTS_MAX: Final = 100
_REF: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_QUOTE: Final = CARD[CARD.index("amount") : CARD.index("offer_months")]
_OFFER: Final = CARD[CARD.index("offer_months") :]
_LINE: Final = "\x1f"
"""Joins the columns of a lender; no text may hold it."""


def check_names(names: list[str]) -> int:
    """Check the names of a table's columns, and give how many cards a dossier may have in it.

    Raises:
        BatchFaulty: a column is missing or not known.
    """
    missing = [name for name in (*PERSON, *LENDER) if name not in names]
    if missing:
        raise BatchFaulty(f"columns are missing: {', '.join(missing)}")
    cards = 0
    while cards < CARDS_MAX and card(cards + 1, "ref") in names:
        cards += 1
    due = [card(n + 1, field) for n in range(cards) for field in CARD]
    lacking = [name for name in due if name not in names]
    if lacking:
        raise BatchFaulty(f"columns are missing: {', '.join(lacking[:10])}")
    beside = set(names) - {*PERSON, *LENDER, *due}
    unknown = sorted(name for name in beside if not spelling.is_figure(name))
    if unknown:
        raise BatchFaulty(f"columns are not known: {', '.join(unknown[:10])}")
    return cards


def read(frame: pl.DataFrame, *, first_row: int = 1) -> Columns:
    """Read dossiers from a table; `first_row` is the number of its first row in the whole file.

    Raises:
        BatchFaulty: a column or a value cannot be read.
    """
    count = check_names(frame.columns)
    table = Table(frame, first_row=first_row)
    as_of = table.instants("as_of")
    lender_at, lenders = _lenders(table)
    cards, daily_rates = _cards(table, count)
    return Columns(
        application_ref=_refs(table, "application_ref"),
        as_of=as_of,
        age=table.counts("age", most=AGE_MAX),
        purpose=table.words("purpose", [purpose.value for purpose in PURPOSES]),
        stated_income=table.amounts("stated_monthly_income", may_lack=True),
        verified_income=table.amounts("verified_monthly_income", may_lack=True),
        employment_months=table.counts("employment_months", most=MONTHS_MAX, may_lack=True),
        essential_costs=table.amounts("essential_costs"),
        identity_matches=table.flags("identity_matches"),
        deceased=table.flags("deceased"),
        has_bureau_file=table.flags("has_bureau_file"),
        watchlists=_watchlists(table),
        figures={name: table.numbers(name) for name in _figures(frame.columns)},
        lender_at=lender_at,
        lenders=lenders,
        cards=cards,
        daily_rates=daily_rates,
    )


def _figures(names: list[str]) -> list[str]:
    return [name for name in names if spelling.is_figure(name)]


def _refs(table: Table, name: str, *, may_lack: bool = False) -> Texts:
    texts = table.texts(name, may_lack=may_lack)
    wrong = texts.is_not_null() & ~texts.str.contains(_REF).fill_null(value=False)
    table.refuse(name, wrong, "no identity (a UUID in small letters)")
    return parsing.objects(texts)


def _watchlists(table: Table) -> dict[str, Flags]:
    places, told = table.distinct("watchlists", str, may_lack=True)
    lacking = table.texts("watchlists", may_lack=True).is_null().to_numpy()
    found: dict[str, Flags] = {}
    for place, text in enumerate(told):
        for name in filter(None, text.split(spelling.BETWEEN)):
            hit = (places == place) & ~lacking
            found[name] = hit | found.get(name, np.zeros_like(hit))
    if len(found) > LISTS_MAX:
        raise BatchFaulty(f"watchlists: more than {LISTS_MAX} different lists")
    return found


def _lenders(table: Table) -> tuple[Whole, tuple[LenderTerms, ...]]:
    for name in LENDER:
        texts = table.texts(name, may_lack=name == "lender_issuer_code")
        table.refuse(name, texts.str.contains(_LINE).fill_null(value=False), "no such text")
    joined = table.joined(LENDER, between=_LINE)
    places, lenders = table.distinct_of("lender", joined, _lender)
    if len(lenders) > LENDERS_MAX:
        raise BatchFaulty(f"more than {LENDERS_MAX} different lenders and products")
    return places, tuple(lenders)


def _lender(text: str) -> LenderTerms:
    funder, issuer, version, cap, months, least, most = text.split(_LINE)
    terms = tuple(_whole(each, most=TERM_MAX) for each in months.split(spelling.BETWEEN))
    if min(terms) < 1:
        raise ValueError("a lender has terms of a month and more")
    return LenderTerms(
        funder_code=funder,
        issuer_code=issuer or None,
        product_version=_whole(version, most=VERSION_MAX),
        annual_cap=Rate.percent(cap),
        months=terms,
        principal_min=_from_zero(least),
        principal_max=_from_zero(most),
    )


def _whole(text: str, *, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= most):
        raise ValueError(f"{text!r} is no whole number up to {most}")
    return int(text)


def _from_zero(text: str) -> Money:
    found = Money.yuan(text)
    if found.fen < 0:
        raise ValueError("an amount below zero")
    return found


def _daily_rate(text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise ValueError("no rate") from None
    if not (found.is_finite() and 0 <= found <= 1):
        raise ValueError("a daily rate is a fraction from 0 to 1")
    return found


def _cards(table: Table, count: int) -> tuple[Cards, tuple[Decimal, ...]]:
    rates: dict[Decimal, int] = {}
    lines = [_card(table, number + 1, rates) for number in range(count)]
    blank = _blank(table.height)
    stacked = {
        name: np.stack([line[name] for line in lines], axis=1) if lines else column[:, :0]
        for name, column in blank.items()
    }
    return Cards(**stacked), tuple(rates) or (Decimal(0),)


def _blank(height: int) -> dict[str, Any]:
    kinds = {"ref": np.object_, "issuer": np.object_} | dict.fromkeys(
        ("present", "payable", "name_matches", "quoted", "offered"), np.bool_
    )
    return {
        name: np.zeros((height, 1), dtype=kinds.get(name, np.int64))
        for name in Cards.__dataclass_fields__
    }


def _card(table: Table, number: int, rates: dict[Decimal, int]) -> dict[str, Any]:
    """Read one card of every dossier; where it has no reference nothing else may stand."""

    def named(field: str) -> str:
        return card(number, field)

    present = table.known(named("ref"))
    for field in CARD[1:5]:
        table.refuse(named(field), table.known(named(field)) != present, "with every card, or none")
    quoted = _all_or_none(table, [named(field) for field in _QUOTE], present)
    offered = _all_or_none(table, [named(field) for field in _OFFER], present)
    places, told = table.distinct(named("daily_rate"), _daily_rate, may_lack=True)
    at = [rates.setdefault(rate, len(rates)) for rate in told]
    counts: Callable[[str, int], Whole] = lambda field, most: np.maximum(  # noqa: E731
        0, table.counts(named(field), most=most, may_lack=True)
    )
    amounts: Callable[[str], Whole] = lambda field: np.maximum(  # noqa: E731
        0, table.amounts(named(field), may_lack=True)
    )
    owed = table.amounts(named("amount"), may_lack=True, below_zero=True)
    return {
        "present": present,
        "ref": _refs(table, named("ref"), may_lack=True),
        "issuer": parsing.objects(table.texts(named("issuer_code"), may_lack=True)),
        "account_type": table.words(
            named("account_type"), [each.value for each in ACCOUNT_TYPES], may_lack=True
        ),
        "payable": table.flags(named("payable"), may_lack=True),
        "name_matches": table.flags(named("name_matches"), may_lack=True),
        "quoted": quoted,
        "amount": np.where(quoted, owed, 0),
        "valid_until": table.instants(named("valid_until"), may_lack=True),
        "per_diem": amounts("per_diem"),
        "minimum_due": amounts("minimum_due"),
        "past_due": amounts("past_due"),
        "days_past_due": counts("days_past_due", DAYS_MAX),
        "credit_limit": amounts("credit_limit"),
        "rate_at": np.array([*at, 0], dtype=np.int64)[places],
        "offered": offered,
        "offer_months": counts("offer_months", MONTHS_MAX),
        "offer_monthly": amounts("offer_monthly_payment"),
        "offer_cost": amounts("offer_total_cost"),
    }


def _all_or_none(table: Table, names: list[str], present: Flags) -> Flags:
    """Tell where the fields of a quote or of an offer stand, all of them."""
    known = table.known(names[0])
    table.refuse(names[0], known & ~present, "stands without a card")
    for name in names[1:]:
        table.refuse(name, table.known(name) != known, f"stands only with {names[0]}")
    return known
