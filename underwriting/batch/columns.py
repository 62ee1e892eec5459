"""Many dossiers as columns of numbers: a place a dossier, and for cards a line of places each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from kernel.money import Money
from underwriting.batch.exact import Flags, Floats, Whole
from underwriting.dossier import (
    AccountType,
    CardDebt,
    Dossier,
    InstalmentOffer,
    LenderTerms,
    Purpose,
    Quote,
    WatchlistHit,
)

NONE: Final = -1
"""Stands in a column of whole numbers where nothing is known."""
ACCOUNT_TYPES: Final = tuple(AccountType)
PURPOSES: Final = tuple(Purpose)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Texts = NDArray[np.object_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    """The cards: a line a dossier, as many places as the dossier with most cards has."""

    present: Flags
    ref: Texts
    issuer: Texts
    account_type: Whole
    """Which of `ACCOUNT_TYPES`."""
    payable: Flags
    name_matches: Flags
    quoted: Flags
    amount: Whole
    """All amounts in fen."""
    valid_until: Whole
    """Microseconds since 1970."""
    per_diem: Whole
    minimum_due: Whole
    past_due: Whole
    days_past_due: Whole
    credit_limit: Whole
    rate_at: Whole
    """Which of the `daily_rates` of the columns."""
    offered: Flags
    offer_months: Whole
    offer_monthly: Whole
    offer_cost: Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Dossiers side by side; what is not known is `NONE`, in a figure not a number."""

    application_ref: Texts
    as_of: Whole
    """Microseconds since 1970."""
    age: Whole
    purpose: Whole
    """Which of `PURPOSES`."""
    stated_income: Whole
    """A month, in fen, like every amount."""
    verified_income: Whole
    employment_months: Whole
    essential_costs: Whole
    identity_matches: Flags
    deceased: Flags
    has_bureau_file: Flags
    watchlists: Mapping[str, Flags]
    """Who is on it, by the list's name."""
    figures: Mapping[str, Floats]
    """A figure means the shortest decimal that reads as its float."""
    lender_at: Whole
    """Which of the `lenders`."""
    lenders: tuple[LenderTerms, ...]
    cards: Cards
    daily_rates: tuple[Decimal, ...]

    @property
    def count(self) -> int:
        """How many dossiers there are."""
        return len(self.as_of)

    def dossier(self, row: int) -> Dossier:
        """Give one of them as the value that is decided on alone."""
        cards = self.cards
        verified = _money(self.verified_income[row])
        return Dossier(
            application_ref=UUID(self.application_ref[row]),
            as_of=instant(self.as_of[row]),
            age=int(self.age[row]),
            purpose=PURPOSES[self.purpose[row]],
            stated_monthly_income=_money(self.stated_income[row]),
            verified_monthly_income=verified,
            income_source=None if verified is None else "batch",
            employment_months=_known(self.employment_months[row]),
            essential_costs=Money(int(self.essential_costs[row])),
            identity_matches=bool(self.identity_matches[row]),
            deceased=bool(self.deceased[row]),
            watchlist_hits=tuple(
                WatchlistHit(name=name, reason="batch")
                for name, listed in self.watchlists.items()
                if listed[row]
            ),
            has_bureau_file=bool(self.has_bureau_file[row]),
            figures={name: _decimal(values[row]) for name, values in self.figures.items()},
            cards=tuple(
                self._card(row, place) for place in np.flatnonzero(cards.present[row]).tolist()
            ),
            lender=self.lenders[self.lender_at[row]],
        )

    def _card(self, row: int, place: int) -> CardDebt:
        cards, at = self.cards, (row, place)
        return CardDebt(
            card_ref=UUID(cards.ref[at]),
            issuer_code=cards.issuer[at],
            account_type=ACCOUNT_TYPES[cards.account_type[at]],
            payable=bool(cards.payable[at]),
            name_matches=bool(cards.name_matches[at]),
            quote=self._quote(row, place) if cards.quoted[at] else None,
            offer=InstalmentOffer(
                months=int(cards.offer_months[at]),
                monthly_payment=Money(int(cards.offer_monthly[at])),
                total_cost=Money(int(cards.offer_cost[at])),
            )
            if cards.offered[at]
            else None,
        )

    def _quote(self, row: int, place: int) -> Quote:
        cards, at = self.cards, (row, place)
        return Quote(
            amount=Money(int(cards.amount[at])),
            as_of=instant(self.as_of[row]),
            valid_until=instant(cards.valid_until[at]),
            per_diem=Money(int(cards.per_diem[at])),
            minimum_due=Money(int(cards.minimum_due[at])),
            past_due=Money(int(cards.past_due[at])),
            days_past_due=int(cards.days_past_due[at]),
            credit_limit=Money(int(cards.credit_limit[at])),
            daily_rate=self.daily_rates[cards.rate_at[at]],
            reference="batch",
        )


def part(columns: Columns, rows: Whole) -> Columns:
    """Take some dossiers out, in the order of `rows`."""
    changes: dict[str, Any] = {}
    for field in fields(columns):
        value = getattr(columns, field.name)
        if isinstance(value, np.ndarray):
            changes[field.name] = value[rows]
        elif isinstance(value, Mapping):
            changes[field.name] = {name: column[rows] for name, column in value.items()}
        elif isinstance(value, Cards):
            changes[field.name] = Cards(
                **{each.name: getattr(value, each.name)[rows] for each in fields(value)}
            )
        else:
            changes[field.name] = value
    return Columns(**changes)


def instant(micros: int | np.int64) -> datetime:
    """Read microseconds since 1970."""
    return EPOCH + timedelta(microseconds=int(micros))


def _known(value: np.int64) -> int | None:
    return None if value == NONE else int(value)


def _money(fen: np.int64) -> Money | None:
    return None if fen == NONE else Money(int(fen))


def _decimal(value: np.float64) -> Decimal | None:
    return None if np.isnan(value) else Decimal(repr(float(value)))
