"""Payments laid on a finished plan, in the orders another engine offers; and its reschedules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from disbursement.allocation import Part
from disbursement.schedule.engine import Replay
from disbursement.schedule.factors import Span
from disbursement.schedule.rows import Row
from disbursement.schedule.verification import calendars
from disbursement.schedule.verification.cases import (
    Case,
    Fields,
    NotComputable,
    day,
    fen,
    number,
    some_day,
    yuan,
)

PENALTY, FEES, INTEREST, PRINCIPAL = Part.PENALTY, Part.FEES, Part.INTEREST, Part.PRINCIPAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which part is paid first of an instalment that is due, and of one that is not yet."""

    due: tuple[Part, ...]
    early: tuple[Part, ...]
    early_charges_first: bool = False
    """Of an instalment not yet due, first pay those charges in it that are due themselves."""
    early_principal_second: bool = False
    """And after them principal, before the early order begins."""


def _same(*parts: Part) -> Order:
    return Order(due=parts, early=parts)


ORDERS: Final[Mapping[str, Order]] = {
    "PENALTIES_FEES_INTEREST_PRINCIPAL_ORDER": _same(PENALTY, FEES, INTEREST, PRINCIPAL),
    "INTEREST_PRINCIPAL_PENALTIES_FEES_ORDER": _same(INTEREST, PRINCIPAL, PENALTY, FEES),
    "PRINCIPAL_INTEREST_PENALTIES_FEES_ORDER": _same(PRINCIPAL, INTEREST, PENALTY, FEES),
    "ADVANCED_PAYMENT_ALLOCATION": _same(PENALTY, FEES, PRINCIPAL, INTEREST),
    "DUE_PENALTY_FEE_INTEREST_PRINCIPAL_IN_ADVANCE_PRINCIPAL_PENALTY_FEE_INTEREST": Order(
        due=(PENALTY, FEES, INTEREST, PRINCIPAL),
        early=(PENALTY, FEES, INTEREST, PRINCIPAL),
        early_charges_first=True,
        early_principal_second=True,
    ),
    "DUE_PENALTY_INTEREST_PRINCIPAL_FEE_IN_ADVANCE_PENALTY_INTEREST_PRINCIPAL_FEE": Order(
        due=(PENALTY, INTEREST, PRINCIPAL, FEES),
        early=(PENALTY, INTEREST, PRINCIPAL, FEES),
        early_charges_first=True,
    ),
}

_PENALTY_KINDS: Final = re.compile(r"NSF|PENALTY|OVERDUE|LATE", re.IGNORECASE)
_MONEY_IN: Final = frozenset(
    {
        "repayment",
        "payoff",
        "merchant_issued_refund",
        "payout_refund",
        "goodwill_credit",
        "recovery_repayment",
        "down_payment",
        "charge_adjustment",
        "interest_payment_waiver",
    }
)
_CHARGEBACK: Final = "chargeback"
_OF_THE_PLAN: Final = frozenset(
    {"disbursement", "prepayment", "charge", "reversal", "reschedule", "rate_change"}
)
_WITHOUT_EFFECT: Final = frozenset({"end_of_day", "credit_balance_refund"})
"""A day that ends changes rows only where interest is reckoned again; what was paid too much and is
paid back never stood in a row."""


@dataclass(slots=True)
class Account:
    """One row with what was paid of it."""

    due_on: date
    owed: dict[Part, int]
    paid: dict[Part, int] = field(default_factory=lambda: dict.fromkeys(Part, 0))
    early: int = 0
    late: int = 0
    paid_on: date | None = None

    def open(self, part: Part) -> int:
        """Give what is still owed of a part."""
        return self.owed[part] - self.paid[part]

    @property
    def outstanding(self) -> int:
        """Give what is still owed of all parts."""
        return sum(self.open(part) for part in Part)

    def take(self, part: Part, most: int, on: date) -> int:
        """Pay a part with at most so much and tell how much it took."""
        taken = max(0, min(most, self.open(part)))
        self.paid[part] += taken
        if on < self.due_on:
            self.early += taken
        elif on > self.due_on:
            self.late += taken
        if taken and not self.outstanding:
            self.paid_on = on
        return taken


def accounts_of(rows: Sequence[Row], opened_on: date) -> list[Account]:
    """Open an account for every row; a row in which nothing is owed is met from the start."""
    made = []
    for row in rows:
        owed = {
            PRINCIPAL: row.principal_fen,
            INTEREST: row.interest_fen,
            FEES: row.fees_fen,
            PENALTY: row.penalty_fen,
        }
        account = Account(due_on=row.due_on, owed=owed)
        account.paid_on = None if account.outstanding else opened_on
        made.append(account)
    return made


def check_events(case: Case) -> None:
    """See that nothing which happened would be passed over.

    Raises:
        NotComputable: an event is of a kind nobody here knows.
    """
    known = _MONEY_IN | _OF_THE_PLAN | _WITHOUT_EFFECT | {_CHARGEBACK}
    for event in case.events:
        if event.get("type") not in known:
            raise NotComputable(f"unknown event {event.get('type')!r}")


def order_of(case: Case) -> Order:
    """Find the order of payment the case names.

    Raises:
        NotComputable: it names one nobody here knows.
    """
    name = str(case.options.get("payment_strategy") or "PENALTIES_FEES_INTEREST_PRINCIPAL_ORDER")
    order = ORDERS.get(name)
    if order is None:
        raise NotComputable(f"unknown payment strategy {name!r}")
    return order


