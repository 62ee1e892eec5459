"""Transfers of debtors: matched by their exact reference, else put aside until two persons agree.

Nothing is guessed: a transfer whose reference was never given out stands on the suspense account,
with a break of its own, until one person says whose it is and another agrees.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import (
    accounts,
    breaks,
    ledger,
    loans,
    repayment_references,
    servicing,
)
from disbursement.ledger import Posting
from disbursement.matching.kinds import BreakKind, Difference
from disbursement.records.breaks import Break
from disbursement.records.debits import (
    IncomingTransfer,
    IncomingTransferStep,
    TransferStatus,
)
from disbursement.records.funders import Funder
from kernel import events, ids, moves
from kernel.actors import Actor, Role
from kernel.money import Money
from kernel.moves import MoveRefused, Moves
from kernel.refusals import Refused

LISTED_MAX: Final = 500

_NAMESPACE: Final = UUID("c7a9e1d4-2b60-5f3f-9d0e-8e1c5b7a6f21")
_OPEN: Final = frozenset({TransferStatus.SUSPENSE, TransferStatus.PROPOSED})
_EDGES: Final[Mapping[StrEnum, frozenset[StrEnum]]] = MappingProxyType(
    {
        TransferStatus.SUSPENSE: frozenset({TransferStatus.PROPOSED}),
        TransferStatus.PROPOSED: frozenset({TransferStatus.ASSIGNED, TransferStatus.SUSPENSE}),
    }
)
MOVES: Final = Moves(
    step=IncomingTransferStep,
    start=frozenset({TransferStatus.MATCHED, TransferStatus.SUSPENSE}),
    edges=_EDGES,
)


class NoSuchTransferIn(Refused):
    """There is no incoming transfer of this identity."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_incoming_transfer"
    title = "There is no such incoming transfer"
    title_zh = "来账不存在"


class Credit(NamedTuple):
    """One credit line of a statement that neither channel nor funder explains."""

    line_id: int
    reference: str
    amount: Money


class Left(NamedTuple):
    """A transfer that a person must look at, and what he is told about it."""

    transfer_id: UUID | None
    """None when it could not be booked at all."""
    difference: Difference


def receive(
    session: Session,
    *,
    account: str,
    day: date,
    credits: Sequence[Credit],  # noqa: A002 - what a bank calls them
    by: Actor,
    at: datetime,
) -> tuple[Left, ...]:
    """Book what was transferred to an account on a day and give what is nobody's yet.

    The same lines again are those that were booked, whatever statement shows them; one that was
    booked and that the statement which counts now does not show is named as well.
    """
    seen: Counter[tuple[str, Money]] = Counter()
    shown: set[UUID] = set()
    unbooked: list[Left] = []
    for credit in credits:
        seen[credit.reference, credit.amount] += 1
        occurrence = seen[credit.reference, credit.amount]
        known = session.get(IncomingTransfer, _identity(account, day, credit, occurrence))
        if known is None:
            known = _keep(session, account, day, credit, occurrence=occurrence, by=by, at=at)
        if known is None:
            unbooked.append(Left(None, _nobodys(credit)))
        else:
            shown.add(known.id)
    booked = session.scalars(
        select(IncomingTransfer)
        .where(IncomingTransfer.account == account, IncomingTransfer.day == day)
        .order_by(IncomingTransfer.id)
    ).all()
    return (*unbooked, *_left(booked, shown))


def propose(
    session: Session, transfer_id: UUID, *, loan_id: UUID, by: Actor, at: datetime
) -> IncomingTransfer:
    """Say whose a transfer is; a second proposal replaces the first.

    Raises:
        NotYours: the person is not of finance.
        NoSuchTransferIn: there is no such transfer.
        NoSuchLoan: there is no such loan.
        MoveRefused: it is booked already.
    """
    breaks.require_role(by, breaks.FINANCE)
    loan = loans.get(session, loan_id)
    transfer = lock(session, transfer_id)
    if transfer.status is TransferStatus.PROPOSED:
        _to(session, transfer, TransferStatus.SUSPENSE, reason="proposed anew", by=by, at=at)
    if transfer.status is not TransferStatus.SUSPENSE:
        raise MoveRefused("transfer", transfer.status, TransferStatus.PROPOSED)
    transfer.loan_id, transfer.proposed_by = loan.id, by.id
    session.flush()
    _to(session, transfer, TransferStatus.PROPOSED, reason=f"loan {loan.id}", by=by, at=at)
    return transfer


