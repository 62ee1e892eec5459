"""Simulated debtors, drawn from published ranges; nothing that comes out of here is a result.

Balances, utilisation, incomes, ages, hardship and the share of bad loans follow the figures of
credit-card and income statistics (NBS 2024 incomes; card limits and utilisation of 2022; the
share of bad loans among referred debtors is an assumption of 12 to 18 %).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random
from typing import Final

from demo import cards, identities
from demo.people import Person
from kernel.money import Money

URBAN_INCOME_MONTHLY: Final = 54_188 / 12 * 1.6
"""Urban income a head a year (NBS 2024), times 1.6 for a wage earner, a month, in yuan."""
CITY_TIERS: Final = ((1.55, 0.10), (1.20, 0.25), (1.05, 0.25), (0.90, 0.25), (0.75, 0.15))
LIVING_COST_MONTHLY: Final = 2_880
BALANCE_MEDIAN: Final = 12_000
BALANCE_SIGMA: Final = 0.9
BALANCE_MAX: Final = 200_000
CARD_COUNTS: Final = ((1, 0.48), (2, 0.27), (3, 0.15), (4, 0.10))
BAD_BASE_LOGIT: Final = -2.35
WATCHLIST_SHARE: Final = 0.02
NO_INCOME_SHARE: Final = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How the people of some time differ from the others; planted to see that it is found."""

    stress: float = 0.0
    """Added to everybody's hidden stress, in standard deviations: the figures move with it."""
    outcome: float = 0.0
    """Added to the log-odds of turning bad, while every figure stays as it is."""


QUIET: Final = Drift()


def population(
    seed: int, count: int, *, month: date, year_now: int, first: int, drift: Drift = QUIET
) -> Iterator[Person]:
    """Draw people; the same seed, count, first number and drift give the same people."""
    for number in range(first, first + count):
        draw = Random(f"{seed}/{number}")
        yield person(draw, number, month=month, year_now=year_now, drift=drift)


def person(
    random: Random, number: int, *, month: date, year_now: int, drift: Drift = QUIET
) -> Person:
    """Draw one person with figures, cards and an outcome that depends on them."""
    stress = random.gauss(0, 1) + drift.stress
    tier = _choose(random, CITY_TIERS)
    income = URBAN_INCOME_MONTHLY * tier * math.exp(random.gauss(-0.1, 0.35) - 0.12 * stress)
    balances = _balances(random, stress)
    figures = _figures(random, stress, income, [b.fen // 100 for b in balances])
    age = min(max(round(random.triangular(22, 55, 30)), 18), 64)
    has_income = random.random() >= NO_INCOME_SHARE
    proven = has_income and random.random() < 0.8
    return Person(
        reference=f"SIM{number:06d}",
        name=identities.name(random),
        national_id=identities.national_id(random, number=number, age_years=age, year_now=year_now),
        mobile=identities.mobile(number),
        month=month,
        purpose="credit_card",
        figures=figures,
        monthly_income=_whole_yuan(income) if has_income else None,
        income_is_proven=proven,
        employment_months=random.randint(0, min(180, (age - 17) * 12)) if has_income else 0,
        essential_costs=_whole_yuan(min(LIVING_COST_MONTHLY * tier, income * 0.6)),
        cards=cards.spread(balances, random),
        watchlisted=random.random() < WATCHLIST_SHARE,
        turned_bad=random.random() < bad_probability(figures, income, drift),
    )


def _balances(random: Random, stress: float) -> list[Money]:
    count = int(_choose(random, CARD_COUNTS))
    draws = [
        BALANCE_MEDIAN / math.sqrt(count) * math.exp(random.gauss(0.15 * stress, BALANCE_SIGMA))
        for _ in range(count)
    ]
    return [_whole_yuan(min(max(draw, 500), BALANCE_MAX / count)) for draw in draws]


def _figures(
    random: Random, stress: float, income: float, balances: list[int]
) -> dict[str, Decimal | None]:
    owed = sum(balances)
    used = min(max(0.62 + 0.12 * stress + random.gauss(0, 0.15), 0.05), 1.2)
    limits = owed / used
    instalment_debt = max(0.0, random.gauss(0.8, 0.6)) * income * 3
    revolving = max(len(balances), round(random.gauss(5, 2)))
    oldest = random.randint(12, 180)
    whole: dict[str, float | None] = {
        "accounts_opened_24m": max(0, round(random.gauss(3 + 1.4 * stress, 1.5))),
        "inquiries_12m": max(0, round(random.gauss(3 + 1.8 * stress, 2))),
        "card_balance_max": max(balances),
        "card_open_to_buy": max(0, round(limits - owed)),
        "card_utilisation_pct": round(100 * used, 1),
        "all_utilisation_pct": round(100 * min(used * random.uniform(0.8, 1.05), 1.3), 1),
        "card_limit_total": round(limits),
        "revolving_balance": owed,
        "average_balance": round((owed + instalment_debt) / (revolving + 2)),
        "months_since_oldest_instalment": random.randint(6, 120) if instalment_debt else None,
        "months_since_oldest_revolving": oldest,
        "months_since_newest_revolving": random.randint(1, min(oldest, 36)),
        "months_since_newest_account": random.randint(1, 18),
        "mortgage_accounts": int(random.random() < 0.25),
        "instalment_accounts": max(0, round(random.gauss(3, 2))),
        "revolving_accounts": revolving,
        "accounts_90dpd_24m": max(0, round(random.gauss(0.2 + 0.35 * stress, 0.5))),
        "never_delinquent_pct": round(min(max(90 - 6 * stress + random.gauss(0, 6), 0), 100), 1),
        "cards_over_75_pct": round(min(max(45 + 22 * stress + random.gauss(0, 18), 0), 100), 1),
        "total_balance": round(owed + instalment_debt),
        "total_credit_limit": round(limits + instalment_debt * 1.3),
        "accounts_total": revolving + 4,
        "balance_excluding_mortgage": round(owed + instalment_debt),
        "instalment_limit_total": round(instalment_debt * 1.3),
        "finance_accounts": max(0, round(random.gauss(1 + 0.6 * stress, 1))),
        "debt_to_income_pct": round(100 * (instalment_debt / 24 + owed * 0.07) / income, 2),
    }
    return {name: None if value is None else Decimal(str(value)) for name, value in whole.items()}


def bad_probability(
    figures: Mapping[str, Decimal | None], income: float, drift: Drift = QUIET
) -> float:
    """Give the probability that a person with these figures and monthly income turns bad."""

    def figure(name: str) -> float:
        return float(figures[name] or 0)

    logit = (
        BAD_BASE_LOGIT
        + drift.outcome
        + 0.22 * (figure("inquiries_12m") - 3)
        + 0.16 * (figure("accounts_opened_24m") - 3)
        + 0.020 * (figure("card_utilisation_pct") - 62)
        + 0.55 * figure("accounts_90dpd_24m")
        - 0.035 * (figure("never_delinquent_pct") - 90)
        - 0.7 * math.log(income / URBAN_INCOME_MONTHLY)
    )
    return 1 / (1 + math.exp(-logit))


def _choose(random: Random, table: tuple[tuple[float, float], ...]) -> float:
    return random.choices([value for value, _ in table], [weight for _, weight in table])[0]


def _whole_yuan(amount: float) -> Money:
    return Money(round(amount) * 100)
