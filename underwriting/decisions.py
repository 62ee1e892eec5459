"""A decision: what was decided, on what terms and why, spelled so that it can be retold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID

from kernel.money import ZERO, Money
from kernel.rates import Rate
from underwriting import canonical, lots, workings
from underwriting.better_off import Comparison, Cost
from underwriting.canonical import (
    Unreadable,
    decimal_text,
    instant_text,
    read_decimal,
    read_flag,
    read_instant,
)
from underwriting.features.declaration import Figures
from underwriting.limits import Constraint
from underwriting.lots import Grant, Route
from underwriting.reasons import Reason
from underwriting.rules import LeftOut
from underwriting.workings import Workings

FORMAT: Final = 1
FORMAT_WITH_WORKINGS: Final = 2
"""Of a decision under a policy of the second form."""
PD_PLACES: Final = Decimal("0.000001")
"""A probability of default is rounded to this before any rule sees it."""

_FAULTS: Final = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError)


class Outcome(StrEnum):
    """What an assessment comes to."""

    APPROVE = "approve"
    DECLINE = "decline"
    REVIEW = "review"
    """A person decides; the terms, where there are some, are what he may approve."""


class Scorer(Protocol):
    """Something that gives a probability of default and says what weighed in it."""

    @property
    def model_id(self) -> str:
        """Name the model."""
        ...

    def pd(self, figures: Figures) -> Decimal:
        """Give the calibrated probability of default, rounded to a millionth."""
        ...

    def bound(self, pd: Decimal) -> Decimal:
        """Give the upper bound of a probability of default; itself where none is known."""
        ...

    def contributions(self, figures: Figures) -> tuple[tuple[str, Decimal], ...]:
        """Give each feature's part of the log-odds, rounded to a millionth.

        They are exact, and relative to the population that the model names as its baseline: those
        it was approved for where it knows them, else all it learnt from.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenCard:
    """A card that the loan clears."""

    card_ref: UUID
    amount: Money
    """What the issuer quoted."""
    ceiling: Money
    """What may be paid at most without asking the debtor again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer to one dossier under one policy and one model."""

    application_ref: UUID
    as_of: datetime
    outcome: Outcome
    reasons: tuple[Reason, ...]
    """At most four. Of an approval: why not every card is cleared."""
    policy_version: str
    policy_sha256: str
    counted_income: Money
    income_is_verified: bool
    left_out: tuple[LeftOut, ...]
    model_id: str | None = None
    """None when the rules decided before any score."""
    pd: Decimal | None = None
    band: str | None = None
    contributions: tuple[tuple[str, Decimal], ...] = ()
    """Only where they were needed for the reasons."""
    limit: Money = ZERO
    binding: Constraint | None = None
    ceilings: Mapping[Constraint, Money] = field(default_factory=dict)
    chosen: tuple[ChosenCard, ...] = ()
    principal: Money = ZERO
    """The sum of the chosen cards' ceilings; the loan is booked at what is paid."""
    months: int | None = None
    annual_rate: Rate | None = None
    instalment: Money | None = None
    total_interest: Money | None = None
    comparison: Comparison | None = None
    workings: Workings | None = None
    """How it came about; None under a policy of the first form."""
    route: Route | None = None
    """By which way it came to its model; None where no routing was ever set."""
    grant: Grant | None = None
    """The approval at random that it is."""

    @property
    def has_terms(self) -> bool:
        """Whether there is a loan that could be offered."""
        return self.months is not None

    def to_bytes(self) -> bytes:
        """Spell the decision canonically."""
        has_workings = self.workings is not None
        return canonical.dump(
            {
                "format": FORMAT_WITH_WORKINGS if has_workings else FORMAT,
                "application_ref": str(self.application_ref),
                "as_of": instant_text(self.as_of),
                "outcome": self.outcome.value,
                "reasons": [reason.value for reason in self.reasons],
                "policy_version": self.policy_version,
                "policy_sha256": self.policy_sha256,
                "counted_income": str(self.counted_income),
                "income_is_verified": self.income_is_verified,
                "left_out": [
                    {"card_ref": str(card.card_ref), "reason": card.reason.value}
                    for card in self.left_out
                ],
                "model_id": self.model_id,
                "pd": None if self.pd is None else decimal_text(self.pd),
                "band": self.band,
                "contributions": [
                    [name, decimal_text(weight)] for name, weight in self.contributions
                ],
                "limit": str(self.limit),
                "binding": None if self.binding is None else self.binding.value,
                "ceilings": {
                    constraint.value: str(amount) for constraint, amount in self.ceilings.items()
                },
                "chosen": [
                    {
                        "card_ref": str(card.card_ref),
                        "amount": str(card.amount),
                        "ceiling": str(card.ceiling),
                    }
                    for card in self.chosen
                ],
                "principal": str(self.principal),
                "months": self.months,
                "annual_rate": None if self.annual_rate is None else str(self.annual_rate),
                "instalment": _text(self.instalment),
                "total_interest": _text(self.total_interest),
                "comparison": None
                if self.comparison is None
                else _comparison(self.comparison, month_by_month=has_workings),
            }
            | ({} if self.workings is None else {"workings": self.workings.to_plain()})
            | ({} if self.route is None else {"route": self.route.to_plain()})
            | ({} if self.grant is None else {"grant": self.grant.to_plain()})
        )