def consent(session: Session, transfer_id: UUID, *, by: Actor, at: datetime) -> IncomingTransfer:
    """Agree whose a transfer is, and book it on that loan for the day on which it came in.

    Raises:
        NotYours: the person is no finance checker.
        NoSuchTransferIn: there is no such transfer.
        MoveRefused: nobody proposed anything.
        SamePerson: the person proposed it himself, in whatever role.
        Refused: the loan cannot take it.
    """
    breaks.require_role(by, {Role.FINANCE_CHECKER})
    transfer = lock(session, transfer_id)
    if transfer.status is not TransferStatus.PROPOSED or transfer.loan_id is None:
        raise MoveRefused("transfer", transfer.status, TransferStatus.ASSIGNED)
    if transfer.proposed_by == by.id:
        raise breaks.SamePerson("whoever says whose a transfer is does not agree to it as well")
    transfer.consented_by = by.id
    session.flush()
    _to(session, transfer, TransferStatus.ASSIGNED, reason="agreed", by=by, at=at)
    source = accounts.suspense(transfer.funder_code)
    _repay(session, transfer, transfer.loan_id, source=source, by=by, at=at)
    _cure(session, transfer, by=by, at=at)
    return transfer


def turn_down(session: Session, transfer_id: UUID, *, by: Actor, at: datetime) -> IncomingTransfer:
    """Disagree whose a transfer is: it is nobody's again.

    Raises:
        NotYours: the person is not of finance.
        NoSuchTransferIn: there is no such transfer.
        MoveRefused: nobody proposed anything.
    """
    breaks.require_role(by, breaks.FINANCE)
    transfer = lock(session, transfer_id)
    if transfer.status is not TransferStatus.PROPOSED:
        raise MoveRefused("transfer", transfer.status, TransferStatus.SUSPENSE)
    _to(session, transfer, TransferStatus.SUSPENSE, reason="turned down", by=by, at=at)
    transfer.loan_id = transfer.proposed_by = None
    session.flush()
    return transfer


def waiting(session: Session, *, limit: int = LISTED_MAX) -> Sequence[IncomingTransfer]:
    """List the transfers that are nobody's yet, the oldest first."""
    return session.scalars(
        select(IncomingTransfer)
        .where(IncomingTransfer.status.in_(_OPEN))
        .order_by(IncomingTransfer.day, IncomingTransfer.id)
        .limit(min(limit, LISTED_MAX))
    ).all()


def of_loan(session: Session, loan_id: UUID) -> Sequence[IncomingTransfer]:
    """List the transfers that were booked on a loan, the oldest first."""
    return session.scalars(
        select(IncomingTransfer)
        .where(
            IncomingTransfer.loan_id == loan_id,
            IncomingTransfer.status.in_({TransferStatus.MATCHED, TransferStatus.ASSIGNED}),
        )
        .order_by(IncomingTransfer.day, IncomingTransfer.id)
        .limit(LISTED_MAX)
    ).all()


