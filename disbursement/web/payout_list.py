"""Payouts as the console reads them: the queue with its filters, and one payout whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, false, func, or_, select, tuple_
from sqlalchemy.orm import Session

from disbursement import approvals, legs, loans, payouts
from disbursement.records.breaks import Break
from disbursement.records.channels import PayoutBatch
from disbursement.records.ledger import Transfer
from disbursement.records.loans import Loan
from disbursement.records.payouts import (
    ChannelEvidence,
    LegStatus,
    PayoutApproval,
    PayoutLeg,
    PayoutStep,
)
from disbursement.web.words import WORDS
from kernel import moves
from kernel.actors import Actor, Role
from kernel.clock import business_day
from kernel.events import Event
from kernel.money import Money
from kernel.web.around import say
from kernel.web.lists import Part, Place, cut

EVIDENCE_MAX: Final = 50
"""Exchanges shown of one payout, the latest first."""


class Queue(StrEnum):
    """The piles of payouts that staff look at."""

    TO_APPROVE = "to_approve"
    IN_FLIGHT = "in_flight"
    NEEDS_A_PERSON = "needs_a_person"
    ALL = "all"


QUEUE_WORDS: Final = {
    Queue.TO_APPROVE: ("待审批", "To approve"),
    Queue.IN_FLIGHT: ("在途与未知", "In flight"),
    Queue.NEEDS_A_PERSON: ("需人工处理", "Need a person"),
    Queue.ALL: ("全部", "All"),
}

_given: Final = (
    select(func.count())
    .where(PayoutApproval.leg_id == PayoutLeg.id, PayoutApproval.round == PayoutLeg.approval_round)
    .scalar_subquery()
)
_sum: Final = func.coalesce(PayoutLeg.amount, PayoutLeg.ceiling)
_IS_IN: Final[Mapping[Queue, Sequence[ColumnElement[bool]]]] = {
    Queue.TO_APPROVE: (PayoutLeg.status == LegStatus.PLANNED, PayoutLeg.parked.is_(False)),
    Queue.IN_FLIGHT: (PayoutLeg.status.in_([LegStatus.APPROVED, *legs.IN_FLIGHT]),),
    Queue.NEEDS_A_PERSON: (
        or_(
            PayoutLeg.parked,
            PayoutLeg.contradicted_at.is_not(None),
            PayoutLeg.status == LegStatus.REQUOTE_NEEDED,
        ),
    ),
    Queue.ALL: (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which payouts a list is to show."""

    queue: Queue = Queue.TO_APPROVE
    status: LegStatus | None = None
    issuer: str | None = None
    least: Money | None = None
    most: Money | None = None
    approvals: int | None = None
    """How many were given so far."""

    @property
    def is_oldest_first(self) -> bool:
        """Whether those that have waited longest come first."""
        return self.queue is not Queue.ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRow:
    """A payout as the queue shows it."""

    id: UUID
    loan_id: UUID
    placed_at: datetime
    issuer_code: str
    card_masked: str
    status: LegStatus
    amount: Money | None
    """What was sent; None before."""
    ceiling: Money
    approvals_given: int
    approvals_needed: int
    is_parked: bool
    is_contradicted: bool
    order_no: str | None
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutWhole:
    """One payout with everything that happened to it."""

    leg: PayoutLeg
    loan: Loan
    needed: int
    given: Sequence[PayoutApproval]
    steps: Sequence[PayoutStep]
    evidence: Sequence[Any]
    transfers: Sequence[Transfer]
    breaks: Sequence[Break]
    stopped_because: str | None
    predecessor_id: UUID | None
    successor_id: UUID | None

    @property
    def waits_for_approval(self) -> bool:
        """Whether approvals can be given."""
        return self.leg.status in {LegStatus.PLANNED, LegStatus.REQUOTE_NEEDED}

    @property
    def is_unsent(self) -> bool:
        """Whether nothing of it was sent, so that it can be called off."""
        unsent = {LegStatus.PLANNED, LegStatus.APPROVED, LegStatus.REQUOTE_NEEDED}
        return self.leg.status in unsent

    @property
    def can_be_held(self) -> bool:
        """Whether it can be kept from being sent."""
        return self.is_unsent and not self.leg.parked

    @property
    def can_be_succeeded(self) -> bool:
        """Whether a new payment may follow it."""
        ended = self.leg.status in {LegStatus.FAILED, LegStatus.RETURNED}
        return ended and self.successor_id is None

    def why_not_by(self, actor: Actor) -> tuple[str, str] | None:
        """Say why a person may not give the next approval; None when he may."""
        if any(one.actor.partition(":")[2] == actor.id for one in self.given):
            return (
                "您已审批该笔付款，须由另一位复核人员审批。",
                "You approved this payout; another checker must give the next approval.",
            )
        if self.given and actor.role is not Role.FINANCE_CHECKER:
            return (
                "第二次审批须由财务复核人员作出。",
                "The second approval is a finance checker's.",
            )
        return None


def listed(
    session: Session, wanted: Wanted, *, after: Place | None, limit: int, on: date
) -> Part[PayoutRow]:
    """List payouts of a queue, at most `limit` after a place."""
    query = _narrowed(_columns(), wanted)
    order = (Loan.placed_at, PayoutLeg.id)
    if after is not None:
        here, there = tuple_(*order), tuple_(after.at, after.id)
        query = query.where(here > there if wanted.is_oldest_first else here < there)
    if not wanted.is_oldest_first:
        query = query.order_by(*(one.desc() for one in order))
    else:
        query = query.order_by(*order)
    found = [_row(row, on=on) for row in session.execute(query.limit(limit + 1))]
    return cut(found, limit, lambda row: Place(row.placed_at, row.id))


