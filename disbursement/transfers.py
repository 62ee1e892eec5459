"""Writing rows of the ledger: one INSERT for any number of them. Only `ledger` calls this."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from http import HTTPStatus
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from disbursement.accounts import NoSuchAccount
from disbursement.records.ledger import Account, AccountKind, Floor, Transfer, TransferState
from kernel.clock import require_aware
from kernel.money import Money
from kernel.refusals import Refused

ROWS_MAX: Final = 10_000
"""In one call; more belong into several transactions."""


def _quoted(code: str) -> str:
    escaped = code.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_COLUMNS: Final[dict[str, tuple[str, Callable[[Any], str]]]] = {
    "id": ("uuid", attrgetter("hex")),
    "debit_id": ("uuid", attrgetter("hex")),
    "credit_id": ("uuid", attrgetter("hex")),
    "amount": ("bigint", lambda amount: str(amount.fen)),
    "state": ("text", str),
    "reason": ("text", _quoted),
    "event_ref": ("uuid", attrgetter("hex")),
    "value_date": ("date", date.isoformat),
    "resolves": ("uuid", attrgetter("hex")),
    "reverses": ("uuid", attrgetter("hex")),
}
"""Each column's type, and how a value is spelled inside an array."""

_NAMES: Final = ", ".join(_COLUMNS)

# One statement for any number of rows, with the rows in arrays: a list of VALUES would be another
# text to parse for every number of rows. The arrays are spelled here, since the driver's own way
# of spelling lists was measured to take longer than all the rest of a posting. Both statements are
# in the driver's own words: to have them compiled each time costs a third of a single posting.
_INSERT_MANY: Final = (
    f"INSERT INTO transfer ({_NAMES}, posted_at) SELECT {_NAMES}, %(posted_at)s FROM unnest("  # noqa: S608 - names of our own
    + ", ".join(f"CAST(%({name})s AS {kind}[])" for name, (kind, _) in _COLUMNS.items())
    + f") AS given ({_NAMES}) ON CONFLICT DO NOTHING"
)
_INSERT_ONE: Final = (
    f"INSERT INTO transfer ({_NAMES}, posted_at) VALUES ("  # noqa: S608 - names of our own
    + ", ".join(f"CAST(%({name})s AS {kind})" for name, (kind, _) in _COLUMNS.items())
    + ", %(posted_at)s) ON CONFLICT DO NOTHING"
)

_COLUMNS_GIVEN: Final = (
    "unnest(%(ids)s::uuid[], %(debit_ids)s::uuid[], %(credit_ids)s::uuid[],"
    " %(amounts)s::bigint[], %(event_refs)s::uuid[])"
    " AS given (id, debit_id, credit_id, amount, event_ref)"
)
_INSERT_COLUMNS: Final = (
    "INSERT INTO transfer (id, debit_id, credit_id, amount, event_ref, state, reason,"  # noqa: S608 - text of our own
    " value_date, posted_at) SELECT id, debit_id, credit_id, amount, event_ref, 'posted',"
    f" %(reason)s, %(value_date)s, %(posted_at)s FROM {_COLUMNS_GIVEN}"
)
_INSERT_MISSING: Final = f"{_INSERT_COLUMNS} ON CONFLICT DO NOTHING"
_SAME_COLUMNS: Final = (
    f"SELECT count(*) FROM {_COLUMNS_GIVEN} JOIN transfer t"  # noqa: S608 - text of our own
    " USING (id, debit_id, credit_id, amount, event_ref) WHERE t.state = 'posted'"
    " AND t.reason = %(reason)s AND t.value_date = %(value_date)s"
    " AND t.resolves IS NULL AND t.reverses IS NULL"
)

_MOVED: Final = text(
    """
    SELECT (SELECT coalesce(sum(amount), 0) FROM transfer
            WHERE debit_id = :account AND state = 'posted'
              AND posted_at <= CAST(:until AS timestamptz))
         - (SELECT coalesce(sum(amount), 0) FROM transfer
            WHERE credit_id = :account AND state = 'posted'
              AND posted_at <= CAST(:until AS timestamptz))
    """
)

