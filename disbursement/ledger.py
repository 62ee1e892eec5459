"""The double-entry ledger: the only writer of transfers.

A transfer is one row with one debit, one credit and one amount, so the books balance by
construction. Rows are only ever added; what was wrong is answered by a reversal. Identities are
derived by the caller from what happened, so posting twice meets the first row. No account keeps a
running balance that every posting would have to lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from disbursement import accounts, ledger_checks, transfers
from disbursement.records.ledger import Transfer, TransferState
from disbursement.transfers import NotAPosting, TransferConflict
from kernel import ids
from kernel.money import Money
from kernel.refusals import Refused

_FACTS: Final = tuple(column.name for column in fields(transfers.Row))


class NoSuchTransfer(Refused):
    """There is no transfer of this identity."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_transfer"
    title = "There is no such transfer"
    title_zh = "分录不存在"


class AlreadyResolved(Refused):
    """The pending transfer was settled or voided before, in another way."""

    code = "already_resolved"
    title = "The reserved amount was resolved before"
    title_zh = "预留金额已处理"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One transfer to be: the caller derives `id` from what happened."""

    id: UUID
    debit: str
    """Account code, such as ``in_transit/unionpay``."""
    credit: str
    amount: Money
    reason: str
    event_ref: UUID
    value_date: date


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanPostings:
    """One transfer to be for each of many loans, by columns; they differ in nothing else.

    ``{loan}`` in an account code stands for the loan's id.
    """

    debit: str
    credit: str
    reason: str
    value_date: date
    ids: Sequence[str]
    """In hexadecimal; derived by the caller from what happened."""
    loan_ids: Sequence[str]
    fen: Sequence[int]


def post(session: Session, posting: Posting, *, at: datetime) -> Transfer:
    """Post one transfer; the same content under the same identity is the one already there.

    Raises:
        Refused: for the reasons of `post_many`.
    """
    row = _row(posting, TransferState.POSTED)
    return _write(session, row, lowered=_lowered((posting,)), at=at)


def post_many(session: Session, postings: Sequence[Posting], *, at: datetime) -> int:
    """Post transfers in one statement and count the new ones; the rest stood there already.

    Raises:
        NotAPosting: an amount not above zero, one account on both sides, or too many rows.
        NoSuchAccount: an account is not of the chart or was never opened.
        TransferConflict: an identity is taken by other content.
        BelowFloor: an account would fall below its floor.
    """
    rows = [_row(posting, TransferState.POSTED) for posting in postings]
    return transfers.write(session, rows, lowered=_lowered(postings), at=at)


def post_for_loans(session: Session, postings: LoanPostings, *, at: datetime) -> int:
    """Post one transfer for each of many loans and count the new ones.

    Raises:
        NotAPosting: an amount not above zero, too many rows, or a side whose floor would have to
            be watched.
        NoSuchAccount: an account is not of the chart or was never opened.
        TransferConflict: an identity is taken by other content.
    """
    for code, is_debit in ((postings.debit, True), (postings.credit, False)):
        kind, _ = accounts.charted(code)
        if kind.grows_by_debit is not is_debit and accounts.may_be_limited(code):
            raise NotAPosting(f"{code} has a floor, so it is not lowered for many loans at once")
    columns = transfers.Columns(
        ids=postings.ids,
        debit_ids=_of_loans(postings.debit, postings.loan_ids),
        credit_ids=_of_loans(postings.credit, postings.loan_ids),
        amounts=postings.fen,
        event_refs=postings.loan_ids,
        reason=postings.reason,
        value_date=postings.value_date,
    )
    return transfers.write_columns(session, columns, at=at)


def post_linked(session: Session, postings: Sequence[Posting], *, at: datetime) -> bool:
    """Post transfers that belong together, all or none; tell whether they are new.

    When they are refused nothing of them stays, even if whoever asked goes on.

    Raises:
        TransferConflict: some of them stood there already and others did not.
        Refused: for the reasons of `post_many`.
    """
    rows = [_row(posting, TransferState.POSTED) for posting in postings]
    return transfers.write_linked(session, rows, lowered=_lowered(postings), at=at)


def reserve(session: Session, posting: Posting, *, at: datetime) -> Transfer:
    """Set an amount aside by a pending transfer, to be settled or voided once.

    Raises:
        Refused: for the reasons of `post_many`.
    """
    row = _row(posting, TransferState.PENDING)
    return _write(session, row, lowered=_lowered((posting,)), at=at)


def settle(
    session: Session,
    pending_id: UUID,
    *,
    value_date: date,
    at: datetime,
    amount: Money | None = None,
) -> Transfer:
    """Post a reserved amount, or a part of it, and release the rest.

    Raises:
        NoSuchTransfer: nothing was reserved under this identity.
        AlreadyResolved: it was voided, or settled otherwise.
        NotAPosting: the part is larger than what was reserved.
    """
    pending = _get(session, pending_id)
    if amount is not None and amount > pending.amount:
        raise NotAPosting("no more can be settled than was reserved")
    return _resolve(
        session,
        pending,
        TransferState.POSTED,
        amount=pending.amount if amount is None else amount,
        value_date=value_date,
        at=at,
    )


def void(session: Session, pending_id: UUID, *, value_date: date, at: datetime) -> Transfer:
    """Release a reserved amount without moving anything.

    Raises:
        NoSuchTransfer: nothing was reserved under this identity.
        AlreadyResolved: it was settled.
    """
    pending = _get(session, pending_id)
    return _resolve(
        session,
        pending,
        TransferState.VOIDED,
        amount=pending.amount,
        value_date=value_date,
        at=at,
    )


def resolution_id(pending_id: UUID) -> UUID:
    """Give the identity of the one transfer that settles or voids a pending one."""
    return ids.derived(pending_id, "resolution")


def reverse(
    session: Session, transfer_id: UUID, *, reason: str, value_date: date, at: datetime
) -> Transfer:
    """Answer a posted transfer by its opposite; asked twice, it is answered once.

    Raises:
        NoSuchTransfer: there is no such transfer.
        NotAPosting: it is pending or void, so it moved nothing.
        BelowFloor: an account would fall below its floor.
    """
    original = _get(session, transfer_id)
    if original.state is not TransferState.POSTED:
        raise NotAPosting("only a posted transfer is reversed; a pending one is voided")
    row = transfers.Row(
        id=ids.derived(transfer_id, "reverse"),
        debit_id=original.credit_id,
        credit_id=original.debit_id,
        amount=original.amount,
        state=TransferState.POSTED,
        reason=reason,
        event_ref=original.event_ref,
        value_date=value_date,
        reverses=transfer_id,
    )
    return _write(session, row, lowered=(row.debit_id, row.credit_id), at=at)


def balance(session: Session, account_code: str, *, at: datetime | None = None) -> Money:
    """Add up what was posted to an account by `at`, or so far; positive on its growing side.

    Raises:
        NoSuchAccount: the code is not of the chart.
    """
    kind, _ = accounts.charted(account_code)
    return transfers.moved(session, accounts.identity(account_code), kind, at=at)


def check_books(session: Session, *, loan_ids: Sequence[UUID] | None = None) -> list[str]:
    """Name where the ledger breaks its own rules or disagrees with the payouts; nothing is right.

    With `loan_ids` only what hangs on these loans is looked at.
    """
    return ledger_checks.differences(session, loan_ids=loan_ids)


def _row(posting: Posting, state: TransferState) -> transfers.Row:
    return transfers.Row(
        id=posting.id,
        debit_id=accounts.identity(posting.debit),
        credit_id=accounts.identity(posting.credit),
        amount=posting.amount,
        state=state,
        reason=posting.reason,
        event_ref=posting.event_ref,
        value_date=posting.value_date,
    )


def _lowered(postings: Iterable[Posting]) -> set[UUID]:
    """Name the accounts with a floor that the postings lower."""
    found = set()
    for posting in postings:
        for code, is_debit in ((posting.debit, True), (posting.credit, False)):
            kind, _ = accounts.charted(code)
            if kind.grows_by_debit is not is_debit and accounts.may_be_limited(code):
                found.add(accounts.identity(code))
    return found


def _of_loans(code: str, loan_ids: Sequence[str]) -> list[str]:
    """Give the identity of each loan's account, or of the one they share."""
    if "{loan}" not in code:
        return [accounts.identity(code).hex] * len(loan_ids)
    first, _, last = code.partition("{loan}")
    return accounts.identities_hex(f"{first}{loan_id}{last}" for loan_id in loan_ids)