def counts(session: Session) -> dict[Queue, int]:
    """Count the piles, but for the one that holds all."""
    found = session.execute(
        select(
            *(
                select(func.count()).select_from(PayoutLeg).where(*_IS_IN[queue]).scalar_subquery()
                for queue in Queue
                if queue is not Queue.ALL
            )
        )
    ).one()
    return dict(zip((queue for queue in Queue if queue is not Queue.ALL), found, strict=True))


def whole(session: Session, leg_id: UUID, *, at: datetime) -> PayoutWhole:
    """Read one payout.

    Raises:
        NoSuchLeg: there is none.
    """
    leg = session.get(PayoutLeg, leg_id)
    if leg is None:
        raise legs.NoSuchLeg(f"no payout {leg_id}")
    given = session.scalars(
        select(PayoutApproval)
        .where(PayoutApproval.leg_id == leg.id, PayoutApproval.round == leg.approval_round)
        .order_by(PayoutApproval.position)
    ).all()
    return PayoutWhole(
        leg=leg,
        loan=loans.get(session, leg.loan_id),
        needed=approvals.policy(leg.ceiling, on=business_day(at)).approvals,
        given=given,
        steps=moves.history(session, leg, table=legs.MOVES),
        evidence=_evidence(session, leg),
        transfers=session.scalars(
            select(Transfer)
            .where(Transfer.event_ref == leg.id)
            .order_by(Transfer.posted_at, Transfer.id)
            .limit(EVIDENCE_MAX)
        ).all(),
        breaks=session.scalars(
            select(Break)
            .where(Break.leg_id == leg.id)
            .order_by(Break.opened_at)
            .limit(EVIDENCE_MAX)
        ).all(),
        stopped_because=_stopped_because(session, leg),
        predecessor_id=leg.predecessor_id,
        successor_id=session.scalar(select(PayoutLeg.id).where(PayoutLeg.predecessor_id == leg.id)),
    )


def state_options() -> list[tuple[str, str]]:
    """List the statuses for a pick list."""
    return [("", say("全部状态", "Any state"))] + [
        (status.value, say(*WORDS[LegStatus][status])) for status in LegStatus
    ]


def _columns() -> Select[Any]:
    return select(
        PayoutLeg.id,
        PayoutLeg.loan_id,
        Loan.placed_at,
        PayoutLeg.issuer_code,
        PayoutLeg.card_masked,
        PayoutLeg.status,
        PayoutLeg.amount,
        PayoutLeg.ceiling,
        _given.label("given"),
        PayoutLeg.parked,
        PayoutLeg.contradicted_at,
        PayoutLeg.order_no,
        PayoutLeg.attempt,
    ).join(Loan, Loan.id == PayoutLeg.loan_id)


def _narrowed(query: Select[Any], wanted: Wanted) -> Select[Any]:
    query = query.where(*_IS_IN[wanted.queue])
    if wanted.status is not None:
        query = query.where(PayoutLeg.status == wanted.status)
    if wanted.issuer is not None:
        query = query.where(PayoutLeg.issuer_code == wanted.issuer)
    if wanted.least is not None:
        query = query.where(_sum >= wanted.least)
    if wanted.most is not None:
        query = query.where(_sum <= wanted.most)
    if wanted.approvals is not None:
        query = query.where(_given == wanted.approvals)
    if wanted.least is not None and wanted.most is not None and wanted.least > wanted.most:
        query = query.where(false())
    return query


def _row(row: Any, *, on: date) -> PayoutRow:  # noqa: ANN401 - a row of our own query
    return PayoutRow(
        id=row.id,
        loan_id=row.loan_id,
        placed_at=row.placed_at,
        issuer_code=row.issuer_code,
        card_masked=row.card_masked,
        status=row.status,
        amount=row.amount,
        ceiling=row.ceiling,
        approvals_given=row.given,
        approvals_needed=approvals.policy(row.ceiling, on=on).approvals,
        is_parked=row.parked,
        is_contradicted=row.contradicted_at is not None,
        order_no=row.order_no,
        attempt=row.attempt,
    )


def _evidence(session: Session, leg: PayoutLeg) -> Sequence[Any]:
    if leg.order_no is None:
        return ()
    batch_no = (
        None
        if leg.batch_id is None
        else session.scalar(select(PayoutBatch.batch_no).where(PayoutBatch.id == leg.batch_id))
    )
    return session.execute(
        select(
            ChannelEvidence.at,
            ChannelEvidence.kind,
            ChannelEvidence.is_genuine,
            ChannelEvidence.verdict,
            ChannelEvidence.reply_bytes,
        )
        .where(ChannelEvidence.order_no.in_([leg.order_no, batch_no]))
        .order_by(ChannelEvidence.at.desc(), ChannelEvidence.id.desc())
        .limit(EVIDENCE_MAX)
    ).all()


def _stopped_because(session: Session, leg: PayoutLeg) -> str | None:
    """Tell why a parked payout was stopped; one that failed too often has no word of its own."""
    if not leg.parked:
        return None
    body = session.scalar(
        select(Event.body)
        .where(Event.subject == leg.id, Event.kind == "payout.stopped")
        .order_by(Event.id.desc())
        .limit(1)
    )
    said = None if body is None else str(body.get("reason", ""))
    return None if said == payouts.TOO_OFTEN else said
