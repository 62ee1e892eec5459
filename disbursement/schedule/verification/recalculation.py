"""Engines that reckon interest again whenever money comes early or late.

Both lay the product's replay under their rules: what is paid early bears no interest from its day
on, what is late goes on bearing it, and neither changes which principal falls due when. They differ
in what becomes of money beyond the instalment and in how far back they reckon.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from disbursement.allocation import Part
from disbursement.schedule import replay
from disbursement.schedule.engine import Change, Replay
from disbursement.schedule.factors import Span
from disbursement.schedule.items import Item
from disbursement.schedule.rows import Row
from disbursement.schedule.terms import Terms
from disbursement.schedule.verification import loans, schedules, servicing
from disbursement.schedule.verification.cases import Case, NotComputable, some_day
from disbursement.schedule.verification.foreign import Agreed, Rebalancing, agreed_level
from disbursement.schedule.verification.servicing import Account, Order

_ALL: Final = 10**18
_DAY: Final = timedelta(days=1)
_ADVANCES: Final = frozenset(
    {"reduce_instalment_amount", "reduce_number_of_instalments", "reschedule_next_repayments", ""}
)


class Bearing(Replay):
    """A replay in which other principal bears interest than the plan says."""

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self.bearing: list[Change] = []

    def accrued(self, span: Span, until: date) -> Fraction:
        """Give the exact interest of what really bears it."""
        exact = super().accrued(span, until)
        for change in self.bearing:
            if change.on < until:
                exact += change.amount * self.factor(span, max(change.on, span.start), until)
        return exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A day on which interest is reckoned again: money came in, or a day ended."""

    on: date
    amount: int | None = 0
    """None for a payoff, whose amount follows from the day."""


def steps(case: Case) -> list[Step]:
    """List the days on which interest is reckoned again, in their order."""
    made = [Step(on=on, amount=amount) for on, amount in servicing.money_in(case)]
    made += [
        Step(on=some_day(event["business_date"]))
        for event in case.events
        if event.get("type") == "end_of_day"
    ]
    return sorted(made, key=lambda step: step.on)


def applies(case: Case) -> bool:
    """Tell whether a case's engine reckons again and has something to reckon."""
    return bool(case.options.get("interest_recalculation")) and bool(steps(case))


def figures(case: Case) -> Mapping[str, Any]:
    """Compute the schedule after everything that was paid."""
    terms = loans.terms_of(case)
    progressive = case.options.get("engine") == "progressive"
    account = _Progressive(case, terms) if progressive else _Cumulative(case, terms)
    for on, effect in schedules.timeline(case, terms):
        account.plan.append((on, effect))
    for step in steps(case):
        account.step(step)
    rows = account.finish()
    shown = schedules.row_figures(case, rows, account.walked)
    return schedules.summary(case, servicing.with_payments(shown, account.accounts))


class _Reckoning:
    """What both engines share: rows closing one after another, and an account for each."""

    state: Bearing

    def __init__(self, case: Case, state: Bearing) -> None:
        self.case = case
        self.state = state
        self.walked = schedules.Walk(state)
        self.order: Order = servicing.order_of(case)
        self.accounts: list[Account] = []
        self.plan: list[tuple[date, Any]] = []

    def until(self, day: date) -> None:
        """Close rows that end by a day and let the plan's own events happen on the way."""
        while self.plan and self.plan[0][0] <= day:
            on, effect = self.plan.pop(0)
            self._close_until(on)
            effect(self.state)
        self._close_until(day)

    def _close_until(self, day: date) -> None:
        while (span := self.state.span) is not None and span.end <= day:
            self.walked.close(span)
            self.closed(self.state.items[-1])
        self.state.close_until(day)
        self._open_accounts()

    def closed(self, item: Item) -> None:
        """Take note that a row has fallen due."""

    def _open_accounts(self) -> None:
        for item in self.state.items[len(self.accounts) :]:
            self.accounts.append(Account(due_on=item.due_on, owed=item.owed))

    def pay_due(self, left: int, on: date) -> int:
        """Pay rows that have fallen due and give back what is left."""
        for account in self.accounts:
            if account.due_on <= on:
                left = servicing.pay(account, left, on, order=self.order, due_charges={})
        return left

    def finish(self) -> tuple[Row, ...]:
        """Close every row that is left."""
        self.until(date.max)
        self.state.project()
        self._open_accounts()
        return replay.schedule_of(self.state).rows


class _Cumulative(_Reckoning):
    """Rows that have fallen due stay as they are; the period of the day is reckoned again."""

    def __init__(self, case: Case, terms: Terms) -> None:
        self.rows = _Ahead(
            terms,
            strategy=str(case.options.get("advance") or ""),
            agreed=agreed_level(case, terms),
        )
        super().__init__(case, self.rows)
        self.compounding = bool(case.options.get("compounding"))
        self.reckoned_until = terms.value_date
        self.early: list[tuple[date, int]] = []

    def step(self, step: Step) -> None:
        """Let money come in, or a day end."""
        self.until(step.on - _DAY)
        self._bear_overdue(step.on)
        self.until(step.on)
        if step.amount is None:
            self.pay_due(_ALL, step.on)
            self.rows.ending = True
            left = self.state.balance
        else:
            left = min(self.pay_due(step.amount, step.on), self.state.balance)
        if not left:
            return
        last = self.state.items[-1] if self.state.items else None
        if last is not None and last.end == step.on:
            last.owed[Part.PRINCIPAL] += left
            self.accounts[-1].take(Part.PRINCIPAL, left, step.on)
            self.state.opening -= left
            self.rows.beyond(left)
        else:
            self.state.bearing.append(Change(step.on, -left))
            self.rows.early += left
            self.early.append((step.on, left))

    def _bear_overdue(self, on: date) -> None:
        """Let what is overdue bear interest from the start of the period to this day."""
        span = self.state.span
        if span is None or on <= span.start:
            return
        parts = (Part.PRINCIPAL, Part.INTEREST) if self.compounding else (Part.PRINCIPAL,)
        overdue = sum(a.open(part) for a in self.accounts for part in parts if a.due_on < on)
        since = max(span.start, self.reckoned_until)
        self.reckoned_until = on
        if overdue > 0 and since < on:
            self.state.bearing += [Change(since, overdue), Change(on, -overdue)]

    def closed(self, item: Item) -> None:  # noqa: ARG002 (each engine looks at what it needs)
        """Let what came early count for the row, and begin the next one afresh."""
        self._open_accounts()
        self.state.bearing = []
        for on, amount in self.early:
            self.accounts[-1].take(Part.PRINCIPAL, amount, on)
            if self.rows.ending and not self.state.balance:
                self.accounts[-1].take(Part.INTEREST, _ALL, on)
        self.early = []


