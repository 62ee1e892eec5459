"""Everything that was done to one loan, by whom and when, from every table that keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from disbursement.records.commissions import Commission, CommissionStep
from disbursement.records.credit import (
    AdverseNotice,
    CreditDispute,
    CreditReport,
    CreditReportLine,
)
from disbursement.records.debits import DebitOrder, DebitStep
from disbursement.records.ledger import Account, Transfer
from disbursement.records.letters import LoanLetter
from disbursement.records.life import Amendment, AmendmentStep, LoanEvent
from disbursement.records.loans import Loan, LoanStep
from disbursement.records.payouts import (
    ChannelEvidence,
    PayoutApproval,
    PayoutLeg,
    PayoutStep,
)

BOOKS: Final = "ledger"
"""Stands for the actor where an entry follows from the step beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that was done."""

    at: datetime
    actor: str
    what: str
    """A dotted word, such as ``payout.paid``."""
    detail: Mapping[str, str]
    """Identities, amounts and days; never personal data."""


def of(session: Session, loan: Loan) -> list[Entry]:
    """List everything that was done to a loan, oldest first."""
    found = [entry for source in _SOURCES for entry in source(session, loan)]
    return sorted(found, key=lambda entry: entry.at)


def events_of_books(session: Session, loan_id: UUID) -> list[UUID]:
    """List what transfers of a loan are booked for: itself, its payouts, events and commissions."""
    refs = [loan_id]
    for table in (PayoutLeg, LoanEvent, Commission):
        refs.extend(session.scalars(select(table.id).where(table.loan_id == loan_id)))
    return refs


def _loan_steps(session: Session, loan: Loan) -> Iterator[Entry]:
    rows = session.scalars(select(LoanStep).where(LoanStep.subject_id == loan.id))
    yield from (_step("loan", row, {}) for row in rows)


def _payout_steps(session: Session, loan: Loan) -> Iterator[Entry]:
    rows = session.execute(
        select(PayoutStep, PayoutLeg)
        .join(PayoutLeg, PayoutLeg.id == PayoutStep.subject_id)
        .where(PayoutLeg.loan_id == loan.id)
    )
    for step, leg in rows:
        yield _step("payout", step, {"card": leg.card_masked, "attempt": str(leg.attempt)})


def _approvals(session: Session, loan: Loan) -> Iterator[Entry]:
    rows = session.execute(
        select(PayoutApproval, PayoutLeg)
        .join(PayoutLeg, PayoutLeg.id == PayoutApproval.leg_id)
        .where(PayoutLeg.loan_id == loan.id)
    )
    for given, leg in rows:
        detail = {
            "card": leg.card_masked,
            "ceiling": str(given.ceiling),
            "approval": f"{given.position} of round {given.round}",
        }
        yield Entry(at=given.at, actor=given.actor, what="payout.approval", detail=detail)


def _exchanges(session: Session, loan: Loan) -> Iterator[Entry]:
    orders = select(PayoutLeg.order_no).where(PayoutLeg.loan_id == loan.id)
    debits = select(DebitOrder.order_no).where(DebitOrder.loan_id == loan.id)
    rows = session.scalars(
        select(ChannelEvidence).where(
            or_(ChannelEvidence.order_no.in_(orders), ChannelEvidence.order_no.in_(debits))
        )
    )
    for row in rows:
        detail = {
            "order": row.order_no or "",
            "read_as": row.verdict,
            "genuine": "yes" if row.is_genuine else "no",
        }
        yield Entry(at=row.at, actor=row.channel, what=f"channel.{row.kind}", detail=detail)


def _loan_events(session: Session, loan: Loan) -> Iterator[Entry]:
    rows = session.scalars(select(LoanEvent).where(LoanEvent.loan_id == loan.id))
    for row in rows:
        said = {name: str(value) for name, value in row.body.items() if value is not None}
        detail = {"number": str(row.number), "on": row.on.isoformat(), **said}
        yield Entry(at=row.recorded_at, actor=row.actor, what=f"event.{row.kind}", detail=detail)


def _amendments(session: Session, loan: Loan) -> Iterator[Entry]:
    rows = session.execute(
        select(AmendmentStep, Amendment)
        .join(Amendment, Amendment.id == AmendmentStep.subject_id)
        .where(Amendment.loan_id == loan.id)
    )
    for step, asked in rows:
        yield _step("amendment", step, {"kind": asked.kind.value, "why": asked.reason})


def _debits(session: Session, loan: Loan) -> Iterator[Entry]:
    rows = session.execute(
        select(DebitStep, DebitOrder)
        .join(DebitOrder, DebitOrder.id == DebitStep.subject_id)
        .where(DebitOrder.loan_id == loan.id)
    )
    for step, order in rows:
        detail = {"purpose": order.purpose.value, "requested": str(order.requested)}
        yield _step("debit", step, detail)


def _transfers(session: Session, loan: Loan) -> Iterator[Entry]:
    debit, credit = aliased(Account), aliased(Account)
    rows = session.execute(
        select(Transfer, debit.code.label("debit"), credit.code.label("credit"))
        .join(debit, debit.id == Transfer.debit_id)
        .join(credit, credit.id == Transfer.credit_id)
        .where(Transfer.event_ref.in_(events_of_books(session, loan.id)))
    )
    for transfer, debited, credited in rows:
        detail = {
            "debit": debited,
            "credit": credited,
            "amount": str(transfer.amount),
            "reason": transfer.reason,
            "value_date": transfer.value_date.isoformat(),
        }
        what = f"transfer.{transfer.state}"
        yield Entry(at=transfer.posted_at, actor=BOOKS, what=what, detail=detail)


def _letters(session: Session, loan: Loan) -> Iterator[Entry]:
    rows = session.scalars(select(LoanLetter).where(LoanLetter.loan_id == loan.id))
    for row in rows:
        detail = {"number": row.number, "sha256": row.sha256}
        yield Entry(at=row.issued_at, actor=row.issued_by, what="letter.issued", detail=detail)


def _commissions(session: Session, loan: Loan) -> Iterator[Entry]:
    rows = session.execute(
        select(CommissionStep, Commission)
        .join(Commission, Commission.id == CommissionStep.subject_id)
        .where(Commission.loan_id == loan.id)
    )
    for step, owed in rows:
        yield _step("commission", step, {"agency": owed.agency_code, "fee": str(owed.fee)})


def _reports(session: Session, loan: Loan) -> Iterator[Entry]:
    rows = session.execute(
        select(CreditReport, CreditReportLine)
        .join(CreditReportLine, CreditReportLine.report_id == CreditReport.id)
        .where(CreditReportLine.loan_id == loan.id)
    )
    for report, line in rows:
        detail = {
            "report": str(report.id),
            "as_of": report.as_of.isoformat(),
            "state": line.facts["state"],
            "held": line.hold or "",
        }
        yield Entry(
            at=report.prepared_at,
            actor=report.prepared_by,
            what=f"credit_report.{report.status}",
            detail=detail,
        )


def _notices(session: Session, loan: Loan) -> Iterator[Entry]:
    rows = session.scalars(select(AdverseNotice).where(AdverseNotice.loan_id == loan.id))
    for row in rows:
        detail = {"overdue_since": row.overdue_since.isoformat()}
        yield Entry(at=row.planned_at, actor=BOOKS, what="notice.planned", detail=detail)
        if row.delivered_at is not None:
            yield Entry(at=row.delivered_at, actor=BOOKS, what="notice.delivered", detail=detail)


def _disputes(session: Session, loan: Loan) -> Iterator[Entry]:
    rows = session.scalars(select(CreditDispute).where(CreditDispute.loan_id == loan.id))
    for row in rows:
        said = {"reason": row.reason}
        yield Entry(at=row.opened_at, actor=row.opened_by, what="dispute.opened", detail=said)
        if row.closed_at is not None and row.closed_by is not None:
            answer = {"answer": row.answer or ""}
            what = f"dispute.{row.outcome}"
            yield Entry(at=row.closed_at, actor=row.closed_by, what=what, detail=answer)


_SOURCES: Final[Sequence[Callable[[Session, Loan], Iterator[Entry]]]] = (
    _loan_steps,
    _payout_steps,
    _approvals,
    _exchanges,
    _loan_events,
    _amendments,
    _debits,
    _transfers,
    _letters,
    _commissions,
    _reports,
    _notices,
    _disputes,
)


def _step(subject: str, step: Any, detail: Mapping[str, str]) -> Entry:  # noqa: ANN401 - any step
    said = {"from": step.from_status or "", **detail, "reason": step.reason}
    return Entry(
        at=step.at,
        actor=step.actor,
        what=f"{subject}.{step.to_status}",
        detail={name: value for name, value in said.items() if value},
    )
