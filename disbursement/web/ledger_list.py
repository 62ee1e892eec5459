"""The ledger as the console reads it: balances at an instant, and the transfers of an account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from disbursement import accounts
from disbursement.records.ledger import AccountKind, TransferState
from kernel.clock import require_aware
from kernel.money import Money
from kernel.web.lists import Part, Place, cut

_BALANCES: Final = text(
    """
    SELECT a.code, a.kind, coalesce(d.fen, 0) AS debits, coalesce(c.fen, 0) AS credits
    FROM (SELECT * FROM account
          WHERE code > :after AND (:first = '' OR split_part(code, '/', 1) = :first)
          ORDER BY code LIMIT :limit) a
    LEFT JOIN LATERAL (SELECT sum(amount) AS fen FROM transfer
        WHERE debit_id = a.id AND state = 'posted' AND posted_at <= :until) d ON true
    LEFT JOIN LATERAL (SELECT sum(amount) AS fen FROM transfer
        WHERE credit_id = a.id AND state = 'posted' AND posted_at <= :until) c ON true
    ORDER BY a.code
    """
)
_TRANSFERS: Final = text(
    """
    SELECT t.id, t.posted_at, t.value_date, t.reason, t.state, t.amount, t.event_ref,
        t.debit_id = :account AS is_debit, other.code AS other, l.id AS leg_id, l.card_masked,
        EXISTS (SELECT 1 FROM transfer r WHERE r.resolves = t.id) AS is_resolved,
        t.reverses IS NOT NULL AS is_reversal
    FROM (SELECT * FROM transfer
          WHERE (debit_id = :account OR credit_id = :account)
            AND (CAST(:at AS timestamptz) IS NULL OR (posted_at, id) < (:at, CAST(:id AS uuid)))
            AND posted_at <= :until
          ORDER BY posted_at DESC, id DESC LIMIT :limit) t
    JOIN account other
        ON other.id = CASE WHEN t.debit_id = :account THEN t.credit_id ELSE t.debit_id END
    LEFT JOIN payout_leg l ON l.id = t.event_ref
    ORDER BY t.posted_at DESC, t.id DESC
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """An account and what was posted to it by an instant."""

    code: str
    kind: AccountKind
    debits: Money
    credits: Money

    @property
    def amount(self) -> Money:
        """The balance, positive on the account's growing side."""
        by_debit = self.debits - self.credits
        return by_debit if self.kind.grows_by_debit else -by_debit

    @property
    def loan_id(self) -> UUID | None:
        """The loan whose principal it keeps."""
        first, _, name = self.code.partition("/")
        return UUID(name) if first == "loan_principal" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A transfer as it looks from one of its accounts."""

    id: UUID
    posted_at: datetime
    value_date: date
    reason: str
    state: TransferState
    amount: Money
    is_debit: bool
    other: str
    leg_id: UUID | None
    card_masked: str | None
    is_resolved: bool
    """Of a reserve: whether it was settled or released."""
    is_reversal: bool


def balances(
    session: Session, *, first: str, until: datetime, after: str | None, limit: int
) -> Part[Balance]:
    """List accounts by code with their balances at an instant; `first` is a part of the chart."""
    found = session.execute(
        _BALANCES,
        {"after": after or "", "first": first, "until": require_aware(until), "limit": limit + 1},
    )
    return cut([_balance(row) for row in found], limit, lambda one: one.code)


def balance(session: Session, code: str, *, until: datetime) -> Balance:
    """Read one account.

    Raises:
        NoSuchAccount: it is not of the chart, or was never opened.
    """
    accounts.charted(code)
    row = session.execute(
        text(_ONE), {"account": accounts.identity(code), "until": require_aware(until)}
    ).one_or_none()
    if row is None:
        raise accounts.NoSuchAccount(f"nobody opened {code!r}")
    return _balance(row)


def movements(
    session: Session, code: str, *, until: datetime, after: Place | None, limit: int
) -> Part[Movement]:
    """List the transfers of an account by an instant, the latest first."""
    found = session.execute(
        _TRANSFERS,
        {
            "account": accounts.identity(code),
            "at": None if after is None else after.at,
            "id": None if after is None else after.id,
            "until": require_aware(until),
            "limit": limit + 1,
        },
    )
    rows = [_movement(row) for row in found]
    return cut(rows, limit, lambda one: Place(one.posted_at, one.id))


_ONE: Final = """
    SELECT a.code, a.kind,
        coalesce((SELECT sum(amount) FROM transfer WHERE debit_id = a.id
            AND state = 'posted' AND posted_at <= :until), 0) AS debits,
        coalesce((SELECT sum(amount) FROM transfer WHERE credit_id = a.id
            AND state = 'posted' AND posted_at <= :until), 0) AS credits
    FROM account a WHERE a.id = :account
"""


def _balance(row: Any) -> Balance:  # noqa: ANN401 - a row of our own SQL
    return Balance(
        code=row.code,
        kind=AccountKind(row.kind),
        debits=Money(int(row.debits)),
        credits=Money(int(row.credits)),
    )


def _movement(row: Any) -> Movement:  # noqa: ANN401 - a row of our own SQL
    return Movement(
        id=row.id,
        posted_at=row.posted_at,
        value_date=row.value_date,
        reason=row.reason,
        state=TransferState(row.state),
        amount=Money(int(row.amount)),
        is_debit=row.is_debit,
        other=row.other,
        leg_id=row.leg_id,
        card_masked=row.card_masked,
        is_resolved=row.is_resolved,
        is_reversal=row.is_reversal,
    )
