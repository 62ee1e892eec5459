"""Decisions of many dossiers in columns, and one of them as a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import numpy as np
import polars as pl

from kernel.money import Money
from underwriting.batch import scores, spelling
from underwriting.batch.ceilings import CONSTRAINTS, NO_CEILING
from underwriting.batch.columns import NONE, Columns, instant
from underwriting.batch.exact import Flags, Whole
from underwriting.batch.findings import CODES, REASONS, Numbers, told
from underwriting.batch.scores import BatchScorer
from underwriting.better_off import Comparison, Cost
from underwriting.decisions import ChosenCard, Decision, Outcome
from underwriting.policy import Policy
from underwriting.reasons import REASONS_MAX, Reason
from underwriting.rules import LeftOut

OUTCOMES: Final = tuple(Outcome)

_NUMBERS: Final = ("outcome", "income", "limit", "principal", "months", "instalment")
_UNKNOWN: Final = ("pd", "band", "binding", "explained")
_SAID: Final = (*_NUMBERS, "reasons", "chosen", "loan")


@dataclass(slots=True, kw_only=True)
class Decided:
    """A place a dossier; 0 or `NONE` where there is nothing to say. Amounts in fen."""

    columns: Columns
    policy: Policy
    model_id: str
    alone: dict[int, Decision] = field(default_factory=dict)
    """Those that were decided one by one, by their places."""
    outcome: Whole
    """Which of `OUTCOMES`."""
    reasons: Numbers
    income: Whole
    is_verified: Flags
    pd: Whole
    """In millionths."""
    band: Whole
    """Which of the policy's bands."""
    explained: Whole
    """Which line of `parts` says what weighed."""
    parts: Whole
    features: tuple[str, ...]
    limit: Whole
    binding: Whole
    ceilings: Whole
    chosen: Flags
    """Of each card whether it is cleared; cards as they lie in the columns."""
    ceiling: Whole
    """What may be paid at most for each card that is weighed."""
    objection: Numbers
    """Of each card why it cannot be cleared."""
    beside: Numbers
    """Of each card why it is not cleared though it could be."""
    order: Whole
    """Places of the cards in the order in which they were weighed."""
    principal: Whole
    months: Whole
    instalment: Whole
    loan: Whole
    """Of the loan, of staying and of the offers: a month, in total, months."""
    staying: Whole
    offers: Whole

    @property
    def count(self) -> int:
        """How many decisions there are."""
        return len(self.outcome)

    def outcomes(self) -> dict[str, int]:
        """Count the decisions by what they come to."""
        counts = np.bincount(self.outcome, minlength=len(OUTCOMES)).tolist()
        return {
            outcome.value: count for outcome, count in zip(OUTCOMES, counts, strict=True) if count
        }

    def put(self, row: int, decision: Decision) -> None:
        """Take over a decision that was made alone."""
        comparison = decision.comparison
        if comparison is not None:
            comparison = replace(comparison, cheaper_from=None)
        self.alone[row] = replace(decision, workings=None, comparison=comparison)
        for name in _SAID:
            getattr(self, name)[row] = 0
        for name in _UNKNOWN:
            getattr(self, name)[row] = NONE
        self.outcome[row] = place_of(decision.outcome)
        self.reasons[row, : len(decision.reasons)] = [CODES[each] for each in decision.reasons]
        self.income[row] = decision.counted_income.fen
        self.is_verified[row] = decision.income_is_verified
        if decision.pd is not None:
            self.pd[row] = int(decision.pd.scaleb(6))
        if decision.band is not None:
            self.band[row] = [band.name for band in self.policy.bands].index(decision.band)
        self.limit[row] = decision.limit.fen
        if decision.binding is not None:
            self.binding[row] = CONSTRAINTS.index(decision.binding)
        refs = [str(card.card_ref) for card in decision.chosen]
        self.chosen[row] = [ref in refs for ref in self.columns.cards.ref[row]]
        self.principal[row] = decision.principal.fen
        if decision.months is not None and decision.instalment is not None:
            self.months[row] = decision.months
            self.instalment[row] = decision.instalment.fen
        if decision.total_interest is not None:
            self.loan[row, 1] = (decision.principal + decision.total_interest).fen

    def decision(self, row: int) -> Decision:
        """Give one decision as deciding alone gives it, but for its workings.

        Workings (a policy's second form) are long and seldom wanted of many: who wants those of
        one dossier decides on it alone.
        """
        if row in self.alone:
            return self.alone[row]
        columns, months = self.columns, int(self.months[row])
        band = None if self.band[row] == NONE else self.policy.bands[self.band[row]]
        return Decision(
            application_ref=columns.dossier(row).application_ref,
            as_of=instant(columns.as_of[row]),
            outcome=OUTCOMES[self.outcome[row]],
            reasons=told(self.reasons[row]),
            policy_version=self.policy.version,
            policy_sha256=self.policy.sha256,
            counted_income=Money(int(self.income[row])),
            income_is_verified=bool(self.is_verified[row]),
            left_out=self._left_out(row),
            model_id=None if self.pd[row] == NONE else self.model_id,
            pd=None if self.pd[row] == NONE else scores.decimal(self.pd[row]),
            band=None if band is None else band.name,
            contributions=self._contributions(row),
            limit=Money(int(self.limit[row])),
            binding=None if self.binding[row] == NONE else CONSTRAINTS[self.binding[row]],
            ceilings={
                constraint: Money(int(fen))
                for constraint, fen in zip(CONSTRAINTS, self.ceilings[row], strict=True)
                if fen != NO_CEILING
            },
            chosen=self._chosen(row),
            principal=Money(int(self.principal[row])),
            months=months or None,
            annual_rate=band.annual_rate if band is not None and months else None,
            instalment=Money(int(self.instalment[row])) if months else None,
            total_interest=Money(int(self.loan[row, 1] - self.principal[row])) if months else None,
            comparison=self._comparison(row) if months else None,
        )

    def _left_out(self, row: int) -> tuple[LeftOut, ...]:
        """List the cards that cannot be paid as they lie, then others as they were weighed."""
        objection, beside = self.objection[row], self.beside[row]
        one_too_many = objection == CODES[Reason.CARD_ONE_TOO_MANY]
        order = self.order[row]
        places = (
            *np.flatnonzero((objection != 0) & ~one_too_many),
            *order[one_too_many[order]],
            *order[beside[order] != 0],
        )
        found = []
        for place in places:
            reason = REASONS[objection[place] or beside[place]]
            assert reason is not None, "a card is left out for a reason"
            found.append(LeftOut(card_ref=self._ref(row, place), reason=reason))
        return tuple(found)

    def _chosen(self, row: int) -> tuple[ChosenCard, ...]:
        order = self.order[row]
        return tuple(
            ChosenCard(
                card_ref=self._ref(row, place),
                amount=Money(int(self.columns.cards.amount[row, place])),
                ceiling=Money(int(self.ceiling[row, place])),
            )
            for place in order[self.chosen[row, order]]
        )

    def _ref(self, row: int, place: int) -> UUID:
        return UUID(self.columns.cards.ref[row, place])

    def _contributions(self, row: int) -> tuple[tuple[str, Decimal], ...]:
        line = self.explained[row]
        if line == NONE:
            return ()
        return tuple(
            (name, scores.decimal(part))
            for name, part in zip(self.features, self.parts[line], strict=True)
        )

    def _comparison(self, row: int) -> Comparison:
        return Comparison(
            staying=_cost(self.staying[row]),
            offers=_cost(self.offers[row]) if self.offers[row].any() else None,
            loan=_cost(self.loan[row]),
        )

    def frame(self) -> pl.DataFrame:
        """Give the decisions as a table, a row a dossier in their order; amounts in yuan as text.

        Cards are named by their references in the order in which they were weighed.
        """
        codes = ["" if reason is None else reason.value for reason in REASONS]
        bands = [band.name for band in self.policy.bands]
        rates = [str(band.annual_rate) for band in self.policy.bands]
        has_terms = self.months != 0
        return pl.DataFrame(
            {
                "application_ref": pl.Series(self.columns.application_ref.tolist()),
                "outcome": _named(self.outcome, [outcome.value for outcome in OUTCOMES]),
                "reasons": _joined(
                    [_named(column, codes) for column in _or_none(self.reasons).T], self.count
                ),
                "policy": pl.repeat(self.policy.version, self.count, eager=True),
                "model": _named(np.where(self.pd == NONE, NONE, 0), [self.model_id]),
                "pd": _fixed(self.pd, self.pd != NONE, places=6),
                "band": _named(self.band, bands),
                "counted_income": _fixed(self.income),
                "limit": _fixed(self.limit),
                "binding": _named(self.binding, [each.value for each in CONSTRAINTS]),
                "cards": _joined(self._chosen_refs(), self.count),
                "principal": _fixed(self.principal),
                "months": pl.Series(self.months).set(pl.Series(~has_terms), None),
                "annual_rate": _named(np.where(has_terms, self.band, NONE), rates),
                "instalment": _fixed(self.instalment, has_terms),
                "total_interest": _fixed(self.loan[:, 1] - self.principal, has_terms),
            }
        )

    def _chosen_refs(self) -> list[pl.Series]:
        refs = np.take_along_axis(self.columns.cards.ref, self.order, axis=1)
        is_chosen = np.take_along_axis(self.chosen, self.order, axis=1)
        return [
            pl.Series(refs[:, place].tolist(), dtype=pl.String).set(
                pl.Series(~is_chosen[:, place]), None
            )
            for place in range(refs.shape[1])
        ]


