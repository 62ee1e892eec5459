"""A loan's life added up to a day: what a ledger has to show of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from disbursement.allocation import Part
from disbursement.schedule import replay, terms
from disbursement.schedule.contract import Contract
from disbursement.schedule.engine import Replay
from disbursement.schedule.events import Event
from disbursement.schedule.rows import Row, Schedule

RECEIVABLE: Final = (Part.FEES, Part.PENALTY, Part.INTEREST)
"""What is owed apart from principal, in the order in which it is paid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything that happened to a loan by a day, added up; in fen."""

    lent: int
    """Paid out and not come back."""
    due: Mapping[Part, int]
    """What ever fell due apart from principal; what was waived of it is still in it."""
    waived: Mapping[Part, int]
    paid: Mapping[Part, int]
    """What ever was paid of each part; prepaid principal is in it."""
    credit: int
    """Money that came in and waits for something to pay."""
    overdue_since: date | None
    """The due date of the oldest instalment that fell due and is not wholly paid."""
    fallen: int
    """How many instalments fell due."""
    next_due: date | None
    """When the next one does."""
    open_since: date
    """When the period began that it ends."""
    is_over: bool
    """Whether nothing is owed and nothing will be."""

    @property
    def principal(self) -> int:
        """Principal still owed, due or not."""
        return self.lent - self.paid[Part.PRINCIPAL]

    def open(self, part: Part) -> int:
        """Give what fell due of fees, penalty or interest and is neither paid nor waived."""
        return self.due[part] - self.waived[part] - self.paid[part]

    @property
    def came_in(self) -> int:
        """All money that came in and was not taken back."""
        return sum(self.paid.values()) + self.credit


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A loan as of a day: its figures, and the schedule from which they come."""

    on: date
    figures: Figures
    schedule: Schedule

    @property
    def next_row(self) -> Row | None:
        """The instalment that falls due next."""
        rows = self.schedule.rows
        return rows[self.figures.fallen] if self.figures.fallen < len(rows) else None

    @property
    def due_principal(self) -> int:
        """Principal that fell due and is not paid; in fen."""
        pairs = zip(self.schedule.rows, self.schedule.paid, strict=True)
        fallen = list(pairs)[: self.figures.fallen]
        return sum(row.principal_fen - paid.principal_fen for row, paid in fallen)


def read(
    contract: Contract,
    events: Sequence[Event],
    *,
    on: date,
    accepted: Collection[str] = (),
) -> Reading:
    """Read a loan as of the close of a day, by the replay that previews and books it.

    Raises:
        NotApplicable: an event that was not accepted before cannot happen, or lies after the day.
    """
    state = replay.state_after(terms.of(contract), events, as_of=on, accepted=accepted)
    figures = _figures(state)
    state.project()
    return Reading(on=on, figures=figures, schedule=replay.schedule_of(state))


def _figures(state: Replay) -> Figures:
    items, span = state.items, state.span
    last_end = items[-1].end if items else state.terms.value_date
    paid = {part: sum(item.paid[part] for item in items) for part in Part}
    paid[Part.PRINCIPAL] -= sum(change.amount for change in state.moved if change.amount < 0)
    waived = {part: sum(item.waived[part] for item in items) for part in RECEIVABLE}
    owed = {part: sum(item.owed[part] for item in items) for part in RECEIVABLE}
    to_come = [due_on for due_on, _, _ in state.charges]
    return Figures(
        lent=state.terms.principal + sum(c.amount for c in state.moved if c.amount > 0),
        due={part: owed[part] + waived[part] for part in RECEIVABLE},
        waived=waived,
        paid=paid,
        credit=state.credit,
        overdue_since=min((item.due_on for item in items if item.outstanding), default=None),
        fallen=len(items),
        next_due=span.end if span is not None else min(to_come, default=None),
        open_since=max(span.start, last_end) if span is not None else last_end,
        is_over=state.is_over,
    )