def _resolve(
    session: Session,
    pending: Transfer,
    state: TransferState,
    *,
    amount: Money,
    value_date: date,
    at: datetime,
) -> Transfer:
    if pending.state is not TransferState.PENDING:
        raise NotAPosting("only a pending transfer is settled or voided")
    row = transfers.Row(
        id=resolution_id(pending.id),
        debit_id=pending.debit_id,
        credit_id=pending.credit_id,
        amount=amount,
        state=state,
        reason=pending.reason,
        event_ref=pending.event_ref,
        value_date=value_date,
        resolves=pending.id,
    )
    try:
        return _write(session, row, lowered=(), at=at)
    except TransferConflict:
        raise AlreadyResolved(f"transfer {pending.id} was resolved before") from None


def _write(
    session: Session, row: transfers.Row, *, lowered: Iterable[UUID], at: datetime
) -> Transfer:
    """Write one row and give it; a new one as it was written, without reading it again."""
    if transfers.write(session, [row], lowered=lowered, at=at):
        made = Transfer()
        # Filled as if it had been loaded: to have each column set was measured to cost as much as
        # the driver takes to send the row.
        vars(made).update({name: getattr(row, name) for name in _FACTS}, posted_at=at)
        return made
    return _get(session, row.id)


def _get(session: Session, transfer_id: UUID) -> Transfer:
    found = session.get(Transfer, transfer_id)
    if found is None:
        raise NoSuchTransfer(f"no transfer {transfer_id}")
    return found
