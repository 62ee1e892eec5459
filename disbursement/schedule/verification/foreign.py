"""Rules of other engines that change how the product's replay goes: each a small variation of it."""

from __future__ import annotations

from copy import copy, deepcopy
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Final

from disbursement.schedule.engine import Replay
from disbursement.schedule.factors import Span, half_up, level_payment
from disbursement.schedule.terms import Shape, Terms
from disbursement.schedule.verification import tranches
from disbursement.schedule.verification.cases import Case, NotComputable

_REBALANCES_MAX: Final = 3


def replay_of(case: Case, terms: Terms) -> Replay:
    """Choose the variation a case asks for; most need none."""
    ways = case.facts.get("rounding") or {}
    if str(ways.get("interest_rounding", "")).startswith("carry"):
        terms = replace(terms, round_interest=Carry())
        from_exact = "exact" in str(case.options.get("equal_instalment_interest", ""))
        return ExactAnnuity(terms) if from_exact else Replay(terms)
    if case.options.get("engine") == "progressive" and terms.shape is Shape.PAYMENT:
        return Rebalancing(terms)
    agreed = agreed_level(case, terms)
    if agreed is not None:
        state = Agreed(terms)
        state.agreed = agreed
        return state
    if terms.level is not None and case.family == "fixed_payment":
        fixed = Replay(terms)
        fixed.ending = True
        return fixed
    return Replay(terms)


def agreed_level(case: Case, terms: Terms) -> int | None:
    """Solve for the instalment of a loan that is paid out bit by bit, where it is agreed at once.

    That engine solves for the whole amount before the first tranche and never again.
    """
    later = sum(amount for _, amount in tranches.later(case))
    if case.options.get("engine") != "cumulative" or not later or terms.shape is not Shape.PAYMENT:
        return None
    whole = Replay(replace(terms, principal=terms.principal + later))
    whole.solve()
    return whole.level


class Agreed(Replay):
    """Keep the instalment that was agreed, whatever is paid out later."""

    agreed: int | None = None

    def solve(self) -> None:
        """Take what was agreed; solve where nothing was."""
        if self.agreed is None:
            super().solve()
        else:
            self.level, self.solved = self.agreed, True


class Carry:
    """Round half-up, carry what was lost, and pay a fen more or less once it makes one up."""

    def __init__(self) -> None:
        self.carried = Fraction(0)

    def __call__(self, value: Fraction) -> int:
        """Round the next amount of interest."""
        rounded = half_up(value)
        self.carried += value - rounded
        extra = int(self.carried)
        self.carried -= extra
        return rounded + extra


class ExactAnnuity(Replay):
    """Take interest and principal from the unrounded annuity, rounding only what is shown."""

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self.exact_balance = Fraction(terms.principal)
        self.exact_level = Fraction(0)

    def accrued(self, span: Span, until: date) -> Fraction:
        """Give the interest on the unrounded balance."""
        return self.exact_balance * self.factor(span, span.start, until)

    def _principal(self, span: Span, interest: int, *, last: bool) -> int:  # noqa: ARG002 (the replay's own signature)
        if last:
            return self.balance
        if span.number <= self.terms.grace.principal:
            return 0
        if not self.exact_level:
            later = [self.factor(s, s.start, s.end) for s in self.spans[self.at + 1 :]]
            grown = self.exact_balance * (1 + self.factor(span, span.start, span.end))
            self.exact_level = level_payment(grown, later)
        exact = self.exact_level - self.accrued(span, span.end)
        self.exact_balance -= exact
        return half_up(exact)


class Rebalancing(Replay):
    """Move the instalment when the last one strays from it by more than half a fen a period."""

    def solve(self) -> None:
        """Solve for the instalment, then try whether a nearby one ends more evenly."""
        super().solve()
        for _ in range(_REBALANCES_MAX):
            if not self._rebalance():
                break

    def _rebalance(self) -> bool:
        count = len(self.spans) - max(self.at, self._first_amortising())
        if count < 2 or self.level is None:
            return False
        stray = self._stray(self.level)
        if abs(stray) <= count // 2:
            return False
        level = self.terms.round_level(self.level + Fraction(stray, count))
        if level == self.level or abs(self._stray(level)) >= abs(stray):
            return False
        self.level = level
        return True

    def _stray(self, level: int) -> int:
        """Tell by how much the last instalment exceeds the others."""
        trial = copy(self)
        trial.items, trial.changes = [], deepcopy(self.changes)
        trial.spans = list(self.spans)
        trial.charges, trial.moved = [], []
        trial.level, trial.solved = level, True
        trial.project()
        last = trial.items[-1]
        return sum(last.owed.values()) - level


def compounded_yearly(terms: Terms) -> Terms:
    """Let a period of more than a year bear interest on interest at the end of each year."""
    rate, inner = terms.annual_rate, terms.measure
    if not rate:
        return terms

    def measure(span: Span, start: date, end: date) -> Fraction:
        growth = Fraction(1)
        while (turn := _year_later(start)) < end:
            growth *= 1 + rate * inner(span, start, turn)
            start = turn
        return (growth * (1 + rate * inner(span, start, end)) - 1) / rate

    return replace(terms, measure=measure)


def _year_later(day: date) -> date:
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return date(day.year + 1, 2, 28)


def fixed_payment(terms: Terms, level: int) -> Terms:
    """Repay with an agreed amount each period until nothing is owed.

    Raises:
        NotComputable: the amount does not cover the interest of the first period.
    """
    span = terms.spans[0]
    interest = terms.principal * terms.annual_rate * terms.measure(span, span.start, span.end)
    if level <= interest:
        raise NotComputable("the agreed payment never repays the loan")
    return replace(terms, level=level)
