"""Business days: which one is closed next, and what all loans have earned at its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http import HTTPStatus
from itertools import groupby
from operator import attrgetter
from typing import Final
from uuid import UUID

from sqlalchemy import Date, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from disbursement import accounts, accrual, ledger
from disbursement.day_figures import Figures
from disbursement.delinquency import Bucket
from disbursement.ledger import Posting
from disbursement.records.closing import Accrual, ClosedDay
from disbursement.records.funders import Funder
from disbursement.records.life import LoanPosition
from disbursement.records.loans import Loan
from disbursement.records.products import Product
from kernel import ids
from kernel.money import ZERO, Money
from kernel.refusals import Refused

REASON: Final = "interest_accrued"

# What `accrual.Earning.by` says, for all loans at once; a test holds the two to each other.
_EARNED: Final = """
    CASE WHEN :day >= until THEN earning WHEN :day <= since THEN 0
        ELSE (2 * earning * (:day - since) + (until - since)) / (2 * (until - since)) END
"""
# One pass over all positions, by few enough groups to be kept while it runs.
_STANDING: Final = text(
    f"""
    SELECT product_id, bucket, grade, is_accruing,
        count(*) FILTER (WHERE written_off_on IS NULL AND (next_on IS NOT NULL OR earning <> 0
            OR overdue_since IS NOT NULL)) AS open,
        sum(earned + {_EARNED}) FILTER (WHERE since <= :day) AS earned,
        array_agg(loan_id) FILTER (WHERE since > :day) AS ahead
    FROM (SELECT *, earning_since AS since, earning_until AS until FROM loan_position) p
    GROUP BY product_id, bucket, grade, is_accruing
    """  # noqa: S608 - text of our own
).bindparams(bindparam("day", type_=Date()))
_AHEAD: Final = text(
    """
    SELECT p.loan_id, p.product_id, p.earned, p.is_accruing, p.earning_since, l.value_date,
        i.due_on, i.interest
    FROM loan_position p JOIN loan l ON l.id = p.loan_id
    JOIN instalment i ON i.loan_id = l.id AND i.schedule_version = l.schedule_version
    WHERE p.loan_id = ANY(:loans) AND l.value_date <= :day ORDER BY p.loan_id, i.number
    """
)
AHEAD_AT_ONCE: Final = 10_000
"""Instalments of loans that are ahead of the day, kept in memory at a time."""
END_SECONDS_MAX: Final = 600
"""Adding up all positions takes a second a million."""


class DayStillRuns(Refused):
    """A business day is closed when it is over."""

    status = HTTPStatus.CONFLICT
    code = "day_still_runs"
    title = "The business day is not over yet"
    title_zh = "该营业日尚未结束"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayView:
    """A day that was closed, or is being closed, for people."""

    day: date
    opened_at: datetime
    closed_at: datetime | None
    loans: int
    figures: Figures

    def count(self, name: str) -> int:
        """Give one of its counts; what was not counted is none."""
        return self.figures.counts.get(name, 0)

    def amount(self, name: str) -> Money:
        """Give one of its amounts."""
        return self.figures.amounts.get(name, ZERO)


def begin_next(session: Session, *, through: date, at: datetime) -> date | None:
    """Begin the day after the last closed one, or go on with the one that was begun.

    None when every day through `through` is closed, or no loan ever began.
    """
    last = session.scalars(select(ClosedDay).order_by(ClosedDay.day.desc()).limit(1)).one_or_none()
    if last is None:
        day = _first_day(session)
    else:
        day = last.day if last.closed_at is None else last.day + timedelta(days=1)
    if day is None or day > through:
        return None
    # Two runs that begin a day at once begin the same one.
    begun = insert(ClosedDay).values(day=day, opened_at=at, loans=0, figures={})
    session.execute(begun.on_conflict_do_nothing())
    return day


def lock(session: Session, day: date) -> ClosedDay | None:
    """Lock a day that was begun until the transaction ends; None when it has been closed."""
    found = session.scalars(
        select(ClosedDay)
        .where(ClosedDay.day == day)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    return found if found.closed_at is None else None


def note(closed: ClosedDay, done: Figures, *, loans: int) -> None:
    """Add what a chunk of loans came to, in the transaction that closed them."""
    figures = Figures.read(closed.figures)
    figures.include(done)
    closed.figures = figures.as_json()
    closed.loans += loans


def end(session: Session, day: date, *, at: datetime) -> bool:
    """Post what every product's loans earned on a day, and close it.

    A day's accrual is what all loans have earned by its close, less the same of the day before.
    False when the day is not done with: a loan came to it meanwhile, or somebody else closed it.
    """
    session.execute(text(f"SET LOCAL statement_timeout = '{END_SECONDS_MAX}s'"))
    closed = lock(session, day)
    left = select(LoanPosition.loan_id).where(LoanPosition.next_on <= day).limit(1)
    if closed is None or session.scalar(left) is not None:
        return False
    figures = Figures.read(closed.figures)
    earned = _earned(session, day, figures)
    before = _earned_before(session, day)
    made = [
        _accrual(
            session,
            product_id,
            day,
            earned=earned.get(product_id, ZERO),
            before=before.get(product_id, ZERO),
        )
        for product_id in sorted({*earned, *before})
    ]
    postings = [posting for _, posting in made if posting is not None]
    codes = {code for posting in postings for code in (posting.debit, posting.credit)}
    accounts.open_all(session, codes, at=at)
    ledger.post_many(session, postings, at=at)
    session.add_all(row for row, _ in made)
    figures.add("accrued", Money.total(row.amount for row, _ in made))
    closed.figures = figures.as_json()
    closed.closed_at = at
    return True


def _accrual(
    session: Session, product_id: UUID, day: date, *, earned: Money, before: Money
) -> tuple[Accrual, Posting | None]:
    funder = _funder(session, product_id)
    amount = earned - before
    posting = _posting(product_id, funder.code, day, amount)
    row = Accrual(
        day=day,
        product_id=product_id,
        funder_id=funder.id,
        amount=amount,
        earned=earned,
        transfer_id=None if posting is None else posting.id,
    )
    return row, posting


def _posting(product_id: UUID, funder: str, day: date, amount: Money) -> Posting | None:
    """Make the one posting of a product's day; one below zero goes the other way."""
    if amount == ZERO:
        return None
    sides = (accounts.interest_accrued(funder), accounts.interest_income(funder))
    debit, credit = sides if amount > ZERO else sides[::-1]
    return Posting(
        id=ids.derived(product_id, "accrual", day.isoformat()),
        debit=debit,
        credit=credit,
        amount=abs(amount),
        reason=REASON,
        event_ref=product_id,
        value_date=day,
    )


