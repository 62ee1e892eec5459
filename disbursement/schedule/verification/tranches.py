"""What a case says about money paid out: at the start, and in tranches after it."""

from __future__ import annotations

from datetime import date

from disbursement.schedule.verification import calendars
from disbursement.schedule.verification.cases import Case, Fields, fen, some_day


def first(facts: Fields) -> int:
    """Give the amount paid out by the start, in fen; nothing when it comes later."""
    stated = facts.get("disbursements") or []
    if not stated:
        return fen(facts["principal"])
    start = calendars.start_date(facts)
    return sum(fen(t["amount"]) for t in stated if some_day(t["date"]) <= start)


def later(case: Case) -> list[tuple[date, int]]:
    """List what was paid out after the start: a tranche may stand in the facts, the events or both."""
    start = calendars.start_date(case.facts)
    stated = [_tranche(t) for t in case.facts.get("disbursements") or []]
    told = [_tranche(event) for event in case.events if event.get("type") == "disbursement"]
    for tranche in stated:
        if tranche in told:
            told.remove(tranche)
    return sorted(tranche for tranche in (*stated, *told) if tranche[0] > start)


def _tranche(fields: Fields) -> tuple[date, int]:
    return some_day(fields["date"]), fen(fields["amount"])