class _Ahead(Bearing, Agreed):
    """Principal paid beyond its instalment shortens, lowers or skips what follows."""

    def __init__(self, terms: Terms, *, strategy: str, agreed: int | None) -> None:
        super().__init__(terms)
        self.agreed = agreed
        if strategy not in _ADVANCES:
            raise NotComputable(f"unknown treatment of advances {strategy!r}")
        self.strategy = strategy
        self.early = 0
        self.skipping = 0
        self.changed = False

    def accrued(self, span: Span, until: date) -> Fraction:
        """Give the interest of the stretches between changes, each rounded on its own."""
        changes = [Change(span.start, self.opening), *self.changes, *self.bearing]
        edges = sorted({min(until, max(span.start, change.on)) for change in changes} | {until})
        return sum(
            (
                Fraction(
                    self.terms.round_interest(
                        sum(change.amount for change in changes if change.on <= start)
                        * self.factor(span, start, end)
                    )
                )
                for start, end in pairwise(edges)
            ),
            Fraction(0),
        )

    def beyond(self, amount: int) -> None:
        """Act on principal beyond the instalment."""
        match self.strategy:
            case "reduce_number_of_instalments":
                self.ending = True
            case "reschedule_next_repayments":
                self.skipping += amount
            case _:
                self.agreed = None
                self.solve()

    def close(self, span: Span, end: date, *, everything: bool = False) -> Item:
        """Close a row, then act on what went beyond it."""
        item = super().close(span, end, everything=everything)
        if self.changed:
            self.changed = False
            self.beyond(0)
        return item

    def _principal(self, span: Span, interest: int, *, last: bool) -> int:
        planned = super()._principal(span, interest, last=last)
        if not last:
            skipped = min(self.skipping, planned)
            self.skipping -= skipped
            planned -= skipped
        if self.early > planned:
            if self.strategy == "reschedule_next_repayments":
                self.skipping += self.early - planned
            planned, self.changed = self.early, True
        self.early = 0
        return planned


class _Progressive(_Reckoning):
    """The instalment stays; what is owed in truth bears interest up to the last day looked at."""

    def __init__(self, case: Case, terms: Terms) -> None:
        self.rows = _Level(terms)
        super().__init__(case, self.rows)
        self.overdue = 0
        self.ahead = 0
        self.payments: list[tuple[date, int | None]] = []
        self.at_rest = case.options.get("prepay") == "till_rest_frequency_date"
        self.last_day = steps(case)[-1].on

    def step(self, step: Step) -> None:
        """Let money come in, or a day end."""
        self.until(step.on)
        if step.amount == 0:
            return
        self.payments.append((step.on, step.amount))
        owed = sum(a.open(Part.PRINCIPAL) for a in self.accounts)
        left = _ALL if step.amount is None else step.amount
        left = self.pay_due(left, step.on)
        paid = owed - sum(a.open(Part.PRINCIPAL) for a in self.accounts)
        self.overdue -= paid
        ahead = min(left, self.state.balance - self.ahead)
        span = self.state.span
        if span is None:
            return
        self.state.bearing.append(Change(step.on, -paid))
        self.state.bearing.append(Change(span.end if self.at_rest else step.on, -ahead))
        self.ahead += ahead

    def closed(self, item: Item) -> None:
        """Carry on what is overdue, and what was paid ahead, into the next period."""
        principal = item.owed[Part.PRINCIPAL]
        covered = min(self.ahead, principal)
        self.ahead -= covered
        if item.due_on <= self.last_day:
            self.overdue += principal - covered
        self._open_accounts()
        if covered:
            self.accounts[-1].paid[Part.PRINCIPAL] += covered
        following = self.state.span
        self.state.bearing = []
        if following is None:
            return
        self.state.bearing.append(Change(following.start, self.overdue - self.ahead))

    def finish(self) -> tuple[Row, ...]:
        """Close every row, then lay the payments on the rows as they have become."""
        self.state.bearing.append(Change(self.last_day, -self.overdue))
        self.overdue = 0
        rows = super().finish()
        self.accounts = servicing.accounts_of(rows, self.state.terms.value_date)
        for on, amount in self.payments:
            left = sum(a.outstanding for a in self.accounts) if amount is None else amount
            for account in self.accounts:
                left = servicing.pay(account, left, on, order=self.order, due_charges={})
        return rows


class _Level(Bearing, Rebalancing):
    """The even instalment of that engine, on a replay that bears other interest."""