_HELD: Final = text(
    """
    SELECT coalesce(sum(t.amount), 0) FROM transfer t
    WHERE CASE WHEN :by_debit THEN t.credit_id ELSE t.debit_id END = :account
      AND :account IN (t.debit_id, t.credit_id) AND t.state = 'pending'
      AND NOT EXISTS (SELECT 1 FROM transfer r WHERE r.resolves = t.id)
    """
)


class NotAPosting(Refused):
    """The posting cannot stand in any ledger: amount, accounts or number of rows."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "not_a_posting"
    title = "This cannot be posted"
    title_zh = "无法记账"


class TransferConflict(Refused):
    """A transfer of this identity exists with other content."""

    code = "transfer_conflict"
    title = "Another transfer has this identity"
    title_zh = "同一编号已有不同内容的分录"


class BelowFloor(Refused):
    """The account would fall below its floor."""

    code = "below_floor"
    title = "The account does not hold that much"
    title_zh = "账户余额不足"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One transfer row with everything but the time it is written."""

    id: UUID
    debit_id: UUID
    credit_id: UUID
    amount: Money
    state: TransferState
    reason: str
    event_ref: UUID
    value_date: date
    resolves: UUID | None = None
    reverses: UUID | None = None


def write(session: Session, rows: Sequence[Row], *, lowered: Iterable[UUID], at: datetime) -> int:
    """Insert rows that are not there yet, and see that what was there is the same."""
    if not rows:
        return 0
    _require_postable(rows)
    watched = _lock(session, lowered)
    if not watched:
        return _insert(session, rows, at=at)
    # A refusal after the rows are in must leave none of them, even when the caller goes on.
    with session.connection().begin_nested():
        written = _insert(session, rows, at=at)
        for account in watched:
            _require_above_floor(session, account)
    return written


def write_linked(
    session: Session, rows: Sequence[Row], *, lowered: Iterable[UUID], at: datetime
) -> bool:
    """Insert rows that belong together: all of them are new, or all of them are there."""
    with session.connection().begin_nested():
        written = write(session, rows, lowered=lowered, at=at)
        if written not in {0, len(rows)}:
            raise TransferConflict("of transfers that belong together only some are there")
    return written > 0


