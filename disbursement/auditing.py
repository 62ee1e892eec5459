"""Auditing one loan: everything worked out anew and compared, and every step that led there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from disbursement import accounts, approvals, audit_trail, checking, legs, loan_books, loans
from disbursement.audit_trail import Entry
from disbursement.records.commissions import Commission, CommissionStatus
from disbursement.records.debits import DebitOrder, DebitStatus
from disbursement.records.ledger import Transfer, TransferState
from disbursement.records.letters import LoanLetter
from disbursement.records.life import Amendment, AmendmentStatus, EventKind, LoanEvent
from disbursement.records.loans import Instalment, Loan
from disbursement.records.payouts import ChannelEvidence, LegStatus, PayoutApproval, PayoutLeg
from disbursement.records.settlement import MatchedRow
from disbursement.schedule.rows import Row
from kernel import ids, sealing
from kernel.actors import Actor
from kernel.clock import business_day
from kernel.money import ZERO, Money

PAYMENTS: Final = frozenset(
    {EventKind.REPAID, EventKind.PREPAID, EventKind.PAID_OFF, EventKind.RECOVERED}
)
PURPOSE: Final = "audit the loan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was compared."""

    name: str
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an audit of one loan found."""

    loan_id: UUID
    checks: tuple[Check, ...]
    trail: tuple[Entry, ...]

    @property
    def is_good(self) -> bool:
        """Whether nothing differs."""
        return not any(check.differences for check in self.checks)


def audit(session: Session, loan_id: UUID, *, by: Actor, at: datetime) -> Audit:
    """Work a loan out anew from its contract and events, and compare all that is kept of it.

    Letters are opened to see that they are those that were issued, leaving audit rows.

    Raises:
        NoSuchLoan: there is none.
    """
    loan = loans.get(session, loan_id)
    checks = [
        Check(name=name, differences=tuple(compare(session, loan)))
        for name, compare in _CHECKS.items()
    ]
    checks.append(Check(name="letters", differences=tuple(_letters(session, loan, by=by, at=at))))
    trail = audit_trail.of(session, loan)
    return Audit(loan_id=loan.id, checks=tuple(checks), trail=tuple(trail))


def _plan(session: Session, loan: Loan) -> Iterator[str]:
    """Compare the instalments in force with the schedule of contract and events, row by row."""
    if loan.value_date is None:
        return
    life = loan_books.seen(session, loan)
    made = life.read(life.seen_on).schedule.rows
    kept = loans.instalments(session, loan)
    if len(made) != len(kept):
        yield f"{len(kept)} instalments are kept, the schedule has {len(made)}"
    for row, there in zip(made, kept, strict=False):
        if _made(row) != _kept(there):
            yield f"instalment {row.number} is kept as {_kept(there)}, the schedule says {_made(row)}"


def _made(row: Row) -> tuple[str, ...]:
    amounts = (row.principal, row.interest, row.fees, row.balance)
    return (row.due_on.isoformat(), *map(str, amounts))


def _kept(row: Instalment) -> tuple[str, ...]:
    amounts = (row.principal, row.interest, row.fees, row.balance)
    return (row.due_on.isoformat(), *map(str, amounts))


def _books(session: Session, loan: Loan) -> Iterator[str]:
    yield from checking.check_books(session, loan_ids=[loan.id])


def _payouts(session: Session, loan: Loan) -> Iterator[str]:
    """See that the principal is what is with the issuers, each cent of it by a known exchange."""
    of_loan = legs.of_loan(session, loan.id)
    paid = Money.total(leg.amount for leg in of_loan if leg.status in legs.LIVE and leg.amount)
    if loan.value_date is not None and paid != loan.principal:
        yield f"{paid} is with the issuers, the loan has {loan.principal}"
    for leg in of_loan:
        if leg.amount is not None and leg.amount > leg.ceiling:
            yield f"payout {leg.id} sent {leg.amount}, signed for was {leg.ceiling}"
        if leg.status in legs.LIVE | {LegStatus.RETURNED} and not _is_evident(session, leg):
            yield f"payout {leg.id} is {leg.status} by no exchange and no file of the channel"


def _is_evident(session: Session, leg: PayoutLeg) -> bool:
    exchanged = session.scalar(
        select(func.count())
        .select_from(ChannelEvidence)
        .where(ChannelEvidence.order_no == leg.order_no, ChannelEvidence.is_genuine)
    )
    matched = session.scalar(
        select(func.count()).select_from(MatchedRow).where(MatchedRow.leg_id == leg.id)
    )
    return bool(exchanged or matched)


def _approved(session: Session, loan: Loan) -> Iterator[str]:
    """See that each payout was sent by enough people, all for this payee and this ceiling."""
    for leg in legs.of_loan(session, loan.id):
        if leg.order_no is None or leg.txn_time is None:
            continue
        given = session.scalars(
            select(PayoutApproval).where(
                PayoutApproval.leg_id == leg.id,
                PayoutApproval.round == leg.approval_round,
                PayoutApproval.payee_digest == leg.payee_digest,
                PayoutApproval.ceiling == leg.ceiling,
                PayoutApproval.at <= leg.txn_time,
            )
        ).all()
        people = {_person(approval.actor) for approval in given}
        needed = approvals.policy(leg.ceiling, on=business_day(leg.txn_time)).approvals
        if len(people) < needed:
            yield f"payout {leg.id} was sent with {len(people)} of {needed} approvals"


def _payments(session: Session, loan: Loan) -> Iterator[str]:
    """See that each payment stands in the ledger in full, and each collection on the loan."""
    events = session.scalars(select(LoanEvent).where(LoanEvent.loan_id == loan.id)).all()
    by_id = {str(event.id): event for event in events}
    for event in events:
        if event.kind in PAYMENTS:
            yield from _booked(session, event, event.body["source"], is_back=False, of=event)
        elif event.kind is EventKind.REVERSED:
            undone = by_id[event.body["event_id"]]
            if undone.kind in PAYMENTS:
                yield from _booked(session, event, undone.body["source"], is_back=True, of=undone)
    undone_ids = {e.body["event_id"] for e in events if e.kind is EventKind.REVERSED}
    yield from _collections(session, loan, by_id, undone_ids)


def _booked(
    session: Session, event: LoanEvent, source: str, *, is_back: bool, of: LoanEvent
) -> Iterator[str]:
    side = Transfer.credit_id if is_back else Transfer.debit_id
    moved = session.scalar(
        select(func.sum(Transfer.amount)).where(
            Transfer.event_ref == event.id,
            Transfer.state == TransferState.POSTED,
            side == accounts.identity(source),
        )
    )
    amount = Money.yuan(of.body["amount"])
    if (moved or ZERO) != amount:
        yield f"event {event.number} moved {moved or ZERO} at {source}, it is about {amount}"


def _collections(
    session: Session, loan: Loan, events: dict[str, LoanEvent], undone: set[str]
) -> Iterator[str]:
    for order in session.scalars(select(DebitOrder).where(DebitOrder.loan_id == loan.id)):
        event = events.get(str(order.id))
        if order.status is DebitStatus.PAID and not order.in_suspense and event is None:
            yield f"collection {order.id} is paid and was not booked on the loan"
        if (
            order.status is DebitStatus.RETURNED
            and event is not None
            and str(event.id) not in undone
        ):
            yield f"collection {order.id} came back and was not taken back on the loan"


def _amendments(session: Session, loan: Loan) -> Iterator[str]:
    """See that whatever was given up was asked for by one person and confirmed by another."""
    asked = session.scalars(select(Amendment).where(Amendment.loan_id == loan.id)).all()
    for one in asked:
        event = session.get(LoanEvent, one.id)
        if (one.status is AmendmentStatus.CONFIRMED) is not (event is not None):
            yield f"request {one.id} is {one.status}, its event says otherwise"
        if event is not None and _person(event.actor) == _person(one.requested_by):
            yield f"request {one.id} was confirmed by whoever asked for it"


def _commissions(session: Session, loan: Loan) -> Iterator[str]:
    """See that each fee is owed once, and taken back where it ended."""
    for owed in session.scalars(select(Commission).where(Commission.loan_id == loan.id)):
        earned = ids.derived(owed.id, "earned")
        posted = session.get(Transfer, earned)
        if posted is None or posted.amount != owed.fee:
            yield f"commission {owed.id} is not owed in the ledger"
        back = session.get(Transfer, ids.derived(earned, "reverse"))
        if (owed.status is CommissionStatus.EARNED) is (back is not None):
            yield f"commission {owed.id} is {owed.status}, the ledger says otherwise"


def _letters(session: Session, loan: Loan, *, by: Actor, at: datetime) -> Iterator[str]:
    """See that each letter's bytes are those that were issued."""
    for letter in session.scalars(select(LoanLetter).where(LoanLetter.loan_id == loan.id)):
        paper = sealing.reveal(
            session, letter.pdf, subject=letter.id, purpose=PURPOSE, by=by, at=at
        )
        if hashlib.sha256(paper.pdf).hexdigest() != letter.sha256:
            yield f"letter {letter.number} is not the one that was issued"


def _person(actor: str) -> str:
    """Give the person behind an actor, whatever role he acted in."""
    return actor.partition(":")[2]


_CHECKS: Final[dict[str, Callable[[Session, Loan], Iterator[str] | Sequence[str]]]] = {
    "plan": _plan,
    "books": _books,
    "payouts": _payouts,
    "approvals": _approved,
    "payments": _payments,
    "amendments": _amendments,
    "commissions": _commissions,
}
