"""Batches: many payouts in one file, with the number of the file on disk before it is uploaded.

The rows keep their own order numbers and their own lives. A file whose upload was not answered is
asked for by its number and never uploaded again under another; what its result leaves open is asked
row by row.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from disbursement import asking, evidence, legs, loans, pacing, payees, payouts
from disbursement.channels.channel import (
    BatchAnswer,
    BatchKey,
    BatchOutcome,
    BatchRow,
    Instruction,
    Outcome,
    Receipt,
)
from disbursement.claiming import Work
from disbursement.findings import Findings
from disbursement.records.channels import BatchStatus, PayoutBatch, PayoutBatchStep
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel import claims, events, ids, moves
from kernel.actors import system
from kernel.claims import ClaimLost
from kernel.money import Money
from kernel.moves import Moves

CLAIM_SECONDS: Final = 120
QUERIES_MAX: Final = 8
"""So many questions without a final answer and the rows are asked about by themselves."""
ROW_PATIENCE: Final = timedelta(hours=2)
"""A row that no batch has told of by then is asked about by itself, whatever became of the batch."""
BY: Final = system("payout-batch")

_NAMESPACE: Final = UUID("f0a5a7fb-8f0e-5a0f-9a64-4b9b3f2c8e71")
_EDGES: Final[Mapping[StrEnum, frozenset[StrEnum]]] = MappingProxyType(
    {
        BatchStatus.SUBMITTED: frozenset(
            {
                BatchStatus.ACCEPTED,
                BatchStatus.UNKNOWN,
                BatchStatus.ANSWERED,
                BatchStatus.REJECTED,
                BatchStatus.BY_ROWS,
                BatchStatus.STOPPED,
            }
        ),
        BatchStatus.ACCEPTED: frozenset(
            {BatchStatus.ANSWERED, BatchStatus.REJECTED, BatchStatus.BY_ROWS}
        ),
        BatchStatus.UNKNOWN: frozenset(
            {
                BatchStatus.ACCEPTED,
                BatchStatus.ANSWERED,
                BatchStatus.REJECTED,
                BatchStatus.BY_ROWS,
            }
        ),
    }
)
MOVES: Final = Moves(step=PayoutBatchStep, start=frozenset({BatchStatus.SUBMITTED}), edges=_EDGES)
_OF_ROWS: Final = {
    BatchStatus.ACCEPTED: LegStatus.ACCEPTED,
    BatchStatus.UNKNOWN: LegStatus.UNKNOWN,
}
"""Where rows that were just sent stand when the batch moves there."""
_OF_OUTCOME: Final = {
    BatchOutcome.ACCEPTED: BatchStatus.ACCEPTED,
    BatchOutcome.UNKNOWN: BatchStatus.UNKNOWN,
    BatchOutcome.ANSWERED: BatchStatus.ANSWERED,
    BatchOutcome.REJECTED: BatchStatus.REJECTED,
    BatchOutcome.ABSENT: BatchStatus.BY_ROWS,
    BatchOutcome.USED_UP: BatchStatus.BY_ROWS,
}


class FileDiffers(Exception):
    """The bytes that were about to be uploaded are not what had been approved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What one row of a file must say, from the database that committed it."""

    leg_id: UUID
    amount: Money
    payee_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A batch whose number is committed, and what is to be in its file."""

    batch_id: UUID
    key: BatchKey
    channel: str
    instructions: tuple[Instruction, ...]
    bound: Mapping[str, Bound]
    """By order number."""


class DueBatch(NamedTuple):
    """A batch that one worker has claimed to ask for its result."""

    batch_id: UUID
    key: BatchKey
    channel: str
    legs: Mapping[str, UUID]
    """The rows' legs by order number."""


