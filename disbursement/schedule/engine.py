"""The replay: periods close one after another, events cut the period they fall into.

A repayment period holds interest periods, and an event only splits one. The interest of a period
is linear in what it opened with and in what was added or taken away on the way, so a split is one
more term of the sum: balance x factor(start, end) + change x factor(day of change, end).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from disbursement import allocation
from disbursement.allocation import Part
from disbursement.schedule.factors import ZERO, RateLine, Span, half_up, level_payment
from disbursement.schedule.items import Item, settle
from disbursement.schedule.terms import Lowering, Shape, Terms, grace_end
from kernel.money import Money


@dataclass(slots=True)
class Change:
    """Principal added (a tranche) or taken away (a prepayment) on a day; fen."""

    on: date
    amount: int


class Replay:
    """The state of one loan on the way through its life."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.rates = RateLine(terms.annual_rate)
        self.spans = list(terms.spans)
        self.at = 0
        """Which of the spans is open."""
        self.opening = terms.principal
        """Principal at the start of the open period."""
        self.changes: list[Change] = []
        """What cut the open period."""
        self.moved: list[Change] = []
        """What ever cut a period, for the rows."""
        self.level = terms.level
        self.solved = terms.level is not None
        self.interest_given = 0
        self.waiting = 0
        """Interest held back by grace."""
        self.flat_left = 0
        self.flat_each = ZERO
        self.items: list[Item] = []
        self.charges: list[tuple[date, Part, int]] = []
        """Charges to come, by due date."""
        self.credit = 0
        """Money that came in and waits."""
        self.ending = False
        """Whether the loan ends once its balance is nil, even before its last period."""
        self.accepted: Collection[str] = ()
        """Events that were booked before: what the present history leaves no room for is then
        taken as far as it goes, and what is left of its money waits as credit."""

    # -- what is owed ------------------------------------------------------------------------

    @property
    def balance(self) -> int:
        """Principal that has not fallen due."""
        return self.opening + sum(change.amount for change in self.changes)

    @property
    def span(self) -> Span | None:
        """The period that is open, None after the last."""
        return self.spans[self.at] if self.at < len(self.spans) else None

    @property
    def is_over(self) -> bool:
        """Whether nothing is owed and nothing will be."""
        if self.span is not None or self.charges:
            return False
        return not any(item.outstanding for item in self.items)

    def factor(self, span: Span, start: date, end: date) -> Fraction:
        """Give the rate factor of a stretch of a period."""
        return self.rates.factor(span, start, end, self.terms.measure)

    def accrued(self, span: Span, until: date) -> Fraction:
        """Give the exact interest of the open period up to a day."""
        if self.terms.shape is Shape.FLAT:
            whole = self.factor(span, span.start, span.end)
            return self.flat_each * self.factor(span, span.start, until) / whole if whole else ZERO
        bearing = self.opening + (self.waiting if self.terms.grace.compounded else 0)
        exact = bearing * self.factor(span, span.start, until)
        for change in self.changes:
            if change.on < until:
                exact += change.amount * self.factor(span, change.on, until)
        return exact

    # -- instalments -------------------------------------------------------------------------

    def solve(self) -> None:
        """Solve for what stays level from the open period on."""
        self.solved = True
        first = max(self.at, self._first_amortising())
        left = len(self.spans) - first
        if left <= 0:
            return
        match self.terms.shape:
            case Shape.PAYMENT:
                owed = [Change(self.spans[self.at].start, self.opening), *self.changes]
                self.level = self.terms.round_level(self._payment_of(first, owed))
            case Shape.PRINCIPAL:
                self.level = self.terms.round_level(Fraction(self.balance, left))
            case Shape.FLAT:
                interest = self._flat_interest()
                self.flat_left, self.flat_each = half_up(interest), interest / left
                self.level = self.terms.round_level((self.balance + interest) / left)

    def lower(self, change: Change) -> None:
        """Lower what stays level by the share of a prepaid amount."""
        if self.terms.lowering is Lowering.AFRESH or self.terms.shape is Shape.FLAT:
            self.solve()
            return
        first = max(self.at, self._first_amortising())
        left = len(self.spans) - first
        if left <= 0 or self.level is None:
            return
        if self.terms.shape is Shape.PRINCIPAL:
            share = Fraction(-change.amount, left)
        else:
            share = self._payment_of(first, [Change(change.on, -change.amount)])
        self.level = max(0, self.level - share.numerator // share.denominator)

    def _first_amortising(self) -> int:
        """Find the first period after the grace on principal."""
        return next(
            (k for k, s in enumerate(self.spans) if s.number > self.terms.grace.principal),
            len(self.spans),
        )

    def _payment_of(self, first: int, added: Sequence[Change]) -> Fraction:
        """Solve for the level payment from period `first` on that clears what was added.

        What is added to the open period grows to its end, unless grace on principal still lasts:
        then the interest is paid as it comes, and the first amortising period starts level.
        """
        measured = self.terms.level_measure or self.terms.measure
        span = self.spans[first]
        if first == self.at:
            grown = sum(
                (
                    change.amount * (1 + self.rates.factor(span, change.on, span.end, measured))
                    for change in added
                ),
                ZERO,
            )
        else:
            whole = self.rates.factor(span, span.start, span.end, measured)
            grown = sum(change.amount for change in added) * (1 + whole)
        later = [
            self.rates.factor(span, span.start, span.end, measured)
            for span in self.spans[first + 1 :]
        ]
        return level_payment(grown, later)

    def _flat_interest(self) -> Fraction:
        """Give the interest of all periods left, on the principal of today."""
        factors = (self.factor(s, s.start, s.end) for s in self.spans[self.at :])
        return self._flat_base() * sum(factors, ZERO)

    def _flat_base(self) -> int:
        return self.terms.principal + sum(change.amount for change in self.moved)

    # -- periods -----------------------------------------------------------------------------

    def close_until(self, day: date) -> None:
        """Let every period end that ends by the day, and credit pay what falls due by it."""
        while (span := self.span) is not None and span.end <= day:
            self.close(span, span.end)
        self.close_stragglers(day)
        self.use_credit(day)

    def close(self, span: Span, end: date, *, everything: bool = False) -> Item:
        """End the open period on a day and book what falls due."""
        if not self.solved:
            self.solve()
        last = everything or self.at == len(self.spans) - 1 or (self.ending and not self.balance)
        interest = self._interest(span, end)
        collected = self._collected(span, interest, last=last)
        principal = self._principal(span, interest, last=last)
        self.opening = self.balance - principal
        self.changes = []
        item = self._book(span, end, principal=principal, interest=collected)
        if everything or (self.ending and not self.opening):
            del self.spans[self.at + 1 :]
        self.at += 1
        return item

    def _interest(self, span: Span, end: date) -> int:
        interest = self.terms.round_interest(self.accrued(span, end))
        if self.terms.shape is Shape.FLAT:
            last = self.at == len(self.spans) - 1 and end == span.end
            interest = self.flat_left if last else min(interest, self.flat_left)
            self.flat_left -= interest
        if self.terms.interest_max is not None:
            interest = min(interest, self.terms.interest_max - self.interest_given)
        self.interest_given += interest
        return interest

    def _collected(self, span: Span, interest: int, *, last: bool) -> int:
        """Hold interest back while grace on interest lasts."""
        # A row 0 is a stub before the first instalment: it pays interest and nothing else.
        if last or not 1 <= span.number <= self.terms.grace.interest:
            collected, self.waiting = interest + self.waiting, 0
            return collected
        self.waiting += interest
        return 0

    def _principal(self, span: Span, interest: int, *, last: bool) -> int:
        if last:
            return self.balance
        if span.number <= self.terms.grace.principal:
            return 0
        assert self.level is not None, "an amortising period has a level"
        level = self.level if self.terms.shape is Shape.PRINCIPAL else self.level - interest
        return min(self.balance, max(0, level))

    def _book(self, span: Span, end: date, *, principal: int, interest: int) -> Item:
        due_on = span.due_on if end == span.end else end
        owed = dict.fromkeys(Part, 0) | {Part.PRINCIPAL: principal, Part.INTEREST: interest}
        item = Item(
            number=span.number,
            end=end,
            due_on=due_on,
            missed_on=self.terms.late_after(due_on),
            owed=owed,
        )
        taken = [charge for charge in self.charges if charge[0] <= end]
        self.charges = [charge for charge in self.charges if charge[0] > end]
        for _, part, fen in taken:
            owed[part] += fen
        self.items.append(item)
        return item

    def close_stragglers(self, day: date) -> None:
        """Give charges that fall due after the last instalment a row of their own."""
        if self.span is not None:
            return
        for due_on, part, fen in sorted(c for c in self.charges if c[0] <= day):
            if not self.items or self.items[-1].due_on != due_on:
                extra = Item(
                    number=self.items[-1].number + 1 if self.items else 1,
                    end=due_on,
                    due_on=due_on,
                    missed_on=self.terms.late_after(due_on),
                    owed=dict.fromkeys(Part, 0),
                )
                self.items.append(extra)
            self.items[-1].owed[part] += fen
        self.charges = [charge for charge in self.charges if charge[0] > day]

    def change(self, on: date, amount: int) -> Change:
        """Add principal to the open period, or take it away, from a day on."""
        made = Change(on, amount)
        self.changes.append(made)
        self.moved.append(made)
        return made

    # -- payments ----------------------------------------------------------------------------

    def use_credit(self, day: date) -> None:
        """Let money that waits pay instalments on their due dates."""
        for item in self.items:
            if self.credit and item.due_on <= day and item.outstanding:
                self.credit = self.pay(self.credit, item.due_on)

    def pay(self, fen: int, on: date) -> int:
        """Pay what has fallen due by a day, oldest first; give back what found nothing to pay."""
        self.accrue_penalty(on)
        due = [item for item in self.items if item.due_on <= on and item.outstanding]
        spread = allocation.allocate(Money(fen), [item.as_owed() for item in due])
        settle(due, spread, on)
        return spread.left.fen

    def accrue_penalty(self, day: date) -> None:
        """Bring the penalty of every overdue item up to a day; twice is the same as once."""
        penalty = self.terms.penalty
        if penalty is None:
            return
        rate = Fraction(penalty.annual_rate.annual) / int(penalty.day_basis)
        for item in self.items:
            overdue = item.open(Part.PRINCIPAL)
            start = item.penal_until or item.missed_on
            if overdue <= 0 or day <= max(start, grace_end(penalty, item.missed_on)):
                continue
            item.penal_fen_days += overdue * (day - start).days
            item.penal_until = day
            charged = half_up(item.penal_fen_days * rate)
            item.owed[Part.PENALTY] += charged - item.penal_charged
            item.penal_charged = charged

    def project(self) -> None:
        """Let all periods to come end as planned, with nothing paid any more."""
        while (span := self.span) is not None:
            self.close(span, span.end)
        self.close_stragglers(date.max)

    def respan(self, spans: Sequence[Span]) -> None:
        """Replace the periods to come and solve for the instalments again."""
        self.spans[self.at :] = spans
        self.solve()
