"""A case's schedule computed by the product's replay, shown in the words of the case files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from disbursement.schedule import replay
from disbursement.schedule.engine import Replay
from disbursement.schedule.events import (
    Charged,
    Disbursed,
    Event,
    RateChanged,
    Strategy,
)
from disbursement.schedule.factors import Span, half_up
from disbursement.schedule.rows import Row
from disbursement.schedule.terms import Terms
from disbursement.schedule.verification import calendars, foreign, loans, servicing, tranches
from disbursement.schedule.verification.cases import (
    Case,
    Fields,
    NotComputable,
    fen,
    some_day,
    yuan,
)
from kernel.money import Money
from kernel.rates import Rate

Figures = dict[str, Any]

_STRATEGIES: Final = {"reduce_term": Strategy.SHORTEN, "reduce_instalment": Strategy.LOWER}


@dataclass(slots=True)
class Walk:
    """A replay that remembers what the rows alone no longer show."""

    state: Replay
    exact: dict[int, Fraction] = field(default_factory=dict)
    waiting: dict[int, int] = field(default_factory=dict)
    parts: dict[int, list[Figures]] = field(default_factory=dict)

    def until(self, day: date) -> None:
        """Close periods that end by the day."""
        while (span := self.state.span) is not None and span.end <= day:
            self.close(span)
        self.state.close_until(day)

    def close(self, span: Span) -> None:
        """Close one period and note its exact interest."""
        self.exact[span.number] = self.state.accrued(span, span.end)
        self.parts[span.number] = _parts(self.state, span)
        self.state.close(span, span.end)
        self.waiting[span.number] = self.state.waiting

    def finish(self) -> tuple[Row, ...]:
        """Close all that is left and give the rows."""
        while (span := self.state.span) is not None:
            self.close(span)
        self.state.project()
        return replay.schedule_of(self.state).rows


def _parts(state: Replay, span: Span) -> list[Figures]:
    """Show the interest periods a period was cut into, each with its rate factor."""
    marks = {span.start, span.end, *(change.on for change in state.changes)}
    marks |= set(state.rates.marks(span.start, span.end))
    edges = sorted(marks)
    shown = []
    for start, end in pairwise(edges):
        factor = state.factor(span, start, end)
        balance = state.opening + sum(c.amount for c in state.changes if c.on <= start)
        interest = state.terms.round_interest(balance * factor)
        shown.append({"rate_factor": twelve(factor), "interest": yuan(interest)})
    return [part for part in shown if part["rate_factor"]]


def twelve(value: Fraction) -> Decimal:
    """Show a factor with twelve digits."""
    return Decimal(round(value * 10**12)).scaleb(-12)


def walk(case: Case, terms: Terms) -> tuple[Walk, tuple[Row, ...]]:
    """Replay what the case says happened to the plan itself: tranches, rates, prepayments."""
    walked = Walk(foreign.replay_of(case, terms))
    for on, effect in timeline(case, terms):
        walked.until(on)
        effect(walked.state)
    return walked, walked.finish()


def timeline(case: Case, terms: Terms) -> Iterable[tuple[date, Callable[[Replay], None]]]:
    """List what happened to the plan itself, by date."""
    steps = [(event.on, _applying(event, case.facts)) for event in plan_events(case, terms)]
    for stated in case.events:
        if stated.get("type") == "prepayment":
            steps.extend(_prepayments(stated, terms))
        elif stated.get("type") == "reschedule":
            on = servicing.start_of(terms.spans, some_day(stated["reschedule_from_date"]))
            steps.append((on, _rescheduling(stated, case.facts)))
    return sorted(steps, key=lambda step: step[0])


def _applying(event: Event, facts: Fields) -> Callable[[Replay], None]:
    def effect(state: Replay) -> None:
        if isinstance(event, Disbursed) and state.span is None:
            # Money paid out after the last instalment is repaid with one more.
            state.spans.append(servicing.one_more(state.spans[-1], facts))
        replay.apply(state, event)

    return effect


def _rescheduling(event: Fields, facts: Fields) -> Callable[[Replay], None]:
    return lambda state: servicing.reschedule(state, event, facts)


def plan_events(case: Case, terms: Terms) -> list[Event]:
    """Read the events that change the plan in the product's own words."""
    made: list[Event] = [
        Disbursed(id=f"tranche {position}", on=on, amount=Money(amount))
        for position, (on, amount) in enumerate(tranches.later(case))
    ]
    for position, event in enumerate(case.events):
        name = f"{position}"
        match event.get("type"):
            case "rate_change":
                made.append(_rate_change(case, event, name))
            case "charge":
                made.append(_charge(event, name, terms))
            case _:
                pass
    return made


