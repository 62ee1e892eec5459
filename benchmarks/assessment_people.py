"""Generated debtors as the sources would have told of them, and a model trained on others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import Final

import polars as pl

from demo import simulator
from demo.people import Card, Person
from disbursement.issuer_answers import QuotedPayoff
from kernel import ids
from kernel.clock import business_day, shanghai
from kernel.money import Money
from kernel.rates import Rate
from underwriting import canonical
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
from underwriting.inquiries import Answer, CardQuote, Gathered
from underwriting.models import spec, training
from underwriting.models.artifact import TrainedModel
from underwriting.models.training_file import MONTH, TARGET

AT: Final = shanghai(date(2026, 11, 24), 10)
SEED: Final = 20_261_120
MONTHS: Final = tuple(date(2026, month, 1) for month in range(1, 7))
QUOTE_HOLDS: Final = timedelta(days=3)
TREES_MAX: Final = 300
SPEC: Final = "card_repayers"
"""Its features and its first candidate are taken, so the model is of the size that serves."""
LENDER: Final = LenderTerms(
    funder_code="BENCH",
    issuer_code=None,
    product_version=1,
    annual_cap=Rate.percent("24.00"),
    months=(12, 24, 36),
    principal_min=Money.yuan("500.00"),
    principal_max=Money.yuan("200000.00"),
)


@cache
def train(people_a_month: int) -> TrainedModel:
    """Train a model on people who are not assessed."""
    shipped = spec.find(SPEC)
    plan = replace(shipped.plan, candidates=shipped.plan.candidates[:1], rounds_max=TREES_MAX)
    small = replace(shipped, name="benchmark", plan=plan)
    people = [
        person
        for number, month in enumerate(MONTHS)
        for person in simulator.population(
            SEED,
            people_a_month,
            month=month,
            year_now=month.year,
            first=1 + number * people_a_month,
        )
    ]
    return training.train(_frame(people), small, SEED)


def gathered(count: int) -> list[Gathered]:
    """Give what the sources said of people the model has not seen."""
    people = simulator.population(
        SEED + 1, count, month=business_day(AT).replace(day=1), year_now=AT.year, first=1
    )
    return [_gathered(person) for person in people]


def _frame(people: Sequence[Person]) -> pl.DataFrame:
    figures = [
        catalogue.figures(_dossier(person), monthly_income=person.monthly_income or Money(0))
        for person in people
    ]
    columns: dict[str, list[float | None]] = {
        name: [None if row[name] is None else float(row[name] or 0) for row in figures]
        for name in figures[0]
    }
    return pl.DataFrame(
        {
            **columns,
            TARGET: [int(bool(person.turned_bad)) for person in people],
            MONTH: [person.month for person in people],
        }
    )


def _gathered(person: Person) -> Gathered:
    told = _dossier(person)
    return Gathered(
        dossier=told,
        evidence=(
            _answer("watchlists", {"as_of": canonical.instant_text(AT), "hits": []}),
            _answer("bureau", {"figures": _spelled(person), "as_of": canonical.instant_text(AT)}),
            _answer(
                "income",
                {
                    "monthly_income": str(told.verified_monthly_income),
                    "source": told.income_source,
                    "employment_months": told.employment_months,
                },
            ),
            *(
                _answer(
                    "issuers", {"card_ref": str(card.card_ref), "issuer_code": card.issuer_code}
                )
                for card in told.cards
            ),
        ),
        quotes=tuple(
            CardQuote(card_ref=card.card_ref, issuer_code=card.issuer_code, payoff=_payoff(card))
            for card in told.cards
        ),
    )


def _dossier(person: Person) -> Dossier:
    proven = person.monthly_income if person.income_is_proven else None
    return Dossier(
        application_ref=ids.new(),
        as_of=AT,
        age=person.national_id.age_on(business_day(AT)),
        purpose=Purpose.CARD_DEBT,
        stated_monthly_income=person.monthly_income,
        verified_monthly_income=proven,
        income_source=None if proven is None else "social_insurance",
        employment_months=person.employment_months,
        essential_costs=person.essential_costs,
        identity_matches=True,
        deceased=False,
        watchlist_hits=(),
        has_bureau_file=True,
        figures=person.figures,
        cards=tuple(_debt(card) for card in person.cards),
        lender=LENDER,
    )


def _debt(card: Card) -> CardDebt:
    offer = card.offer
    return CardDebt(
        card_ref=ids.new(),
        issuer_code=card.issuer_code,
        account_type=AccountType.CREDIT,
        payable=True,
        name_matches=True,
        quote=Quote(
            amount=card.balance,
            as_of=AT,
            valid_until=AT + QUOTE_HOLDS,
            per_diem=card.balance.times(card.daily_rate),
            minimum_due=card.minimum_due,
            past_due=card.past_due,
            days_past_due=card.days_past_due,
            credit_limit=card.credit_limit,
            daily_rate=card.daily_rate,
            reference="PQ000001",
        ),
        offer=None
        if offer is None
        else InstalmentOffer(
            months=int(offer["months"]),
            monthly_payment=Money.yuan(str(offer["monthly_payment"])),
            total_cost=Money.yuan(str(offer["total_cost"])),
        ),
    )


def _payoff(card: CardDebt) -> QuotedPayoff:
    quote = card.quote
    assert quote is not None
    return QuotedPayoff(
        reference=quote.reference,
        amount=quote.amount,
        as_of=quote.as_of,
        valid_until=quote.valid_until,
        per_diem=quote.per_diem,
        minimum_due=quote.minimum_due,
        past_due=quote.past_due,
        days_past_due=quote.days_past_due,
        credit_limit=quote.credit_limit,
        daily_rate=quote.daily_rate,
    )


def _spelled(person: Person) -> dict[str, str | None]:
    return {
        name: None if value is None else canonical.decimal_text(value)
        for name, value in person.figures.items()
    }


def _answer(source: str, body: dict[str, object]) -> Answer:
    return Answer(source=source, reference="R0001", body=canonical.dump(body), asked_at=AT)
