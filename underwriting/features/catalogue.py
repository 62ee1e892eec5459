"""Every feature there is, one definition each; a model picks from these by name."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final

from kernel.money import Money
from underwriting import canonical
from underwriting.bureau_file import BureauFile
from underwriting.dossier import Dossier, Purpose
from underwriting.features import dossiers, families, single
from underwriting.features.declaration import Feature, Figures, Sign, Source, Unit
from underwriting.features.families import Family
from underwriting.reasons import Reason

EMPLOYMENT_YEARS_MAX: Final = 10
"""Ten years in work and more are alike."""

_COUNT_MAX: Final = Decimal(500)
_MONTHS_MAX: Final = Decimal(1200)
_YUAN_MAX: Final = Decimal(100_000_000)
_RING_HIGH: Final = {
    Unit.COUNT: Decimal(1_000_000),
    Unit.PERCENT: Decimal(100),
    Unit.FLAG: Decimal(1),
    Unit.DAYS: Decimal(36_500),
}
_FAMILIES_FILE: Final = Path(__file__).parent / "bureau_file.toml"


def _count(name: str, meaning: str, sign: Sign, reason: Reason) -> Feature:
    return Feature(
        name=name, meaning=meaning, sign=sign, reason=reason,
        unit=Unit.COUNT, source=Source.BUREAU, high=_COUNT_MAX,
    )  # fmt: skip


def _months(name: str, meaning: str) -> Feature:
    return Feature(
        name=name, meaning=meaning, sign=Sign.FALLS, reason=Reason.SHORT_HISTORY,
        unit=Unit.MONTHS, source=Source.BUREAU, high=_MONTHS_MAX,
    )  # fmt: skip


def _yuan(name: str, meaning: str, sign: Sign, reason: Reason) -> Feature:
    return Feature(
        name=name, meaning=meaning, sign=sign, reason=reason,
        unit=Unit.YUAN, source=Source.BUREAU, high=_YUAN_MAX,
    )  # fmt: skip


def _percent(name: str, meaning: str, sign: Sign, reason: Reason, *, high: str = "100") -> Feature:
    return Feature(
        name=name, meaning=meaning, sign=sign, reason=reason,
        unit=Unit.PERCENT, source=Source.BUREAU, high=Decimal(high),
    )  # fmt: skip


BUREAU: Final[tuple[Feature, ...]] = (
    _count("accounts_opened_24m", "accounts opened in the last 24 months", Sign.RISES, Reason.MANY_NEW_ACCOUNTS),
    _count("inquiries_12m", "credit inquiries in the last 12 months", Sign.RISES, Reason.MANY_INQUIRIES),
    _yuan("card_balance_max", "largest balance on one card", Sign.FREE, Reason.DEBTS_HIGH),
    _yuan("card_open_to_buy", "credit still open on cards", Sign.FALLS, Reason.LITTLE_OPEN_CREDIT),
    _percent("card_utilisation_pct", "card balances over card limits", Sign.RISES, Reason.CARDS_NEARLY_FULL, high="300"),
    _percent("all_utilisation_pct", "all balances over all limits", Sign.RISES, Reason.CARDS_NEARLY_FULL, high="300"),
    _yuan("card_limit_total", "sum of card limits", Sign.FALLS, Reason.LITTLE_OPEN_CREDIT),
    _yuan("revolving_balance", "sum of revolving balances", Sign.FREE, Reason.DEBTS_HIGH),
    _yuan("average_balance", "average balance of all accounts", Sign.FALLS, Reason.FEW_LONG_TERM_DEBTS),
    _months("months_since_oldest_instalment", "since the oldest instalment account was opened"),
    _months("months_since_oldest_revolving", "since the oldest revolving account was opened"),
    _months("months_since_newest_revolving", "since the newest revolving account was opened"),
    _months("months_since_newest_account", "since the newest account was opened"),
    _count("mortgage_accounts", "mortgage accounts", Sign.FALLS, Reason.FEW_LONG_TERM_DEBTS),
    _count("instalment_accounts", "instalment accounts", Sign.FREE, Reason.MANY_ACCOUNTS),
    _count("revolving_accounts", "revolving accounts", Sign.FREE, Reason.MANY_ACCOUNTS),
    _count("accounts_90dpd_24m", "accounts 90 days late in the last 24 months", Sign.RISES, Reason.PAST_DELINQUENCY),
    _percent("never_delinquent_pct", "accounts that were never late", Sign.FREE, Reason.PAST_DELINQUENCY),
    _percent("cards_over_75_pct", "cards used beyond 75 %", Sign.RISES, Reason.CARDS_NEARLY_FULL),
    _yuan("total_balance", "sum of all balances", Sign.FREE, Reason.DEBTS_HIGH),
    _yuan("total_credit_limit", "sum of all limits", Sign.FALLS, Reason.LITTLE_OPEN_CREDIT),
    _count("accounts_total", "accounts ever opened", Sign.FREE, Reason.MANY_ACCOUNTS),
    _yuan("balance_excluding_mortgage", "all balances but mortgages", Sign.FREE, Reason.DEBTS_HIGH),
    _yuan("instalment_limit_total", "sum of instalment credit granted", Sign.FREE, Reason.DEBTS_HIGH),
    _count("finance_accounts", "accounts at finance companies", Sign.FREE, Reason.MANY_ACCOUNTS),
    _percent("debt_to_income_pct", "monthly debt payments, mortgages apart, over income", Sign.RISES, Reason.DEBTS_HIGH_FOR_INCOME),
)  # fmt: skip

ELSEWHERE: Final[tuple[Feature, ...]] = (
    Feature(
        name="annual_income", meaning="twelve times the income that counts a month",
        unit=Unit.YUAN, source=Source.INCOME, sign=Sign.FALLS,
        reason=Reason.INCOME_LOW, high=_YUAN_MAX,
    ),
    Feature(
        name="employment_years", meaning="whole years in the present work, ten at most",
        unit=Unit.YEARS, source=Source.INCOME, sign=Sign.FALLS,
        reason=Reason.SHORT_EMPLOYMENT, high=Decimal(EMPLOYMENT_YEARS_MAX),
    ),
    Feature(
        name="merges_debts", meaning="1 when several debts are to become one, 0 for card debt alone",
        unit=Unit.FLAG, source=Source.APPLICATION, sign=Sign.RISES,
        reason=Reason.SEVERAL_DEBTS_TO_MERGE, high=Decimal(1),
    ),
)  # fmt: skip


def _ring(name: str, meaning: str, unit: Unit, sign: Sign) -> Feature:
    return Feature(
        name=name, meaning=meaning, unit=unit, sign=sign, reason=Reason.DETAILS_SHARED,
        source=Source.GRAPH, high=_RING_HIGH[unit],
    )  # fmt: skip


GRAPH: Final[tuple[Feature, ...]] = (
    _ring("ring_size", "people joined by hard links, the debtor among them", Unit.COUNT, Sign.RISES),
    _ring("ring_agencies", "agencies that referred them", Unit.COUNT, Sign.RISES),
    _ring("ring_late_pct", "late loans among the others', drawn to what is usual", Unit.PERCENT, Sign.RISES),
    _ring("ring_late_1hop_pct", "the same of those one link away, by the links' weights", Unit.PERCENT, Sign.RISES),
    _ring("ring_late_2hop_pct", "the same of those two links away", Unit.PERCENT, Sign.RISES),
    _ring("ring_card_shared", "1 when another person used one of his cards", Unit.FLAG, Sign.RISES),
    _ring("ring_device_shared", "1 when another person used his device", Unit.FLAG, Sign.RISES),
    _ring("ring_text_people", "others with nearly the same words of hardship", Unit.COUNT, Sign.RISES),
    _ring("ring_velocity_7d", "others on his busiest hard key in 7 days", Unit.COUNT, Sign.RISES),
    _ring("ring_velocity_30d", "others on his busiest hard key in 30 days", Unit.COUNT, Sign.RISES),
    _ring("ring_age_days", "since anybody of the ring was first seen", Unit.DAYS, Sign.FREE),
)  # fmt: skip
"""What the links say of an application, counted before it alone; frozen with the dossier."""

FAMILIES: Final[Mapping[str, Family]] = {
    name: families.parse(written, {}, source=Source.BUREAU)
    for name, written in tomllib.loads(_FAMILIES_FILE.read_text(encoding="utf-8")).items()
}
"""By the table they draw from."""


def _of_lenders(name: str, days: int) -> Feature:
    drawn = FAMILIES["inquiries"].feature(f"inquiries__organisation__distinct__{days}d__lenders")
    return replace(drawn, name=name, meaning=f"lenders that inquired in {days} days")


DRAWN: Final[tuple[Feature, ...]] = (
    _of_lenders("lender_inquiries_7d", 7),
    _of_lenders("lender_inquiries_30d", 30),
)
"""Members of families that have a name of their own, because rules look at them."""


@lru_cache(maxsize=10_000)
def _member(name: str) -> Feature:
    """Make the member of a family that has this name.

    Raises:
        KeyError: there is none.
    """
    return FAMILIES[name.partition(families.BETWEEN)[0]].feature(name)


class _Catalogue(Mapping[str, Feature]):
    """Every feature by name.

    To go through it names those that are declared one by one. The members of families are thousands
    more: each is made when somebody asks for its name, and costs nothing until then.
    """

    def __init__(self, declared: Iterable[Feature]) -> None:
        self._declared = {feature.name: feature for feature in declared}

    def __getitem__(self, name: str) -> Feature:
        found = self._declared.get(name)
        return _member(name) if found is None else found

    def __iter__(self) -> Iterator[str]:
        return iter(self._declared)

    def __len__(self) -> int:
        return len(self._declared)


class _Reasons(Mapping[str, Reason]):
    """The reason of every feature by its name."""

    def __getitem__(self, name: str) -> Reason:
        return CATALOGUE[name].reason

    def __iter__(self) -> Iterator[str]:
        return iter(CATALOGUE)

    def __len__(self) -> int:
        return len(CATALOGUE)


CATALOGUE: Final[Mapping[str, Feature]] = _Catalogue((*BUREAU, *ELSEWHERE, *GRAPH, *DRAWN))
REASONS: Final[Mapping[str, Reason]] = _Reasons()


def figures(dossier: Dossier, *, monthly_income: Money) -> Figures:
    """Give every figure of a dossier by name; `monthly_income` is the income that counts.

    What is drawn from the bureau's file is so when it is asked for by the name of its feature.
    """
    return dossiers.Told(
        told(dossier, monthly_income=monthly_income),
        CATALOGUE,
        file=dossier.bureau_file,
        as_of=dossier.as_of,
    )


def told(dossier: Dossier, *, monthly_income: Money) -> dict[str, Decimal | None]:
    """Give the figures of a dossier that need no drawing."""
    months = dossier.employment_months
    return {
        **dossier.figures,
        "annual_income": monthly_income.times(12).as_yuan,
        "employment_years": None
        if months is None
        else Decimal(min(EMPLOYMENT_YEARS_MAX, months // 12)),
        "merges_debts": Decimal(int(dossier.purpose is Purpose.CONSOLIDATION)),
    }


def drawn(file: BureauFile, *, as_of: datetime) -> dict[str, Decimal]:
    """Give the figures with a name of their own that a bureau's file tells, to be frozen."""
    found = single.single(DRAWN, {}, dossiers.EventTables(file), as_of=as_of)
    return {name: figure for name, figure in found.items() if figure is not None}


def out_of_bounds(found: Figures) -> tuple[str, ...]:
    """Name the bureau's figures that cannot be right."""
    return tuple(feature.name for feature in BUREAU if feature.is_out_of_bounds(found))


def digest(names: Sequence[str]) -> str:
    """Give the hash of the definitions of some features in their order.

    A model keeps it, so that a definition cannot change under a model that learnt another.
    """
    plain = {"features": [CATALOGUE[name].plain() for name in names]}
    return canonical.sha256(canonical.dump(plain))