def prepare(
    session: Session,
    works: Sequence[tuple[Work, Findings]],
    *,
    worker: str,
    at: datetime,
    first_ask: timedelta,
) -> Prepared | None:
    """Mint the number of a batch and the order numbers of its rows; None when no row is left.

    The caller commits before it uploads. A leg that must not be sent, or that another worker has
    taken over, is left out as `payouts.prepare` leaves it.
    """
    for loan_id in sorted(_loans_of(session, [work.leg_id for work, _ in works])):
        loans.lock(session, loan_id)
    chosen: list[tuple[PayoutLeg, Instruction]] = []
    for work, findings in sorted(works, key=lambda pair: pair[0].leg_id):
        try:
            instruction = payouts.prepare(session, work, findings, worker=worker, at=at)
        except ClaimLost:
            continue
        if instruction is not None:
            chosen.append((session.get_one(PayoutLeg, work.leg_id), instruction))
    if not chosen:
        return None
    batch = _begin(session, chosen, worker=worker, at=at, first_ask=first_ask)
    return Prepared(
        batch_id=batch.id,
        key=_key(batch),
        channel=batch.channel,
        instructions=tuple(instruction for _, instruction in chosen),
        bound={
            instruction.key.order_no: Bound(
                leg_id=leg.id, amount=instruction.amount, payee_digest=leg.payee_digest
            )
            for leg, instruction in chosen
        },
    )


def require_as_approved(prepared: Prepared, rows: Sequence[BatchRow]) -> None:
    """See that a file, read back from its bytes, pays exactly what was approved to whom it was.

    Raises:
        FileDiffers: a row is missing, added or repeated, or its amount, card or name is another.
    """
    if len(rows) != len(prepared.bound) or {r.order_no for r in rows} != prepared.bound.keys():
        raise FileDiffers("the rows of the file are not those of the batch")
    for row in rows:
        bound = prepared.bound[row.order_no]
        if row.amount != bound.amount:
            raise FileDiffers(f"payout {bound.leg_id} has another amount in the file")
        if payees.digest(bound.leg_id, row.card, row.payee) != bound.payee_digest:
            raise FileDiffers(f"payout {bound.leg_id} has another payee in the file")


def take_due(
    session: Session, *, worker: str, at: datetime, only: Container[str] | None = None
) -> DueBatch | None:
    """Claim one batch whose result is to be asked for; None when none is due.

    A batch whose sender died is among them when its claim has run out.
    """
    for channel in _channels(session, at=at):
        if (only is not None and channel not in only) or not pacing.may_leave(
            session, channel, now=at
        ):
            continue
        claimed = claims.claim(
            session,
            PayoutBatch,
            PayoutBatch.channel == channel,
            PayoutBatch.next_query_at <= at,
            worker=worker,
            now=at,
            seconds=CLAIM_SECONDS,
            limit=1,
        )
        if not claimed:
            continue
        batch = claimed[0]
        if not pacing.ask_leave(session, channel, now=at).is_given:
            batch.claimed_by = batch.claimed_until = None
            continue
        if batch.status is BatchStatus.SUBMITTED:
            _move(session, batch, BatchStatus.UNKNOWN, reason="the sender did not report", at=at)
        return DueBatch(batch.id, _key(batch), channel, _legs_of(session, batch))
    return None


def receipts(answer: BatchAnswer, rows: Mapping[str, UUID]) -> list[tuple[UUID, Receipt]]:
    """Give what an answer decides about single rows; the caller books each by `payouts.record`.

    That must be done before the answer itself is recorded: should the process die between, the
    batch is asked about once more.
    """
    if answer.outcome is BatchOutcome.REJECTED:
        refused = Receipt(outcome=Outcome.REFUSED, text=answer.text, code=answer.code, is_ours=True)
        return [(leg_id, refused) for leg_id in rows.values()]
    return [
        (rows[order_no], receipt)
        for order_no, receipt in sorted(answer.rows.items())
        if order_no in rows and receipt.outcome is not Outcome.UNKNOWN
    ]


def record(session: Session, batch_id: UUID, answer: BatchAnswer, *, at: datetime) -> BatchStatus:
    """Keep an answer about a batch, move it, and say when it or its rows are asked about next."""
    batch = _lock(session, batch_id)
    if answer.exchange is not None:
        evidence.keep(session, answer.exchange, channel=batch.channel, at=at)
    pacing.told(session, batch.channel, heard=answer.code is not None, now=at)
    batch.queries += 1
    to = _OF_OUTCOME[answer.outcome]
    if to not in _FINAL and batch.queries > QUERIES_MAX:
        to = BatchStatus.BY_ROWS
    if MOVES.allows(batch.status, to):
        _move(session, batch, to, reason=answer.text, at=at)
    is_over = batch.status in _FINAL
    batch.next_query_at = None if is_over else _next(batch, at=at)
    if is_over:
        _ask_rows(session, batch, at=at)
    claims.release(batch)
    session.flush()
    return batch.status