def money_in(case: Case) -> list[tuple[date, int | None]]:
    """List the payments that stand, by date; a payoff has no amount of its own."""
    listed: list[tuple[date, int | None]] = []
    undone: set[int] = set()
    for event in case.events:
        if event.get("type") in _MONEY_IN:
            amount = None if event.get("amount") is None else fen(event["amount"])
            listed.append((some_day(event["date"]), amount))
        elif event.get("type") == "reversal":
            undone.add(_position(listed, event))
    standing = (payment for k, payment in enumerate(listed) if k not in undone)
    return sorted(standing, key=lambda payment: payment[0])


def _position(listed: Sequence[tuple[date, int | None]], event: Fields) -> int:
    on, nth = some_day(event["date"]), int(event.get("nth") or 1)
    of_the_day = [k for k, payment in enumerate(listed) if payment[0] == on]
    if not 1 <= nth <= len(of_the_day):
        raise NotComputable("a reversal names no payment")
    return of_the_day[nth - 1]


def pay_all(case: Case, accounts: Sequence[Account]) -> None:
    """Lay every standing payment on the rows, and take payments back that a bank charged back."""
    order = order_of(case)
    charges = [
        (some_day(event["due"]), part_of(event), fen(event["amount"]))
        for event in case.events
        if event.get("type") == "charge"
    ]
    back = [
        (some_day(event["date"]), fen(event["amount"]))
        for event in case.events
        if event.get("type") == _CHARGEBACK
    ]
    for on, amount in money_in(case):
        while back and back[0][0] <= on:
            charge_back(accounts, *back.pop(0))
        left = sum(a.outstanding for a in accounts) if amount is None else amount
        due_charges = dict.fromkeys(Part, 0)
        for due_on, part, fen_ in charges:
            if due_on <= on:
                due_charges[part] += fen_
        for account in sorted(accounts, key=lambda a: a.due_on):
            left = pay(account, left, on, order=order, due_charges=due_charges)
    for on, fen_ in back:
        charge_back(accounts, on, fen_)


def charge_back(accounts: Sequence[Account], on: date, amount: int) -> None:
    """Let principal that came back be owed again, with the instalment of that day.

    Raises:
        NotComputable: the last instalment has fallen due.
    """
    account = next((account for account in accounts if account.due_on >= on), None)
    if account is None:
        raise NotComputable("a payment is charged back after the last instalment")
    account.owed[PRINCIPAL] += amount
    account.paid_on = None


def part_of(event: Fields) -> Part:
    """Tell a penalty from a fee by the kind of the charge."""
    return PENALTY if _PENALTY_KINDS.search(str(event.get("kind", ""))) else FEES


def pay(
    account: Account, left: int, on: date, *, order: Order, due_charges: Mapping[Part, int]
) -> int:
    """Pay one row and give back what is left."""
    if on >= account.due_on:
        for part in order.due:
            left -= account.take(part, left, on)
        return left
    if order.early_charges_first:
        for part in (PENALTY, FEES):
            left -= account.take(part, min(left, due_charges.get(part, 0)), on)
        if order.early_principal_second:
            left -= account.take(PRINCIPAL, left, on)
    for part in order.early:
        left -= account.take(part, left, on)
    return left


def with_payments(shown: Sequence[Mapping[str, Any]], accounts: Sequence[Account]) -> list[Any]:
    """Add what was paid to rows in the words of the case files."""
    return [
        {
            **row,
            "principal": yuan(account.owed[PRINCIPAL]),
            "total": yuan(sum(account.owed.values())),
            "paid": yuan(sum(account.paid.values())),
            "in_advance": yuan(account.early),
            "late": yuan(account.late),
            "outstanding": yuan(account.outstanding),
            "paid_date": None if account.paid_on is None else str(account.paid_on),
        }
        for row, account in zip(shown, accounts, strict=True)
    ]


def reschedule(state: Replay, event: Fields, facts: Fields) -> None:
    """Let a reschedule change the periods from one due date on.

    Raises:
        NotComputable: it names no due date to come.
    """
    target = some_day(event["reschedule_from_date"])
    span = state.span
    if span is None or span.end != target:
        raise NotComputable("a reschedule starts with a due date of the plan")
    count = len(state.spans) - state.at
    moved = day(event.get("adjusted_due_date")) or target
    grace = int(event.get("grace_on_principal") or 0)
    waiting = int(event.get("grace_on_interest") or 0)
    count += int(event.get("extra_terms") or 0) + grace
    ends = [calendars.stepped(moved, facts, k) for k in range(count)]
    made = [
        Span(number=span.number + k, start=start, end=end, due_on=end, months=span.months)
        for k, (start, end) in enumerate(pairwise([span.start, *ends]))
    ]
    before = span.number - 1
    changed = state.terms.grace
    if grace:
        changed = replace(changed, principal=before + grace)
    if waiting:
        changed = replace(changed, interest=before + waiting)
    state.terms = replace(state.terms, grace=changed)
    if event.get("new_interest_rate"):
        rate = Fraction(number(event["new_interest_rate"])) / 100
        state.rates.change(span.start, rate)
    state.respan(made)


def one_more(last: Span, facts: Fields) -> Span:
    """Make the period that follows the last one."""
    end = calendars.stepped(last.end, facts, 1)
    return Span(number=last.number + 1, start=last.end, end=end, due_on=end, months=last.months)


def start_of(spans: Iterable[Span], due_on: date) -> date:
    """Give the start of the period that ends on a due date.

    Raises:
        NotComputable: none does.
    """
    for span in spans:
        if span.end == due_on:
            return span.start
    raise NotComputable("a reschedule starts with a due date of the plan")