def place_of(outcome: Outcome) -> int:
    """Give the number of an outcome."""
    return OUTCOMES.index(outcome)


def blank(columns: Columns, policy: Policy, scorer: BatchScorer) -> Decided:
    """Lay out decisions in which nothing is said yet."""
    count, cards = columns.cards.present.shape
    numbers: dict[str, Any] = {name: np.zeros(count, dtype=np.int64) for name in _NUMBERS}
    numbers |= {name: np.full(count, NONE, dtype=np.int64) for name in _UNKNOWN}
    return Decided(
        columns=columns,
        policy=policy,
        model_id=scorer.model_id,
        features=scorer.features,
        reasons=np.zeros((count, REASONS_MAX), dtype=np.uint8),
        is_verified=np.zeros(count, dtype=np.bool_),
        parts=np.zeros((0, len(scorer.features)), dtype=np.int64),
        ceilings=np.full((count, len(CONSTRAINTS)), NO_CEILING, dtype=np.int64),
        chosen=np.zeros((count, cards), dtype=np.bool_),
        ceiling=np.zeros((count, cards), dtype=np.int64),
        objection=np.zeros((count, cards), dtype=np.uint8),
        beside=np.zeros((count, cards), dtype=np.uint8),
        order=np.tile(np.arange(cards), (count, 1)),
        loan=np.zeros((count, 3), dtype=np.int64),
        staying=np.zeros((count, 3), dtype=np.int64),
        offers=np.zeros((count, 3), dtype=np.int64),
        **numbers,
    )