def lock(session: Session, transfer_id: UUID) -> IncomingTransfer:
    """Lock a transfer and read it as it is now.

    Raises:
        NoSuchTransferIn: there is no such transfer.
    """
    found = session.get(IncomingTransfer, transfer_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NoSuchTransferIn(f"no incoming transfer {transfer_id}")
    return found


def _identity(account: str, day: date, credit: Credit, occurrence: int) -> UUID:
    return ids.derived(
        _NAMESPACE, account, day.isoformat(), credit.reference, credit.amount.fen, occurrence
    )


def _keep(
    session: Session,
    account: str,
    day: date,
    credit: Credit,
    *,
    occurrence: int,
    by: Actor,
    at: datetime,
) -> IncomingTransfer | None:
    """Keep a transfer and book it; None when nobody can say whose account it came in on."""
    loan_id = repayment_references.find(session, credit.reference.strip())
    funder = _funder_of(session, loan_id)
    if funder is None:
        return None
    transfer = IncomingTransfer(
        id=_identity(account, day, credit, occurrence),
        account=account,
        day=day,
        reference=credit.reference,
        amount=credit.amount,
        occurrence=occurrence,
        line_id=credit.line_id,
        funder_code=funder.code,
        status=TransferStatus.SUSPENSE,
        received_at=at,
    )
    if loan_id is not None and _match(session, transfer, loan_id, by=by, at=at):
        return transfer
    moves.begin(session, transfer, table=MOVES, by=by, at=at)
    suspense = accounts.suspense(funder.code)
    accounts.open_all(session, [suspense], at=at)
    ledger.post(
        session,
        Posting(
            id=ids.derived(transfer.id, "suspense"),
            debit=accounts.funding_bank(funder.code),
            credit=suspense,
            amount=transfer.amount,
            reason="transfer_in_suspense",
            event_ref=transfer.id,
            value_date=day,
        ),
        at=at,
    )
    _tell(session, transfer, "transfer.in_suspense", at=at)
    return transfer


def _match(
    session: Session, transfer: IncomingTransfer, loan_id: UUID, *, by: Actor, at: datetime
) -> bool:
    """Book a transfer on the loan that its reference names; tell whether the loan could take it."""
    transfer.status, transfer.loan_id = TransferStatus.MATCHED, loan_id
    try:
        with session.begin_nested():
            moves.begin(session, transfer, table=MOVES, by=by, at=at)
            source = accounts.funding_bank(transfer.funder_code)
            _repay(session, transfer, loan_id, source=source, by=by, at=at)
    except Refused:
        transfer.status, transfer.loan_id = TransferStatus.SUSPENSE, None
        return False
    return True


def _repay(
    session: Session,
    transfer: IncomingTransfer,
    loan_id: UUID,
    *,
    source: str,
    by: Actor,
    at: datetime,
) -> None:
    servicing.repay(
        session,
        loan_id,
        payment_id=transfer.id,
        amount=transfer.amount,
        on=transfer.day,
        source=source,
        by=by,
        at=at,
    )
    _tell(session, transfer, "transfer.booked", at=at)


def _funder_of(session: Session, loan_id: UUID | None) -> Funder | None:
    """Tell whose account a transfer came in on: the loan's lender, or the only one there is."""
    if loan_id is not None:
        return session.get_one(Funder, loans.get(session, loan_id).funder_id)
    funders = session.scalars(select(Funder).limit(2)).all()
    return funders[0] if len(funders) == 1 else None


def _left(booked: Sequence[IncomingTransfer], shown: set[UUID]) -> Iterator[Left]:
    for transfer in booked:
        if transfer.id not in shown:
            what = "booked, and the statement does not show it"
            yield Left(transfer.id, _difference(transfer, what, ours=transfer.amount))
        elif transfer.status in _OPEN:
            yield Left(transfer.id, _unassigned(transfer))


def _nobodys(credit: Credit) -> Difference:
    return Difference(
        kind=BreakKind.BANK_ONLY,
        subject=f"line {credit.line_id}",
        detail="transferred by somebody, and several lenders use the account",
        line=credit.line_id,
        theirs=credit.amount,
    )


def _unassigned(transfer: IncomingTransfer) -> Difference:
    return _difference(transfer, "transferred by somebody, for no loan that its reference names")


def _difference(
    transfer: IncomingTransfer, detail: str, *, ours: Money | None = None
) -> Difference:
    # What the payer wrote may hold his name: it stays with the transfer.
    return Difference(
        kind=BreakKind.TRANSFER,
        subject=f"transfer {transfer.id}",
        detail=detail,
        line=transfer.line_id,
        ours=ours,
        theirs=None if ours is not None else transfer.amount,
    )


def _cure(session: Session, transfer: IncomingTransfer, *, by: Actor, at: datetime) -> None:
    found = session.scalars(
        select(Break).where(Break.transfer_id == transfer.id, Break.status.in_(breaks.LIVE))
    ).all()
    for one in found:
        breaks.cure(session, one, reason="assigned to a loan by two persons", by=by, at=at)


def _to(
    session: Session,
    transfer: IncomingTransfer,
    status: TransferStatus,
    *,
    reason: str,
    by: Actor,
    at: datetime,
) -> None:
    moves.advance(session, transfer, status, table=MOVES, by=by, at=at, reason=reason)


def _tell(session: Session, transfer: IncomingTransfer, kind: str, *, at: datetime) -> None:
    body = {"day": transfer.day.isoformat(), "amount": str(transfer.amount)}
    if transfer.loan_id is not None:
        body["loan_id"] = str(transfer.loan_id)
    events.append(session, kind, subject=transfer.id, at=at, body=body)
