"""What happens to a loan after it was agreed; each event has an identity and a date."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from disbursement.allocation import Part
from kernel.money import Money
from kernel.rates import Rate
from kernel.refusals import Refused

EVENTS_MAX: Final = 20_000
"""Ten years of two events a working day, with room."""


class NotApplicable(Refused):
    """An event cannot happen to this loan at that time."""

    status = HTTPStatus.CONFLICT
    code = "event_not_applicable"
    title = "This cannot be booked on the loan"
    title_zh = "无法在该贷款上记账"


class Strategy(StrEnum):
    """What becomes of the instalments when principal is prepaid."""

    SHORTEN = "shorten"
    """缩短期限: the instalment stays, the loan ends earlier."""
    LOWER = "lower"
    """减少月供: the end stays, the instalments fall."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something dated that changes what is owed; `id` names it for a reversal."""

    id: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Disbursed(Event):
    """A further tranche was paid out; the instalments are solved again."""

    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned(Event):
    """Money sent out came back; it counts as never lent, back to its own date."""

    amount: Money
    disbursement_id: str | None = None
    """The tranche it belonged to; None for the principal of the value date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChanged(Event):
    """Another annual rate runs from this date; the instalments are solved again."""

    annual_rate: Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(Event):
    """No interest runs from this date until `until`; instalments stay, the last falls."""

    until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged(Event):
    """A fee or a penalty was charged, payable with the instalment of its due date."""

    due_on: date
    amount: Money
    part: Part = Part.FEES


@dataclass(frozen=True, slots=True, kw_only=True)
class Waived(Event):
    """The lender gives up part of what has fallen due, oldest instalment first."""

    amount: Money
    part: Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaid(Event):
    """Money came in; it pays what has fallen due, the rest waits for the next due date."""

    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepaid(Event):
    """Money came in with the wish to prepay: first what has fallen due, the rest as principal."""

    amount: Money
    strategy: Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class ReAged(Event):
    """A new plan for all principal still owed; what else was owed waits for its first instalment."""

    instalments: int
    first_due: date
    annual_rate: Rate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidOff(Event):
    """The quoted amount came in and the loan is closed."""

    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversed(Event):
    """An earlier event did not happen after all; named by its identity, never by its date."""

    event_id: str


_ORDER: Final = {
    kind: place
    for place, kind in enumerate(
        (Disbursed, RateChanged, Paused, Charged, Waived, Repaid, Prepaid, ReAged, PaidOff)
    )
}


def in_force(events: Sequence[Event]) -> list[Event]:
    """List the events that stand, in the one order in which they are replayed.

    By date, then by kind, then by identity, so that the order in which events of one day were
    written down does not matter.

    Raises:
        NotApplicable: an identity is used twice, a reversal names no earlier event, or there are
            too many events.
    """
    if len(events) > EVENTS_MAX:
        raise NotApplicable(f"a loan has at most {EVENTS_MAX} events")
    known = {event.id: event for event in events}
    if len(known) != len(events):
        raise NotApplicable("each event has an identity of its own")
    undone = set()
    for event in events:
        if isinstance(event, Reversed):
            target = known.get(event.event_id)
            if target is None or isinstance(target, Reversed) or target.on > event.on:
                raise NotApplicable("a reversal names an earlier event by its identity")
            if target.id in undone:
                raise NotApplicable("an event is reversed once")
            undone.add(target.id)
    standing = (e for e in events if e.id not in undone and not isinstance(e, Reversed))
    return sorted(_net(standing), key=lambda event: (event.on, _ORDER[type(event)], event.id))


def _net(events: Iterable[Event]) -> list[Event]:
    """Take what came back off the tranche it belonged to; the first tranche is left to `returned`."""
    listed = list(events)
    back: dict[str, int] = {}
    for event in listed:
        if isinstance(event, Returned) and event.disbursement_id is not None:
            back[event.disbursement_id] = back.get(event.disbursement_id, 0) + event.amount.fen
    kept: list[Event] = []
    for event in listed:
        if isinstance(event, Returned):
            continue
        if isinstance(event, Disbursed) and event.id in back:
            left = event.amount.fen - back.pop(event.id)
            if left < 0:
                raise NotApplicable("no more can come back than was sent out")
            if left:
                kept.append(Disbursed(id=event.id, on=event.on, amount=Money(left)))
            continue
        kept.append(event)
    if back:
        raise NotApplicable("what came back names the tranche it belonged to")
    return kept


def returned_from_principal(events: Sequence[Event]) -> int:
    """Add up what came back of the principal of the value date, in fen."""
    undone = {event.event_id for event in events if isinstance(event, Reversed)}
    return sum(
        event.amount.fen
        for event in events
        if isinstance(event, Returned) and event.disbursement_id is None and event.id not in undone
    )