def _cost(costs: Whole) -> Cost:
    monthly, total, months = costs.tolist()
    return Cost(monthly=Money(monthly), total=Money(total), months=months)


def _or_none(numbers: Numbers) -> Whole:
    found: Whole = np.where(numbers == 0, NONE, numbers.astype(np.int64))
    return found


def _named(places: Whole, names: Sequence[str]) -> pl.Series:
    """Give the name at each place; `NONE` is null."""
    at = pl.Series(places).set(pl.Series(places == NONE), None)
    return pl.Series(names, dtype=pl.String).gather(at)


def _fixed(numbers: Whole, known: Flags | None = None, *, places: int = 2) -> pl.Series:
    """Spell whole numbers of the last place with their point."""
    step = 10**places
    found = pl.select(
        pl.concat_str(
            pl.lit(pl.Series(np.where(numbers < 0, "-", ""))),
            pl.lit(pl.Series(np.abs(numbers) // step)).cast(pl.String),
            pl.lit("."),
            pl.lit(pl.Series(np.abs(numbers) % step)).cast(pl.String).str.zfill(places),
        )
    ).to_series()
    return found if known is None else found.set(pl.Series(~known), None)


def _joined(columns: Sequence[pl.Series], count: int) -> pl.Series:
    """Join the texts of each row with semicolons, leaving out what is null."""
    if not columns:
        return pl.repeat("", count, eager=True)
    texts = [pl.lit(column) for column in columns]
    return pl.select(
        pl.concat_str(texts, separator=spelling.BETWEEN, ignore_nulls=True)
    ).to_series()
