"""What the bureau knows event by event: inquiries, accounts and repayments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from sandbox import times, wire
from sandbox.amounts import write_yuan
from sandbox.wire import Body
from sandbox.world import Event

LATE_MONTHS_MAX: Final = 600

_HAPPENS: Final = {"inquiries": "at", "accounts": "opened_at", "repayments": "due_at"}
_OPEN_UNTIL: Final = {"accounts": "closed_at", "repayments": "paid_at"}
_MOST: Final = {"inquiries": 1_000, "accounts": 500, "repayments": 3_000}


def read(body: Body) -> Mapping[str, tuple[Event, ...]]:
    """Read the lists of a person in a control call; a missing or null list is none at all.

    Raises:
        Refused: 400, naming the first bad field.
    """
    return {
        name: tuple(
            _READERS[name](wire.as_object(one, name))
            for one in wire.as_list(body[name], name, most=most)
        )
        for name, most in _MOST.items()
        if body.get(name) is not None
    }


def told(events: Mapping[str, tuple[Event, ...]], *, now: datetime) -> dict[str, list[Event]]:
    """Tell what has happened by now; what closes or is paid later is told as open."""
    return {
        name: [
            _as_of(event, _OPEN_UNTIL.get(name), now)
            for event in rows
            if _is_past(event[_HAPPENS[name]], now)
        ]
        for name, rows in events.items()
    }


def _as_of(event: Event, open_until: str | None, now: datetime) -> Event:
    if open_until is None or _is_past(event[open_until], now):
        return event
    unpaid = {"paid": write_yuan(0)} if "paid" in event else {}
    return {**event, open_until: None, **unpaid}


def _is_past(at: str | int | None, now: datetime) -> bool:
    return isinstance(at, str) and times.read_instant(at) <= now


def _inquiry(body: Body) -> Event:
    return {
        "at": _instant(body, "at"),
        "kind": wire.text(body, "kind", most=40),
        "organisation": wire.text(body, "organisation", most=40),
    }


def _account(body: Body) -> Event:
    return {
        "opened_at": _instant(body, "opened_at"),
        "kind": wire.text(body, "kind", most=40),
        "limit": write_yuan(wire.fen(body, "limit")),
        "reported_at": _instant(body, "reported_at"),
        "balance": write_yuan(wire.fen(body, "balance")),
        "late_months": wire.whole(body, "late_months", default=0, most=LATE_MONTHS_MAX),
        "closed_at": _instant_or_none(body, "closed_at"),
    }


def _repayment(body: Body) -> Event:
    return {
        "due_at": _instant(body, "due_at"),
        "due": write_yuan(wire.fen(body, "due")),
        "paid_at": _instant_or_none(body, "paid_at"),
        "paid": write_yuan(wire.fen(body, "paid", default=0)),
    }


def _instant(body: Body, key: str) -> str:
    try:
        return times.write_instant(times.read_instant(wire.text(body, key, most=40)))
    except ValueError:
        wire.bad_field(key, "must be a time with offset")


def _instant_or_none(body: Body, key: str) -> str | None:
    return None if body.get(key) is None else _instant(body, key)


_READERS: Final[Mapping[str, Callable[[Body], Event]]] = {
    "inquiries": _inquiry,
    "accounts": _account,
    "repayments": _repayment,
}
