"""What is reported of a loan: how it stood at the close of a day, by the schedule itself.

A day of the past is read from what counts for it: events of later days are left out, so that a
month can be reported after it ended, and a correction shows what was learned since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from disbursement import delinquency, loan_events
from disbursement.credit_file import State
from disbursement.delinquency import Bucket, Grade
from disbursement.records.life import EventKind, LoanEvent
from disbursement.records.loans import Loan
from disbursement.schedule import figures
from disbursement.schedule.figures import Reading
from kernel.money import CURRENCY, ZERO, Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One loan as it is reported for a day."""

    loan: Loan
    state: State
    lent: Money
    balance: Money
    due_unpaid: Money
    overdue_since: date | None
    """None within the days of grace, which nobody reports."""
    days_past_due: int
    bucket: Bucket
    grade: Grade
    matures_on: date
    settled_on: date | None
    written_off_on: date | None


def account(loan: Loan, rows: Sequence[LoanEvent], *, as_of: date) -> Account | None:
    """Read a loan that has begun as of a day; None when it had not begun by then.

    `rows` is everything that was ever recorded on it.
    """
    contract = loan_events.contract_of(loan)
    if contract.value_date > as_of:
        return None
    past = [row for row in rows if row.on <= as_of]
    events = tuple(
        event
        for event in map(loan_events.event_of, past)
        if not isinstance(event, loan_events.OUTSIDE)
    )
    accepted = {event.id for event in events}
    reading = figures.read(contract, events, on=as_of, accepted=accepted)
    given_up = max((row.on for row in past if row.kind is EventKind.WRITTEN_OFF), default=None)
    return _account(loan, reading, given_up, past)


def facts(
    loan: Account, *, product: str, told_on: date | None, is_disputed: bool
) -> Mapping[str, str]:
    """Spell an account by the columns of the file."""
    return {
        "loan": str(loan.loan.id),
        "opened_on": _day(loan.loan.value_date),
        "matures_on": _day(loan.matures_on),
        "months": str(loan.loan.months),
        "product": product,
        "currency": CURRENCY,
        "lent": str(loan.lent),
        "state": loan.state.value,
        "balance": str(loan.balance),
        "due_unpaid": str(loan.due_unpaid),
        "overdue_since": _day(loan.overdue_since),
        "days_past_due": str(loan.days_past_due),
        "bucket": loan.bucket.value,
        "grade": loan.grade.value,
        "settled_on": _day(loan.settled_on),
        "written_off_on": _day(loan.written_off_on),
        "told_on": _day(told_on) if loan.state.is_adverse else "",
        "disputed": "Y" if is_disputed else "N",
    }


def _account(
    loan: Loan, reading: Reading, given_up: date | None, past: Sequence[LoanEvent]
) -> Account:
    numbers, day = reading.figures, reading.on
    grace = timedelta(days=loan.penalty_grace_days)
    since = numbers.overdue_since
    reported_since = None if since is None or day - since <= grace else since
    standing = delinquency.standing(reported_since, on=day, until_now=True)
    is_lost = given_up is not None and not numbers.is_over
    unpaid = Money(sum(numbers.open(part) for part in figures.RECEIVABLE) + reading.due_principal)
    return Account(
        loan=loan,
        state=_state(reading, reported_since, given_up),
        lent=Money(numbers.lent),
        balance=Money(numbers.principal),
        due_unpaid=ZERO if reported_since is None and not is_lost else unpaid,
        overdue_since=reported_since,
        days_past_due=standing.days_past_due,
        bucket=standing.bucket,
        grade=Grade.LOSS if is_lost else standing.grade,
        matures_on=reading.schedule.matures_on,
        settled_on=_over_on(reading, past) if numbers.is_over and numbers.lent else None,
        written_off_on=given_up,
    )


def _state(reading: Reading, since: date | None, given_up: date | None) -> State:
    if reading.figures.lent == 0:
        return State.UNDONE
    if reading.figures.is_over:
        return State.SETTLED
    if given_up is not None:
        return State.WRITTEN_OFF
    return State.NORMAL if since is None else State.OVERDUE


def _over_on(reading: Reading, past: Sequence[LoanEvent]) -> date:
    """Tell on which day nothing was owed any more: of the last payment, or the last due date."""
    paid = [row.paid_on for row in reading.schedule.paid if row.paid_on is not None]
    return max([*paid, *(row.on for row in past)], default=reading.schedule.value_date)


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()
