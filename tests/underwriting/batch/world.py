"""Dossiers of every kind drawn at random, and a scorer that knows one row and many."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import cache
from random import Random
from uuid import UUID

import numpy as np
import xgboost

from kernel.money import Money
from kernel.rates import Rate
from tests.underwriting import builders as make
from underwriting.dossier import (
    AccountType,
    CardDebt,
    Dossier,
    InstalmentOffer,
    LenderTerms,
    Purpose,
    Quote,
)
from underwriting.features import catalogue
from underwriting.models.contributions import Explainer

FEATURES = (
    "inquiries_12m", "card_utilisation_pct", "debt_to_income_pct", "annual_income",
    "employment_years", "merges_debts", "cards_over_75_pct", "months_since_newest_account",
)  # fmt: skip
CARD_COUNTS = (*(1, 2, 2, 3, 4) * 8, 0, 5, 6, 7, 9, 13)


class Scorer:
    """Scores by a small booster, from one in a hundred to most likely bad."""

    def __init__(self, booster: xgboost.Booster) -> None:
        self.model_id = "drawn-000000000000"
        self.features = FEATURES
        self._booster = booster
        self._explainer = Explainer(booster)

    def pd(self, figures) -> Decimal:
        return Decimal(f"{self.probabilities(self._row(figures))[0]:.6f}")

    def bound(self, pd: Decimal) -> Decimal:
        return min(Decimal("0.999999"), (pd * Decimal("1.1") + Decimal("0.01"))).quantize(pd)

    def contributions(self, figures) -> tuple[tuple[str, Decimal], ...]:
        parts = self._explainer.one(self._row(figures)[0])[:-1].tolist()
        return tuple(
            (name, Decimal(f"{part:.6f}")) for name, part in zip(FEATURES, parts, strict=True)
        )

    def probabilities(self, rows):
        margins = self._booster.inplace_predict(rows, predict_type="margin")
        return 1 / (1 + np.exp(-np.asarray(margins, dtype=np.float64)))

    def explained(self, rows):
        return self._explainer.many(rows)

    def _row(self, figures):
        values = [catalogue.CATALOGUE[name].value(figures) for name in FEATURES]
        row = [np.nan if value is None else float(value) for value in values]
        return np.array([row], dtype=np.float32)


@cache
def scorer() -> Scorer:
    draw = np.random.default_rng(5)
    top = np.array([12, 120, 60, 240_000, 10, 1, 100, 120])
    told = (draw.uniform(size=(2_000, len(FEATURES))) * top).astype(np.float32)
    told[draw.uniform(size=told.shape) < 0.1] = np.nan
    known = np.nan_to_num(told / top)
    odds = -2.5 + 2 * known[:, 0] + known[:, 1] + known[:, 2] - known[:, 3] + known[:, 6]
    bad = draw.uniform(size=len(told)) < 1 / (1 + np.exp(-odds))
    facts = {"objective": "binary:logistic", "max_depth": 4, "eta": 0.3, "nthread": 1, "seed": 1}
    rows = xgboost.DMatrix(told, bad.astype(float), feature_names=list(FEATURES))
    booster = xgboost.train(facts, rows, 12)
    booster.set_param({"nthread": 1})
    return Scorer(booster)


def dossiers(seed: int, count: int) -> list[Dossier]:
    """Draw dossiers: mostly such that much is computed, some of every odd kind."""
    random = Random(seed)
    lenders = [
        make.lender(),
        make.lender(months=(36, 6, 12), principal_max=Money.yuan("8000.00")),
        _lender(random),
    ]
    return [_dossier(random, number, lenders) for number in range(count)]


def _dossier(random: Random, number: int, lenders: list[LenderTerms]) -> Dossier:
    as_of = make.AT + timedelta(minutes=random.randint(0, 2_000))
    stated = None if _seldom(random) else _money(random, 5_000, 40_000)
    verified = random.choice([None, stated, stated, _money(random, 2_000, 30_000)])
    verified = _money(random, 0, 10) if _seldom(random) else verified
    costs = _money(random, 0, 3_000)
    return Dossier(
        application_ref=UUID(int=number + 1),
        as_of=as_of,
        age=random.randint(17, 66) if _seldom(random) else random.randint(20, 58),
        purpose=random.choice(list(Purpose)),
        stated_monthly_income=stated,
        verified_monthly_income=verified,
        income_source=None if verified is None else "batch",
        employment_months=random.choice([None, 0, 7, 60, 119, 240, 700]),
        essential_costs=costs,
        identity_matches=not _seldom(random),
        deceased=_seldom(random) and random.random() < 0.2,
        watchlist_hits=tuple(
            make.WatchlistHit(name=name, reason="batch")
            for name in ("court", "sanctions", "unheard_of")
            if _seldom(random) and _seldom(random)
        ),
        has_bureau_file=not _seldom(random),
        figures=_figures(random),
        cards=tuple(
            _card(random, 100 * (number + 1) + place, as_of)
            for place in random.sample(range(20), random.choice(CARD_COUNTS))
        ),
        lender=random.choice(lenders),
    )


def _figures(random: Random) -> dict[str, Decimal | None]:
    drawn = {
        "inquiries_12m": Decimal(random.randint(0, 9)),
        "card_utilisation_pct": Decimal(random.randint(0, 1_200)) / 10,
        "debt_to_income_pct": Decimal(random.randint(-100, 6_000)) / 100,
        "cards_over_75_pct": Decimal(random.randint(0, 100)),
        "months_since_newest_account": Decimal(random.randint(0, 120)),
        "city_tier": random.choice([None, Decimal(1), Decimal(3), Decimal(5), Decimal(9)]),
        "dependants": random.choice([None, None, Decimal(0), Decimal(2), Decimal(8)]),
        "ring_size": random.choice([None, None, None, Decimal(2), Decimal(5), Decimal(6)]),
        "lender_inquiries_7d": Decimal(random.choice([0, 0, 0, 0, 0, 0, 1, 2, 3, 6])),
        "balance_over_verified_pct": Decimal(random.choice([0, 0, 0, 19, 20, 21])),
    }
    if _seldom(random):
        drawn["inquiries_12m"] = Decimal(501)  # beyond what can be right
    if _seldom(random):
        drawn["debt_to_income_pct"] = Decimal("33.3333333")  # finer than columns hold
    return {name: None if _seldom(random) else value for name, value in drawn.items()}


def _card(random: Random, number: int, as_of) -> CardDebt:
    rarely = _seldom(random) and _seldom(random)
    amount = random.choice(
        [
            _money(random, 1, 40_000),
            *[_money(random, 500, 9_000)] * 4,
            Money.yuan("5000.00"),
            Money(3),
        ]
    )
    amount = Money(-500) if _seldom(random) else amount
    ten = max(amount, Money(0)).times(Decimal("0.1"))
    minimum_due = random.choice([ten, ten, ten, Money(0), _money(random, 0, 900)])
    late = random.random() < 0.5
    quote = Quote(
        amount=Money(10**13) if rarely and _seldom(random) else amount,
        as_of=as_of,
        valid_until=as_of + timedelta(days=3) * (-1 if _seldom(random) else 1),
        per_diem=max(amount, Money(0)).times(Decimal("0.0005")),
        minimum_due=minimum_due,
        past_due=minimum_due if late else Money(0),
        days_past_due=random.randint(1, 200) if late else 0,
        credit_limit=_money(random, 1_000, 80_000),
        daily_rate=random.choice([*[Decimal("0.0005")] * 6, Decimal("0.00035"), Decimal(0)]),
        reference="batch",
    )  # fmt: skip
    kind = random.choice(list(AccountType)) if _seldom(random) else AccountType.CREDIT
    return CardDebt(
        card_ref=UUID(int=number),
        issuer_code=random.choice(["CMB", "ICBC"]),
        account_type=kind,
        payable=not _seldom(random),
        name_matches=not _seldom(random),
        quote=None if _seldom(random) else quote,
        offer=_offer(random, amount) if random.random() < 0.3 else None,
    )


def _offer(random: Random, amount: Money) -> InstalmentOffer:
    months = random.choice([6, 12, 24, 36])
    cost = max(amount, Money(0)).times(Decimal(random.randint(0, 25)) / 100)
    total = max(amount, Money(0)) + cost
    return InstalmentOffer(
        months=months, monthly_payment=Money(-(-total.fen // months)), total_cost=cost
    )


def _lender(random: Random) -> LenderTerms:
    return make.lender(
        issuer_code=random.choice([None, None, "ICBC"]),
        annual_cap=Rate.percent(random.choice(["24.00", "24.00", "13.00"])),
        months=random.choice([(12, 24, 36), (36, 6, 12), (24,), (3,)]),
        principal_min=Money.yuan(random.choice(["500.00", "3000.00"])),
        principal_max=Money.yuan(random.choice(["200000.00", "8000.00"])),
    )


def _money(random: Random, low: int, high: int) -> Money:
    return Money(random.randint(low * 100, high * 100))


def _seldom(random: Random) -> bool:
    return random.random() < 0.03
