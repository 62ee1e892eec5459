"""One loan's books: they are brought from one reading of its schedule to the next.

The ledger always shows a loan as of the later of the last day closed for it and its last event.
What an event or a day changes is the difference of two readings of the same pure schedule, so
nothing is ever booked that the schedule does not say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from disbursement import (
    accounts,
    delinquency,
    instalments,
    ledger,
    loan_events,
    loan_flows,
    loan_standing,
    loans,
)
from disbursement.allocation import Part
from disbursement.delinquency import Bucket, Grade
from disbursement.ledger import Posting
from disbursement.loan_flows import Books, Counting, Flow
from disbursement.records.funders import Funder
from disbursement.records.life import LoanPosition
from disbursement.records.loans import Loan, LoanStatus
from disbursement.schedule import figures
from disbursement.schedule.contract import Contract
from disbursement.schedule.events import Disbursed, Event, Repaid, Returned
from disbursement.schedule.figures import Reading
from kernel import ids, moves
from kernel.actors import Actor
from kernel.money import ZERO, Money

FACTS: Final = (Disbursed, Returned, Repaid)
"""What happened without asking: it is booked as far as it goes and never refused."""

_SEVERITY: Final = {bucket: place for place, bucket in enumerate(Bucket)}


@dataclass(slots=True, kw_only=True)
class Life:
    """A locked loan with everything that its schedule is made of."""

    loan: Loan
    books: Books
    position: LoanPosition
    contract: Contract
    events: tuple[Event, ...]

    @property
    def seen_on(self) -> date:
        """The day as of which the ledger shows the loan."""
        return seen_on(self.position.closed_through, self.events)

    @property
    def counting(self) -> Counting:
        """How the loan counts in the books."""
        return counting(self.position)

    def read(self, on: date, event: Event | None = None) -> Reading:
        """Read the loan as of a day, with one more event if one is given.

        Raises:
            NotApplicable: the new event cannot happen to this loan at that time.
        """
        accepted = {known.id for known in self.events}
        if event is None:
            return figures.read(self.contract, self.events, on=on, accepted=accepted)
        if isinstance(event, FACTS):
            accepted.add(event.id)
        return figures.read(self.contract, (*self.events, event), on=on, accepted=accepted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the books: from one reading to another, for a reason."""

    before: Reading
    after: Reading
    ref: UUID
    """From it the identities of the postings are derived."""
    event_ref: UUID
    value_date: date
    source: str | None = None
    """Where its money came from, or went."""
    gives_up: bool = False
    """Whether the books give the loan up for lost by it."""
    tells_plan: bool = True
    """Whether a changed plan is told; what shrinks or restores a loan is told by itself."""


def begin(session: Session, loan: Loan) -> Life:
    """Give a loan that begins its position and its first instalments."""
    contract = loan_events.contract_of(loan)
    position = LoanPosition(
        loan_id=loan.id,
        product_id=loan.product_id,
        closed_through=contract.value_date - timedelta(days=1),
        bucket=Bucket.M0,
        grade=Grade.NORMAL,
        is_accruing=True,
        earned=ZERO,
        earning_since=contract.value_date,
        earning=ZERO,
        earning_until=contract.value_date,
    )
    books = _books(session, loan)
    life = Life(loan=loan, books=books, position=position, contract=contract, events=())
    reading = life.read(life.seen_on)
    _stand(life, reading)
    session.add(position)
    instalments.replace(session, loan, reading.schedule)
    return life


def of(session: Session, loan: Loan) -> Life:
    """Read the life of a locked loan that has begun, to change it.

    Its position is locked too: the end of day closes loans by thousands and locks positions alone.

    Raises:
        LoanNotBegun: it has not.
    """
    loan_events.contract_of(loan)
    position = session.get_one(
        LoanPosition, loan.id, populate_existing=True, with_for_update={"key_share": True}
    )
    return made(session, loan, position, loan_events.events_of(session, loan))


def seen(session: Session, loan: Loan) -> Life:
    """Read the life of a loan that has begun, to look at it.

    Raises:
        LoanNotBegun: it has not.
    """
    position = session.get_one(LoanPosition, loan.id)
    return made(session, loan, position, loan_events.events_of(session, loan))


def made(session: Session, loan: Loan, position: LoanPosition, happened: tuple[Event, ...]) -> Life:
    """Put a life together of what was read of it, for whoever reads many at once.

    Raises:
        LoanNotBegun: the loan has not begun.
    """
    return Life(
        loan=loan,
        books=_books(session, loan),
        position=position,
        contract=loan_events.contract_of(loan),
        events=happened,
    )


def seen_on(closed_through: date, events: Sequence[Event]) -> date:
    """Tell as of which day the ledger shows a loan: its last close or its last event."""
    return max((closed_through, *(event.on for event in events)))


def counting(position: LoanPosition) -> Counting:
    """Tell how a loan counts in the books."""
    if position.written_off_on is not None:
        return Counting.WRITTEN_OFF
    return Counting.ACCRUING if position.is_accruing else Counting.SUSPENDED


