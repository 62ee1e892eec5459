"""Checking the books: everything is worked out anew from what happened, and differences are named.

The ledger's own rules are `ledger.check_books`. Here each loan's accounts, position, instalments
and status are compared with what its contract and events mean, and each funder's totals with the
sum of its loans.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Final
from uuid import UUID

from sqlalchemy import inspect, select, text
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from disbursement import (
    accounts,
    commissions,
    instalments,
    ledger,
    loan_books,
    loan_events,
    loan_standing,
    positions,
)
from disbursement.ledger_checks import DIFFERENCES_MAX
from disbursement.loan_books import Life
from disbursement.loan_flows import Counting
from disbursement.records.life import LoanEvent, LoanPosition
from disbursement.records.loans import Instalment, Loan, LoanStatus
from disbursement.schedule.figures import RECEIVABLE, Reading
from kernel.money import Money
from kernel.refusals import Refused

CHUNK_LOANS: Final = 500
UNREADABLE: Final = (LookupError, TypeError, ValueError, NoResultFound, Refused)
"""What reading a row that somebody spoilt may raise."""

_BALANCES: Final = text(
    """
    SELECT account, sum(fen) FROM (
        SELECT debit_id AS account, amount AS fen FROM transfer
        WHERE state = 'posted' AND debit_id = ANY(:ids)
        UNION ALL
        SELECT credit_id, -amount FROM transfer WHERE state = 'posted' AND credit_id = ANY(:ids)
    ) AS moved GROUP BY account
    """
)

_OUT_OF_ACCRUED: Final = text(
    """
    SELECT owed, sum(fen) FROM (
        SELECT debit_id AS owed, amount AS fen FROM transfer
        WHERE state = 'posted' AND debit_id = ANY(:ids) AND credit_id = ANY(:accrued)
        UNION ALL
        SELECT credit_id, -amount FROM transfer
        WHERE state = 'posted' AND credit_id = ANY(:ids) AND debit_id = ANY(:accrued)
    ) AS moved GROUP BY owed
    """
)

# What a funder's accounts must come to, by conservation: income less what was given up is what
# came in, less what is the debtors', plus what is still owed or accrued and counts as income.
_TOTALS: Final = text(
    """
    WITH moved AS (
        SELECT account, sum(fen) AS fen FROM (
            SELECT debit_id AS account, amount AS fen FROM transfer WHERE state = 'posted'
            UNION ALL
            SELECT credit_id, -amount FROM transfer WHERE state = 'posted') AS t
        GROUP BY account),
    balances AS (
        SELECT split_part(a.code, '/', 1) AS first, split_part(a.code, '/', 2) AS name, m.fen
        FROM moved m JOIN account a ON a.id = m.account),
    owed AS (
        SELECT n.funder_id, b.first, sum(b.fen) AS fen,
               sum(b.fen) FILTER (WHERE NOT p.is_accruing AND p.written_off_on IS NULL) AS suspended
        FROM balances b JOIN loan n ON b.first LIKE 'loan%' AND n.id::text = b.name
        JOIN loan_position p ON p.loan_id = n.id
        GROUP BY n.funder_id, b.first),
    cash AS (
        SELECT n.funder_id, sum((e.body->>'amount')::numeric * 100) AS fen
        FROM loan_event e JOIN loan n ON n.id = e.loan_id
        WHERE e.kind IN ('repaid', 'prepaid', 'paid_off', 'recovered')
          AND NOT EXISTS (SELECT 1 FROM loan_event r WHERE r.loan_id = e.loan_id
                          AND r.kind = 'reversed' AND r.body->>'event_id' = e.id::text)
        GROUP BY n.funder_id),
    lent AS (
        SELECT funder_id, sum(principal) AS fen FROM loan
        WHERE id IN (SELECT loan_id FROM loan_position) GROUP BY funder_id),
    accrued AS (
        SELECT a.funder_id, sum(a.earned) AS fen FROM accrual a
        WHERE a.day = (SELECT max(l.day) FROM accrual l WHERE l.product_id = a.product_id)
        GROUP BY a.funder_id),
    due AS (
        SELECT n.funder_id, sum(p.earned) AS fen
        FROM loan_position p JOIN loan n ON n.id = p.loan_id GROUP BY n.funder_id)
    SELECT f.code,
        coalesce((SELECT fen FROM balances WHERE first = 'interest_accrued' AND name = f.code), 0)
            AS accrued,
        coalesce((SELECT fen FROM accrued WHERE funder_id = f.id), 0)
            - coalesce((SELECT fen FROM due WHERE funder_id = f.id), 0) AS accrued_by_loans,
        -coalesce((SELECT fen FROM balances WHERE first = 'interest_suspended' AND name = f.code),
                  0) AS suspended,
        coalesce((SELECT sum(suspended) FROM owed WHERE funder_id = f.id
                  AND first IN ('loan_interest', 'loan_penalty')), 0) AS suspended_by_loans,
        -coalesce((SELECT sum(fen) FROM balances WHERE name = f.code AND first IN (
            'interest_income', 'penalty_income', 'fee_income', 'recovery_income', 'waiver',
            'write_off')), 0) AS result,
        coalesce((SELECT fen FROM cash WHERE funder_id = f.id), 0)
            + coalesce((SELECT sum(fen) FROM owed WHERE funder_id = f.id), 0)
            - coalesce((SELECT fen FROM lent WHERE funder_id = f.id), 0)
            + coalesce((SELECT sum(fen) FROM balances WHERE name = f.code AND first IN (
                'interest_accrued', 'interest_suspended')), 0) AS result_by_loans
    FROM funder f ORDER BY f.code
    """
)


@dataclass(frozen=True, slots=True)
class _Accounts:
    """What the ledger shows of some loans, by account; fen on the growing side of assets."""

    balances: dict[UUID, int]
    out_of_accrued: dict[UUID, int]

    def of(self, code: str) -> int:
        """Give the balance of one account."""
        return self.balances.get(accounts.identity(code), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """One loan as it is on record."""

    life: Life
    numbers: list[int]
    """Of its events."""
    plan: list[Instalment]
    """Its instalments in force."""


def check_books(session: Session, *, loan_ids: Sequence[UUID] | None = None) -> list[str]:
    """Work everything out anew and name the differences; none is right.

    With `loan_ids` only what hangs on these loans is looked at, which is quick enough after every
    step; without, every transfer, loan and funder.
    """
    differences = ledger.check_books(session, loan_ids=loan_ids)
    held = frozenset(session.identity_map.keys())
    for chunk in _chunks(session, loan_ids):
        differences.extend(_check_loans(session, chunk))
        _forget(session, held)
        if len(differences) >= DIFFERENCES_MAX:
            return differences
    if loan_ids is None:
        differences.extend(_check_totals(session))
        differences.extend(commissions.check_books(session))
        differences.extend(positions.check(session))
    return differences


def _chunks(session: Session, loan_ids: Sequence[UUID] | None) -> Iterator[Sequence[LoanPosition]]:
    query = select(LoanPosition).order_by(LoanPosition.loan_id).limit(CHUNK_LOANS)
    if loan_ids is not None:
        query = query.where(LoanPosition.loan_id.in_(loan_ids))
    chunk = session.scalars(query.execution_options(populate_existing=True)).all()
    while chunk:
        yield chunk
        after = query.where(LoanPosition.loan_id > chunk[-1].loan_id)
        chunk = session.scalars(after.execution_options(populate_existing=True)).all()


def _forget(session: Session, held: frozenset[object]) -> None:
    """Let go of what was read only to be looked at, so that memory does not grow with the loans."""
    for row in list(session.identity_map.values()):
        if inspect(row).key not in held:
            session.expunge(row)


def _read(session: Session, chunk: Sequence[LoanPosition]) -> Iterator[_Record | str]:
    """Read the loans of a chunk with their events and instalments, in three questions.

    What cannot be read at all is a difference as well, and hides no other.
    """
    ids = [position.loan_id for position in chunk]
    fresh = {"populate_existing": True}
    found = session.scalars(select(Loan).where(Loan.id.in_(ids)), execution_options=fresh)
    by_id = {loan.id: loan for loan in found}
    events: dict[UUID, list[LoanEvent]] = {loan_id: [] for loan_id in ids}
    happened = select(LoanEvent).where(LoanEvent.loan_id.in_(ids)).order_by(LoanEvent.number)
    for event in session.scalars(happened, execution_options=fresh):
        events[event.loan_id].append(event)
    plans: dict[UUID, list[Instalment]] = {loan_id: [] for loan_id in ids}
    in_force = (
        select(Instalment)
        .join(Loan, Loan.id == Instalment.loan_id)
        .where(Loan.id.in_(ids), Loan.schedule_version == Instalment.schedule_version)
        .order_by(Instalment.number)
    )
    for row in session.scalars(in_force, execution_options=fresh):
        plans[row.loan_id].append(row)
    for position in chunk:
        of_loan = events[position.loan_id]
        try:
            happened_to_it = loan_events.of_schedule(of_loan)
            life = loan_books.made(session, by_id[position.loan_id], position, happened_to_it)
        except UNREADABLE as fault:
            yield f"loan {position.loan_id} cannot be read any more: {fault!r}"
            continue
        yield _Record(
            life=life,
            numbers=[event.number for event in of_loan],
            plan=plans[position.loan_id],
        )


def _check_loans(session: Session, chunk: Sequence[LoanPosition]) -> Iterator[str]:
    found = list(_read(session, chunk))
    yield from (one for one in found if isinstance(one, str))
    records = [one for one in found if isinstance(one, _Record)]
    shown = _accounts(session, [record.life for record in records])
    for record in records:
        life = record.life
        try:
            reading = life.read(life.seen_on)
        except (Refused, AssertionError) as fault:
            yield f"loan {life.loan.id} has no schedule any more: {fault}"
            continue
        for what in (
            *_ledger_faults(life, reading, shown),
            *_position_faults(life, reading, shown),
            *_record_faults(record, reading),
        ):
            yield f"loan {life.loan.id}: {what}"


def _accounts(session: Session, lives: Sequence[Life]) -> _Accounts:
    owed = [accounts.identity(code) for life in lives for code, _ in _expected(life, None)]
    interest = [accounts.identity(accounts.loan_interest(life.loan.id)) for life in lives]
    accrued = {accounts.identity(accounts.interest_accrued(life.books.funder)) for life in lives}
    balances = session.execute(_BALANCES, {"ids": owed})
    taken = session.execute(_OUT_OF_ACCRUED, {"ids": interest, "accrued": list(accrued)})
    return _Accounts(
        {account: int(fen) for account, fen in balances},
        {account: int(fen) for account, fen in taken},
    )


def _expected(life: Life, reading: Reading | None) -> Iterator[tuple[str, int]]:
    """List what each account of a loan must show; only the accounts without a reading."""
    numbers = reading.figures if reading is not None else None
    gone = life.counting is Counting.WRITTEN_OFF
    principal = 0 if numbers is None or gone else numbers.principal
    yield accounts.loan_principal(life.loan.id), principal
    for part in RECEIVABLE:
        yield life.books.receivable(part), 0 if numbers is None or gone else numbers.open(part)
    yield life.books.credit, 0 if numbers is None else -numbers.credit


def _ledger_faults(life: Life, reading: Reading, shown: _Accounts) -> Iterator[str]:
    for code, fen in _expected(life, reading):
        if shown.of(code) != fen:
            first = code.partition("/")[0]
            yield f"{first} shows {Money(shown.of(code))}, the schedule says {Money(fen)}"


def _position_faults(life: Life, reading: Reading, shown: _Accounts) -> Iterator[str]:
    position = life.position
    expected = loan_standing.standing(
        reading,
        grace_days=life.loan.penalty_grace_days,
        accrued_until_now=position.is_accruing,
        is_written_off=position.written_off_on is not None,
    )
    for column in fields(expected):
        is_, should = getattr(position, column.name), getattr(expected, column.name)
        if is_ != should:
            yield f"its position has {column.name} {is_}, the schedule says {should}"
    interest = accounts.identity(accounts.loan_interest(life.loan.id))
    taken = Money(shown.out_of_accrued.get(interest, 0))
    if position.earned != taken:
        yield f"its position has {position.earned} due out of accrued interest, entries {taken}"


def _record_faults(record: _Record, reading: Reading) -> Iterator[str]:
    life, loan, numbers = record.life, record.life.loan, reading.figures
    if loan.principal != Money(numbers.lent):
        yield f"{loan.principal} is with the issuers, its events say {Money(numbers.lent)}"
    if instalments.plan(record.plan) != instalments.plan(reading.schedule.rows):
        yield f"version {loan.schedule_version} of its instalments is not the schedule"
    if numbers.lent and (loan.status is LoanStatus.SETTLED) is not numbers.is_over:
        yield f"it is {loan.status}, and {'nothing' if numbers.is_over else 'something'} is owed"
    if (loan.status is LoanStatus.WRITTEN_OFF) and life.position.written_off_on is None:
        yield "it is written off on no day"
    if (loan.status is LoanStatus.ACTIVE) and life.position.written_off_on is not None:
        yield "it is active, and was written off"
    if record.numbers != list(range(1, len(record.numbers) + 1)):
        yield "its events are not numbered without a gap"


def _check_totals(session: Session) -> Iterator[str]:
    for row in session.execute(_TOTALS):
        yield from _total_faults(
            row.code,
            (
                ("interest accrued", row.accrued, row.accrued_by_loans),
                ("interest in suspense", row.suspended, row.suspended_by_loans),
                ("income less what was given up", row.result, row.result_by_loans),
            ),
        )


def _total_faults(code: str, pairs: Iterable[tuple[str, int, int]]) -> Iterator[str]:
    for what, shown, expected in pairs:
        if int(shown) != int(expected):
            yield f"funder {code}: {what} is {Money(int(shown))}, its loans say {Money(int(expected))}"