def _insert(session: Session, rows: Sequence[Row], *, at: datetime) -> int:
    statement, values = _spelled(rows)
    values["posted_at"] = require_aware(at)
    try:
        written = session.connection().exec_driver_sql(statement, values).rowcount
    except IntegrityError as fault:
        if "violates foreign key" in str(fault.orig):
            raise NoSuchAccount("an account of the posting was never opened") from None
        raise
    if written != len(rows):
        _require_same(session, rows)
    return int(written)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Many posted transfers of one reason and day, by columns; identities in hexadecimal."""

    ids: Sequence[str]
    debit_ids: Sequence[str]
    credit_ids: Sequence[str]
    amounts: Sequence[int]
    """In fen, above zero."""
    event_refs: Sequence[str]
    reason: str
    value_date: date


def write_columns(session: Session, columns: Columns, *, at: datetime) -> int:
    """Insert posted transfers that lower no account with a floor and are not there yet.

    What was there must be the same.
    """
    if len(columns.ids) > ROWS_MAX:
        raise NotAPosting(f"at most {ROWS_MAX} transfers are posted at once")
    if min(columns.amounts, default=1) <= 0:
        raise NotAPosting("an amount is above zero")
    values = {
        "ids": _joined(columns.ids),
        "debit_ids": _joined(columns.debit_ids),
        "credit_ids": _joined(columns.credit_ids),
        "amounts": _joined(map(str, columns.amounts)),
        "event_refs": _joined(columns.event_refs),
        "reason": columns.reason,
        "value_date": columns.value_date,
        "posted_at": require_aware(at),
    }
    connection = session.connection()
    try:
        # To look for each row first costs a third more, and hardly ever is one there.
        with connection.begin_nested():
            return connection.exec_driver_sql(_INSERT_COLUMNS, values).rowcount
    except IntegrityError as fault:
        if "violates foreign key" in str(fault.orig):
            raise NoSuchAccount("an account of the posting was never opened") from None
        if "violates unique" not in str(fault.orig):
            raise
    written = connection.exec_driver_sql(_INSERT_MISSING, values).rowcount
    same = connection.exec_driver_sql(_SAME_COLUMNS, values).scalar_one()
    if same != len(columns.ids):
        raise TransferConflict("one of these transfers exists with other content")
    return int(written)


def _joined(values: Iterable[str]) -> str:
    return "{" + ",".join(values) + "}"


def _spelled(rows: Sequence[Row]) -> tuple[str, dict[str, object]]:
    """Choose the statement for so many rows and spell its values."""
    if len(rows) == 1:
        row = rows[0]
        return _INSERT_ONE, {
            "id": row.id.hex,
            "debit_id": row.debit_id.hex,
            "credit_id": row.credit_id.hex,
            "amount": str(row.amount.fen),
            "state": str(row.state),
            "reason": row.reason,
            "event_ref": row.event_ref.hex,
            "value_date": row.value_date.isoformat(),
            "resolves": None if row.resolves is None else row.resolves.hex,
            "reverses": None if row.reverses is None else row.reverses.hex,
        }
    return _INSERT_MANY, {
        name: _array([getattr(row, name) for row in rows], spell)
        for name, (_, spell) in _COLUMNS.items()
    }


def _array(values: list[Any], spell: Callable[[Any], str]) -> str:
    return "{" + ",".join(["NULL" if v is None else spell(v) for v in values]) + "}"


def moved(
    session: Session, account: UUID, kind: AccountKind, *, at: datetime | None = None
) -> Money:
    """Add up what was posted to an account by `at`, or so far; positive on its growing side."""
    until = "infinity" if at is None else require_aware(at).isoformat()
    debits = session.execute(_MOVED, {"account": account, "until": until}).scalar_one()
    return Money(int(debits) if kind.grows_by_debit else -int(debits))


def _require_postable(rows: Sequence[Row]) -> None:
    if len(rows) > ROWS_MAX:
        raise NotAPosting(f"at most {ROWS_MAX} transfers are posted at once")
    for row in rows:
        if row.amount.fen <= 0:
            raise NotAPosting("an amount is above zero")
        if row.debit_id == row.credit_id:
            raise NotAPosting("a transfer has two different accounts")


def _require_same(session: Session, rows: Sequence[Row]) -> None:
    found = session.scalars(select(Transfer).where(Transfer.id.in_([row.id for row in rows])))
    known = {transfer.id: transfer for transfer in found}
    names = [column.name for column in fields(Row)]
    for row in rows:
        stored = known.get(row.id)
        if stored is None or any(getattr(row, n) != getattr(stored, n) for n in names):
            raise TransferConflict(f"transfer {row.id} exists with other content")


def _lock(session: Session, lowered: Iterable[UUID]) -> Sequence[Account]:
    """Lock the accounts among these that have a floor, in one order for everybody.

    Not FOR UPDATE: that would wait for every posting to the account, whose foreign key holds a
    key share on its row.
    """
    wanted = list(lowered)
    if not wanted:
        return ()
    return session.scalars(
        select(Account)
        .where(Account.id.in_(wanted), Account.floor != Floor.NONE)
        .order_by(Account.id)
        .with_for_update(key_share=True)
    ).all()


def _require_above_floor(session: Session, account: Account) -> None:
    """See that what is posted still covers what is set aside."""
    held = session.execute(
        _HELD, {"account": account.id, "by_debit": account.kind.grows_by_debit}
    ).scalar_one()
    if moved(session, account.id, account.kind) < Money(int(held)):
        raise BelowFloor(f"account {account.code} would fall below zero")