def from_bytes(content: bytes) -> Decision:
    """Read a decision from its canonical spelling.

    Raises:
        Unreadable: the bytes are no decision, or one of another format.
    """
    document = canonical.load(content)
    format_ = document.get("format")
    if format_ not in {FORMAT, FORMAT_WITH_WORKINGS}:
        raise Unreadable("a decision of a format that is not known here")
    try:
        return replace(
            _decision(document),
            workings=None if format_ == FORMAT else workings.from_plain(document["workings"]),
            route=lots.read_route(document.get("route")),
            grant=lots.read_grant(document.get("grant")),
        )
    except _FAULTS as fault:
        raise Unreadable(
            f"a decision lacks or misspells something: {type(fault).__name__}"
        ) from None


def _decision(plain: Mapping[str, Any]) -> Decision:
    return Decision(
        application_ref=UUID(plain["application_ref"]),
        as_of=read_instant(plain["as_of"]),
        outcome=Outcome(plain["outcome"]),
        reasons=tuple(Reason(code) for code in plain["reasons"]),
        policy_version=plain["policy_version"],
        policy_sha256=plain["policy_sha256"],
        counted_income=Money.yuan(plain["counted_income"]),
        income_is_verified=read_flag(plain["income_is_verified"]),
        left_out=tuple(
            LeftOut(card_ref=UUID(card["card_ref"]), reason=Reason(card["reason"]))
            for card in plain["left_out"]
        ),
        model_id=plain["model_id"],
        pd=None if plain["pd"] is None else read_decimal(plain["pd"]),
        band=plain["band"],
        contributions=tuple(
            (name, read_decimal(weight)) for name, weight in plain["contributions"]
        ),
        limit=Money.yuan(plain["limit"]),
        binding=None if plain["binding"] is None else Constraint(plain["binding"]),
        ceilings={Constraint(name): Money.yuan(sum_) for name, sum_ in plain["ceilings"].items()},
        chosen=tuple(
            ChosenCard(
                card_ref=UUID(card["card_ref"]),
                amount=Money.yuan(card["amount"]),
                ceiling=Money.yuan(card["ceiling"]),
            )
            for card in plain["chosen"]
        ),
        principal=Money.yuan(plain["principal"]),
        months=plain["months"],
        annual_rate=None if plain["annual_rate"] is None else Rate.percent(plain["annual_rate"]),
        instalment=_money(plain["instalment"]),
        total_interest=_money(plain["total_interest"]),
        comparison=None if plain["comparison"] is None else _read_comparison(plain["comparison"]),
    )


def _comparison(comparison: Comparison, *, month_by_month: bool) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "staying": _cost(comparison.staying),
        "offers": None if comparison.offers is None else _cost(comparison.offers),
        "loan": _cost(comparison.loan),
    }
    return plain | ({"cheaper_from": comparison.cheaper_from} if month_by_month else {})


def _read_comparison(plain: Mapping[str, Any]) -> Comparison:
    return Comparison(
        staying=_read_cost(plain["staying"]),
        offers=None if plain["offers"] is None else _read_cost(plain["offers"]),
        loan=_read_cost(plain["loan"]),
        cheaper_from=plain.get("cheaper_from"),
    )


def _cost(cost: Cost) -> dict[str, Any]:
    return {"monthly": str(cost.monthly), "total": str(cost.total), "months": cost.months}


def _read_cost(plain: Mapping[str, Any]) -> Cost:
    return Cost(
        monthly=Money.yuan(plain["monthly"]),
        total=Money.yuan(plain["total"]),
        months=int(plain["months"]),
    )


def _text(amount: Money | None) -> str | None:
    return None if amount is None else str(amount)


def _money(text: str | None) -> Money | None:
    return None if text is None else Money.yuan(text)