def stop(session: Session, batch_id: UUID, *, reason: str, at: datetime) -> list[UUID]:
    """Give up a batch of which nothing was uploaded, and name its legs, to be failed by the caller.

    Only the worker that prepared it and did not upload it may call this.
    """
    batch = _lock(session, batch_id)
    _move(session, batch, BatchStatus.STOPPED, reason=reason, at=at)
    batch.next_query_at = None
    claims.release(batch)
    body = {"reason": "file_differs"}
    events.append(session, "payout.stopped", subject=batch.id, at=at, body=body)
    return list(_legs_of(session, batch).values())


_FINAL: Final = frozenset(status for status in BatchStatus if MOVES.is_final(status))


def _begin(
    session: Session,
    chosen: Sequence[tuple[PayoutLeg, Instruction]],
    *,
    worker: str,
    at: datetime,
    first_ask: timedelta,
) -> PayoutBatch:
    batch_id = ids.derived(_NAMESPACE, *sorted(one.key.order_no for _, one in chosen))
    sent_at = chosen[0][1].key.txn_time
    batch = PayoutBatch(
        id=batch_id,
        channel=chosen[0][0].channel,
        batch_no=batch_id.hex,
        sent_at=sent_at,
        rows=len(chosen),
        total=Money.total(one.amount for _, one in chosen),
        status=BatchStatus.SUBMITTED,
        next_query_at=sent_at + first_ask,
        queries=0,
        claimed_by=worker,
        claimed_until=at + timedelta(seconds=CLAIM_SECONDS),
    )
    moves.begin(session, batch, table=MOVES, by=BY, at=at)
    for leg, _ in chosen:
        leg.batch_id = batch.id
        leg.next_query_at = sent_at + ROW_PATIENCE
    session.flush()
    return batch


def _move(
    session: Session, batch: PayoutBatch, to: BatchStatus, *, reason: str, at: datetime
) -> None:
    moves.advance(session, batch, to, table=MOVES, by=BY, at=at, reason=reason)
    if to in _OF_ROWS:
        moves.advance_all(
            session,
            select(PayoutLeg.id).where(PayoutLeg.batch_id == batch.id),
            (LegStatus.SUBMITTED, _OF_ROWS[to]),
            table=legs.MOVES,
            by=BY,
            at=at,
            reason=reason,
        )


def _ask_rows(session: Session, batch: PayoutBatch, *, at: datetime) -> None:
    """Have the rows that are still undecided asked about one by one, from now on."""
    moves.advance_all(
        session,
        select(PayoutLeg.id).where(PayoutLeg.batch_id == batch.id),
        (LegStatus.ACCEPTED, LegStatus.UNKNOWN),
        table=legs.MOVES,
        by=BY,
        at=at,
        reason="left open by its batch",
    )
    session.execute(
        update(PayoutLeg)
        .where(PayoutLeg.batch_id == batch.id, PayoutLeg.status.in_(legs.IN_FLIGHT))
        .values(next_query_at=at, claimed_by=None, claimed_until=None)
        .execution_options(synchronize_session=False)
    )


def _next(batch: PayoutBatch, *, at: datetime) -> datetime:
    earliest = batch.next_query_at or at
    return max(earliest, at + asking.gap(batch.queries)) if batch.queries > 1 else earliest


def _channels(session: Session, *, at: datetime) -> Sequence[str]:
    due = select(PayoutBatch.channel).where(PayoutBatch.next_query_at <= at).distinct()
    return session.scalars(due.order_by(PayoutBatch.channel)).all()


def _loans_of(session: Session, leg_ids: Sequence[UUID]) -> Sequence[UUID]:
    found = select(PayoutLeg.loan_id).where(PayoutLeg.id.in_(leg_ids)).distinct()
    return session.scalars(found).all()


def _legs_of(session: Session, batch: PayoutBatch) -> dict[str, UUID]:
    found = session.execute(
        select(PayoutLeg.order_no, PayoutLeg.id).where(PayoutLeg.batch_id == batch.id)
    )
    return {order_no: leg_id for order_no, leg_id in found if order_no is not None}


def _key(batch: PayoutBatch) -> BatchKey:
    return BatchKey(number=batch.batch_no, sent_at=batch.sent_at)


def _lock(session: Session, batch_id: UUID) -> PayoutBatch:
    return session.scalars(
        select(PayoutBatch)
        .where(PayoutBatch.id == batch_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
