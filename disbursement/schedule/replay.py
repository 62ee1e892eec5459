"""What each event does to a loan, and the schedule that is left when all have been replayed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any, Final, assert_never

from disbursement.allocation import Part
from disbursement.schedule import events as happened
from disbursement.schedule.calendar import month_day
from disbursement.schedule.engine import Replay
from disbursement.schedule.events import Event, NotApplicable, Strategy
from disbursement.schedule.items import Item
from disbursement.schedule.rows import Paid, Row, Schedule
from disbursement.schedule.terms import Terms
from kernel.money import Money

_ENDED: Final = "the last instalment has fallen due"


def run(
    terms: Terms,
    events: Sequence[Event],
    *,
    as_of: date | None,
    accepted: Collection[str] = (),
) -> Schedule:
    """Replay events over the terms; penalty of what is overdue runs to `as_of`.

    Raises:
        NotApplicable: an event cannot happen to this loan at that time.
    """
    state = state_after(terms, events, as_of=as_of, accepted=accepted)
    state.project()
    return schedule_of(state)


def state_after(
    terms: Terms,
    events: Sequence[Event],
    *,
    as_of: date | None,
    accepted: Collection[str] = (),
) -> Replay:
    """Replay events and stop on the last of them, or on `as_of`, with later periods still open."""
    back = happened.returned_from_principal(events)
    if back > terms.principal:
        raise NotApplicable("no more can come back than was sent out")
    state = Replay(replace(terms, principal=terms.principal - back))
    state.accepted = accepted
    standing = happened.in_force(events)
    if back == terms.principal and not any(isinstance(e, happened.Disbursed) for e in standing):
        state.spans.clear()
    for event in standing:
        if event.on < terms.value_date or (as_of is not None and event.on > as_of):
            raise NotApplicable("an event lies between the value date and the day looked at")
        state.close_until(event.on)
        apply(state, event)
    if as_of is not None:
        state.close_until(as_of)
        state.accrue_penalty(as_of)
    return state


def apply(state: Replay, event: Event) -> None:
    """Let one event happen; periods that end by its day have ended already.

    Raises:
        NotApplicable: it cannot happen to this loan at that time.
    """
    effect = _EFFECTS.get(type(event))
    if effect is None:
        raise NotApplicable(f"{type(event).__name__} is no event of a loan")
    effect(state, event)


def _repay(state: Replay, event: happened.Repaid) -> None:
    state.credit = state.pay(state.credit + _positive(event.amount), event.on)


def _disburse(state: Replay, event: happened.Disbursed) -> None:
    if state.span is None:
        _object(state, event, _ENDED)
        _begin_again(state, event.on)
    state.ending = False
    state.change(event.on, _positive(event.amount))
    state.solve()


def _begin_again(state: Replay, on: date) -> None:
    """Put the due dates that are left back into a loan that had ended; one a month on if none."""
    number = state.items[-1].number + 1 if state.items else 1
    left = [span for span in state.terms.spans if span.end > on]
    if left:
        state.spans[state.at :] = [
            replace(span, number=number + position) for position, span in enumerate(left)
        ]
    elif state.terms.respan is not None:
        state.spans[state.at :] = state.terms.respan(on, month_day(on, 1, on.day), 1, number)


def _change_rate(state: Replay, event: happened.RateChanged) -> None:
    state.rates.change(event.on, Fraction(event.annual_rate.annual))
    if state.span is None:
        _object(state, event, _ENDED)
    else:
        state.solve()


def _pause(state: Replay, event: happened.Paused) -> None:
    if event.until <= event.on:
        raise NotApplicable("a pause ends after it begins")
    if not state.solved:
        state.solve()
    state.rates.pause(event.on, event.until)


def _object(state: Replay, event: Event, reason: str) -> None:
    """Refuse an event, unless it was booked before."""
    if event.id not in state.accepted:
        raise NotApplicable(reason)


def _positive(amount: Money) -> int:
    if amount.fen <= 0:
        raise NotApplicable("an amount is above zero")
    return amount.fen


def _prepay(state: Replay, event: happened.Prepaid) -> None:
    left = state.pay(_positive(event.amount), event.on)
    if not left:
        return
    if left > state.balance:
        _object(state, event, "more than the principal that is left; ask for the payoff amount")
        state.credit += left - state.balance
        left = state.balance
    if left:
        prepay(state, left, on=event.on, strategy=event.strategy)


def prepay(state: Replay, fen: int, *, on: date, strategy: Strategy) -> None:
    """Take prepaid principal off on a day and let the instalments follow.

    Raises:
        NotApplicable: the last instalment has fallen due.
    """
    span = state.span
    if span is None:
        raise NotApplicable(_ENDED)
    if not state.solved:
        state.solve()
    change = state.change(on, -fen)
    match strategy:
        case Strategy.SHORTEN:
            state.ending = True
        case Strategy.LOWER:
            state.lower(change)
        case _:
            assert_never(strategy)
    if not state.balance:
        state.ending = True
        if state.items and not state.accrued(span, on) and not state.waiting:
            del state.spans[state.at :]


def _pay_off(state: Replay, event: happened.PaidOff) -> None:
    owed = max(0, close_off(state, event.on))
    if owed != event.amount.fen:
        _object(state, event, f"the payoff amount on that day is {Money(owed)}")
    paid = _positive(event.amount) if event.amount else 0
    state.credit = state.pay(paid + state.credit, event.on)


def close_off(state: Replay, on: date) -> int:
    """End the loan on a day and give what is owed then, less money that waits; fen."""
    state.accrue_penalty(on)
    if (span := state.span) is not None:
        state.close(span, on, everything=True)
    for item in state.items:
        item.due_on = min(item.due_on, on)
    state.charges = [(min(due_on, on), part, fen) for due_on, part, fen in state.charges]
    state.close_stragglers(on)
    return sum(item.outstanding for item in state.items) - state.credit


def _charge(state: Replay, event: happened.Charged) -> None:
    if event.part not in {Part.FEES, Part.PENALTY}:
        raise NotApplicable("a charge is a fee or a penalty")
    fen = _positive(event.amount)
    past = next((item for item in state.items if event.due_on <= item.end), None)
    if past is not None:
        past.owed[event.part] += fen
        past.paid_on = None
    else:
        state.charges.append((event.due_on, event.part, fen))
        state.close_until(event.on)


def _waive(state: Replay, event: happened.Waived) -> None:
    if event.part is Part.PRINCIPAL:
        raise NotApplicable("principal is written off, never waived")
    state.accrue_penalty(event.on)
    left = _positive(event.amount)
    for item in state.items:
        given = min(left, item.open(event.part))
        item.owed[event.part] -= given
        item.waived[event.part] += given
        left -= given
        if given and not item.outstanding:
            item.paid_on = event.on
    if left:
        _object(state, event, "no more can be waived than is owed")


def _re_age(state: Replay, event: happened.ReAged) -> None:
    respan = state.terms.respan
    if respan is None or event.instalments < 1 or event.first_due <= event.on:
        raise NotApplicable("a new plan has instalments, and the first falls due after its start")
    state.accrue_penalty(event.on)
    waiting = 0
    if (span := state.span) is not None:
        if not state.solved:
            state.solve()
        waiting = state.terms.round_interest(state.accrued(span, event.on)) + state.waiting
        state.opening, state.changes = state.balance, []
    number = state.items[-1].number + 1 if state.items else 1
    moved = _take_back(state)
    state.opening += moved.pop(Part.PRINCIPAL)
    state.waiting = waiting + moved.pop(Part.INTEREST)
    state.charges += [(event.first_due, part, fen) for part, fen in moved.items() if fen]
    if event.annual_rate is not None:
        state.rates.change(event.on, Fraction(event.annual_rate.annual))
    state.terms = replace(state.terms, grace=replace(state.terms.grace, principal=0, interest=0))
    del state.spans[state.at :]
    state.at = len(state.spans)
    state.respan(respan(event.on, event.first_due, event.instalments, number))


def _take_back(state: Replay) -> dict[Part, int]:
    """Take what is unpaid out of the items; what was paid of them stays."""
    moved = dict.fromkeys(Part, 0)
    for item in state.items:
        for part in Part:
            moved[part] += item.open(part)
            item.owed[part] = item.paid[part]
    return moved


_EFFECTS: Final[Mapping[type[Event], Callable[[Replay, Any], None]]] = {
    happened.Repaid: _repay,
    happened.Prepaid: _prepay,
    happened.PaidOff: _pay_off,
    happened.Disbursed: _disburse,
    happened.RateChanged: _change_rate,
    happened.Paused: _pause,
    happened.Charged: _charge,
    happened.Waived: _waive,
    happened.ReAged: _re_age,
}


def schedule_of(state: Replay) -> Schedule:
    """Show the items as rows whose balances chain."""
    moves = sorted(state.moved, key=lambda change: change.on)
    balance, earlier = state.terms.principal, state.terms.value_date
    rows, paid = [], []
    for position, item in enumerate(state.items):
        last = position == len(state.items) - 1
        inside = [m for m in moves if earlier <= m.on and (m.on <= item.end or last)]
        moves = moves[len(inside) :]
        disbursed = sum(m.amount for m in inside if m.amount > 0)
        prepaid = -sum(m.amount for m in inside if m.amount < 0)
        balance += disbursed - prepaid - item.owed[Part.PRINCIPAL]
        days = (item.end - earlier).days
        rows.append(_row(item, days=days, balance=balance, disbursed=disbursed, prepaid=prepaid))
        paid.append(_paid(item))
        earlier = item.end
    assert balance == 0 or not rows, "the principal is repaid by the last row"
    return Schedule(
        state.terms.value_date,
        Money(state.terms.principal),
        tuple(rows),
        tuple(paid),
        Money(state.credit),
    )


def _row(item: Item, *, days: int, balance: int, disbursed: int, prepaid: int) -> Row:
    return Row(
        item.number,
        item.due_on,
        days,
        item.owed[Part.PRINCIPAL],
        item.owed[Part.INTEREST],
        item.owed[Part.FEES],
        item.owed[Part.PENALTY],
        balance,
        disbursed,
        prepaid,
    )


def _paid(item: Item) -> Paid:
    paid = item.paid
    return Paid(
        paid[Part.PRINCIPAL],
        paid[Part.INTEREST],
        paid[Part.FEES],
        paid[Part.PENALTY],
        item.late,
        item.paid_on,
    )