def _earned(session: Session, day: date, figures: Figures) -> dict[UUID, Money]:
    """Add up by product what all loans have earned by a day, and count how they stand."""
    earned: dict[UUID, int] = {}
    ahead: list[UUID] = []
    for row in session.execute(_STANDING, {"day": day}):
        earned[row.product_id] = earned.get(row.product_id, 0) + int(row.earned or 0)
        ahead += row.ahead or ()
        figures.count("open", row.open)
        figures.count(f"bucket {row.bucket}", row.open)
        figures.count(f"grade {row.grade}", row.open)
        figures.count("overdue", 0 if row.bucket == Bucket.M0 else row.open)
        figures.count("non_accrual", 0 if row.is_accruing else row.open)
    if ahead:
        for product_id, fen in _ahead(session, ahead, day):
            earned[product_id] += fen
    return {product_id: Money(fen) for product_id, fen in earned.items()}


def _ahead(session: Session, loans: Sequence[UUID], day: date) -> Iterator[tuple[UUID, int]]:
    """Tell what each loan has earned that is closed beyond the day, as something was booked later.

    It is read from its instalments as they are now. The loans are those that the sum left out: a
    loan that goes ahead after it was added up is in the sum already.
    """
    rows = session.execute(_AHEAD, {"day": day, "loans": loans}).yield_per(AHEAD_AT_ONCE)
    for _, of_loan in groupby(rows, key=attrgetter("loan_id")):
        some = list(of_loan)
        loan = some[0]
        if not loan.is_accruing:
            yield loan.product_id, loan.earned
            continue
        dues = [accrual.Due(row.due_on, Money(row.interest)) for row in some]
        stretch = accrual.earning_of(loan.value_date, dues, on=day)
        running = stretch.by(day) - stretch.earned
        later = sum(due.interest.fen for due in dues if day < due.on <= loan.earning_since)
        yield loan.product_id, loan.earned - later + running.fen


def _earned_before(session: Session, day: date) -> dict[UUID, Money]:
    yesterday = day - timedelta(days=1)
    rows = session.scalars(select(Accrual).where(Accrual.day == yesterday))
    return {row.product_id: row.earned for row in rows}


def _funder(session: Session, product_id: UUID) -> Funder:
    product = session.get_one(Product, product_id)
    return session.get_one(Funder, product.funder_id)


def views(session: Session, days: Sequence[date]) -> list[DayView]:
    """Show some days, the earliest first."""
    rows = session.scalars(select(ClosedDay).where(ClosedDay.day.in_(days)).order_by(ClosedDay.day))
    return [_view(row) for row in rows]


def listed(session: Session, *, before: date | None, limit: int) -> list[DayView]:
    """List days, the latest first, from the one before a day on."""
    query = select(ClosedDay).order_by(ClosedDay.day.desc()).limit(limit)
    if before is not None:
        query = query.where(ClosedDay.day < before)
    return [_view(row) for row in session.scalars(query)]


def waiting(session: Session, *, through: date) -> date | None:
    """Give the first day up to `through` that is not closed; None when all are, or no loan began."""
    last = session.scalar(select(func.max(ClosedDay.day)).where(ClosedDay.closed_at.is_not(None)))
    first = _first_day(session) if last is None else last + timedelta(days=1)
    return first if first is not None and first <= through else None


def _first_day(session: Session) -> date | None:
    """Tell when the first loan began."""
    return session.scalars(select(func.min(Loan.value_date))).one()


def _view(row: ClosedDay) -> DayView:
    return DayView(
        day=row.day,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        loans=row.loans,
        figures=Figures.read(row.figures),
    )