def _rate_change(case: Case, event: Fields, name: str) -> RateChanged:
    on = some_day(event["date"])
    if case.options.get("engine") == "progressive":
        # That engine lets a rate "from" a date run from the night before it.
        on -= timedelta(days=1)
    return RateChanged(id=name, on=on, annual_rate=Rate.percent(str(event["annual_rate_pct"])))


def _charge(event: Fields, name: str, terms: Terms) -> Charged:
    due_on = max(some_day(event["due"]), terms.value_date)
    return Charged(
        id=name,
        on=terms.value_date,
        due_on=due_on,
        amount=Money(fen(event["amount"])),
        part=servicing.part_of(event),
    )


def _prepayments(event: Fields, terms: Terms) -> Iterable[tuple[date, Callable[[Replay], None]]]:
    """Spread a prepayment that is repeated with several instalments."""
    strategy = _STRATEGIES.get(str(event.get("strategy")))
    if strategy is None:
        raise NotComputable(f"unknown strategy {event.get('strategy')!r}")
    first = int(event["with_instalment"])
    last = {"single": first, "to_end": len(terms.spans)}.get(
        str(event.get("repeat", "single")), int(event.get("repeat_until_instalment") or first)
    )
    amount = fen(event["amount"])
    for span in terms.spans:
        if first <= span.number <= last:
            yield span.end, _prepaying(amount, span.end, strategy)


def _prepaying(amount: int, on: date, strategy: Strategy) -> Callable[[Replay], None]:
    def effect(state: Replay) -> None:
        if state.span is not None and state.balance:
            replay.prepay(state, min(amount, state.balance), on=on, strategy=strategy)

    return effect


def row_figures(case: Case, rows: Sequence[Row], walked: Walk | None = None) -> list[Figures]:
    """Show rows in the words of the case files."""
    dated = calendars.is_dated(case.facts)
    start = calendars.start_date(case.facts)
    opening, earlier = tranches.first(case.facts), start
    shown = []
    for row in rows:
        line: Figures = {
            "n": row.number,
            "from": str(earlier),
            "due": str(row.due_on) if dated else None,
            "day": (row.due_on - start).days,
            "days": row.days,
            "opening": yuan(opening),
            "principal": yuan(row.principal_fen),
            "interest": yuan(row.interest_fen),
            "fees": yuan(row.fees_fen),
            "penalties": yuan(row.penalty_fen),
            "total": yuan(row.total_fen),
            "prepayment": yuan(row.prepaid_fen),
            "balance": yuan(row.balance_fen),
        }
        if walked is not None:
            exact = walked.exact.get(row.number, Fraction(0))
            line["interest_exact_4dp"] = Decimal(half_up(exact * 100)).scaleb(-4)
            line["accrued_interest"] = yuan(walked.waiting.get(row.number, 0))
            line["interest_parts"] = walked.parts.get(row.number, [])
        shown.append(line)
        opening, earlier = row.balance_fen, row.due_on
    return shown


def summary(case: Case, shown: Sequence[Figures]) -> Figures:
    """Add up rows into the figures beside them."""
    sums = {
        name: sum((row[name] for row in shown), Decimal(0))
        for name in ("principal", "interest", "fees", "penalties", "total")
    }
    wanted = {sample.get("n") for sample in case.expect.get("row_samples") or ()}
    return {
        "rows": list(shown),
        "totals": sums,
        "total_interest": sums["interest"],
        "overpayment": sums["interest"],
        "total_payments": sums["total"],
        "instalment": shown[0]["total"] if shown else None,
        "final_instalment": shown[-1]["total"] if shown else None,
        "instalment_count": len(shown),
        "row_samples": [row for row in shown if row["n"] in wanted],
    }


def figures(case: Case) -> Mapping[str, Any]:
    """Compute the schedule of a case, with payments laid on rows that do not change by them."""
    terms = with_stub(case, loans.terms_of(case))
    walked, rows = walk(case, terms)
    shown = row_figures(case, rows, walked)
    accounts = servicing.accounts_of(rows, terms.value_date)
    servicing.pay_all(case, accounts)
    return summary(case, servicing.with_payments(shown, accounts))


def with_stub(case: Case, terms: Terms) -> Terms:
    """Put a row 0 of interest alone before the first period, where the case says so."""
    text = str(case.options.get("stub") or "")
    if not text.startswith("row 0"):
        return terms
    start = some_day(case.options["interest_start_date"])
    first_due = some_day(case.options["first_due_date"])
    facts = {**case.facts, "first_due_date": str(first_due)}
    periods = calendars.spans(facts)
    stub = Span(number=0, start=start, end=periods[0].start, due_on=periods[0].start)
    inner = terms.measure

    def measure(span: Span, begin: date, end: date) -> Fraction:
        return Fraction((end - begin).days, 365) if span is stub else inner(span, begin, end)

    return replace(terms, value_date=start, spans=(stub, *periods), measure=measure)