def take(session: Session, life: Life, step: Step, *, by: Actor, at: datetime) -> None:
    """Bring ledger, position, instalments and status of a loan to the later reading.

    The facts that follow are told: what fell due, moved to another bucket, was replanned, was
    settled or is owed again.
    """
    was = life.counting
    before, after = step.before, step.after
    flows = loan_flows.differences(
        before.figures, after.figures, life.books, counting=was, source=step.source
    )
    if was is Counting.ACCRUING:
        fell_due = after.figures.due[Part.INTEREST]
        life.position.earned += Money(fell_due - before.figures.due[Part.INTEREST])
    bucket = life.position.bucket
    if step.gives_up:
        life.position.written_off_on = step.value_date
        life.position.closed_through = max(life.position.closed_through, after.on)
    _stand(life, after)
    flows += loan_flows.recounted(after.figures, life.books, was=was, becomes=life.counting)
    post(session, flows, step, at=at)
    _tell_due(session, life, step, at=at)
    _tell_bucket(session, life, after, was=bucket, at=at)
    if instalments.differ(before.schedule, after.schedule):
        instalments.replace(session, life.loan, after.schedule)
        if step.tells_plan:
            loans.tell(session, life.loan, "loan.replanned", at=at)
    follow_status(session, life, after, by=by, at=at)
    session.flush()


def post(session: Session, flows: Sequence[Flow], step: Step, *, at: datetime) -> None:
    """Post flows, all or none, under identities derived from what they are for."""
    postings = [
        Posting(
            id=ids.derived(
                step.ref,
                flow.reason,
                flow.debit.partition("/")[0],
                flow.credit.partition("/")[0],
            ),
            debit=flow.debit,
            credit=flow.credit,
            amount=Money(flow.fen),
            reason=flow.reason,
            event_ref=step.event_ref,
            value_date=step.value_date,
        )
        for flow in flows
    ]
    if postings:
        codes = {code for flow in flows for code in (flow.debit, flow.credit)}
        accounts.open_all(session, codes, at=at)
        ledger.post_linked(session, postings, at=at)


def follow_status(
    session: Session, life: Life, reading: Reading, *, by: Actor, at: datetime
) -> None:
    """Settle a loan of which nothing is owed, and open one again of which something is."""
    loan, numbers = life.loan, reading.figures
    if life.position.written_off_on is not None and loan.status is LoanStatus.ACTIVE:
        moves.advance(session, loan, LoanStatus.WRITTEN_OFF, table=loans.MOVES, by=by, at=at)
    if numbers.lent == 0:
        return
    if numbers.is_over and loan.status in {LoanStatus.ACTIVE, LoanStatus.WRITTEN_OFF}:
        moves.advance(session, loan, LoanStatus.SETTLED, table=loans.MOVES, by=by, at=at)
        loans.tell(
            session, loan, "loan.settled", at=at, more={"credit": str(Money(numbers.credit))}
        )
    elif not numbers.is_over and loan.status in {LoanStatus.SETTLED, LoanStatus.UNDONE}:
        written_off = life.position.written_off_on is not None
        to = LoanStatus.WRITTEN_OFF if written_off else LoanStatus.ACTIVE
        moves.advance(session, loan, to, table=loans.MOVES, by=by, at=at, reason="owed again")
        loans.tell(session, loan, "loan.reopened", at=at)


def _books(session: Session, loan: Loan) -> Books:
    return Books(loan_id=loan.id, funder=session.get_one(Funder, loan.funder_id).code)


def _stand(life: Life, reading: Reading) -> None:
    """Note where a loan stands by a reading."""
    position = life.position
    stands = loan_standing.standing(
        reading,
        grace_days=life.loan.penalty_grace_days,
        accrued_until_now=position.is_accruing,
        is_written_off=position.written_off_on is not None,
    )
    for column in fields(stands):
        setattr(position, column.name, getattr(stands, column.name))


def _tell_due(session: Session, life: Life, step: Step, *, at: datetime) -> None:
    rows = step.after.schedule.rows
    for row in rows[step.before.figures.fallen : step.after.figures.fallen]:
        if row.total_fen:
            body = {
                "number": str(row.number),
                "due_on": row.due_on.isoformat(),
                "amount": str(row.total),
            }
            loans.tell(session, life.loan, "loan.due", at=at, more=body)


def _tell_bucket(
    session: Session, life: Life, reading: Reading, *, was: Bucket, at: datetime
) -> None:
    bucket = life.position.bucket
    if bucket is was:
        return
    since = reading.figures.overdue_since
    late = delinquency.days_past_due(since, on=reading.on)
    kind = "loan.caught_up" if bucket is Bucket.M0 else "loan.overdue"
    body = {
        "bucket": bucket.value,
        "was": was.value,
        "days_past_due": str(late),
        "overdue_since": "" if since is None else since.isoformat(),
        "is_worse": str(_SEVERITY[bucket] > _SEVERITY[was]).lower(),
    }
    loans.tell(session, life.loan, kind, at=at, more=body)
