"""The loops for channels that take files: fill a batch, check its bytes, upload it, ask for it.

As in `sending`, each step is one transaction or one outside call, never both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from disbursement import batches, payouts
from disbursement.batches import DueBatch, FileDiffers, Prepared
from disbursement.channels.channel import (
    BatchAnswer,
    Outcome,
    Receipt,
    TakesBatches,
    Unreadable,
)
from disbursement.claiming import Work
from disbursement.findings import Findings
from disbursement.payouts import Source
from disbursement.sending import SEND_WITHIN, Sender, connect
from kernel import logs
from kernel.db import transaction
from kernel.outbound import Garbled, NoAnswer
from kernel.surroundings import Surroundings

BATCHES_MAX: Final = 50
"""Batches in one run of a job; the next run takes the rest."""
FILL_WITHIN: Final = timedelta(seconds=60)
"""A batch is closed after so long, so that the claims on its rows do not run out."""

log = logs.logger(__name__)

Found = tuple[Work, Findings]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSender:
    """One worker for one channel that takes files."""

    sender: Sender
    name: str
    channel: TakesBatches
    worker: str = field(default_factory=lambda: f"batch-{uuid4().hex[:12]}")

    def gather(self) -> list[Found]:
        """Claim legs and ask their issuers until a file is full or time is up."""
        began = self.sender.clock.now()
        found: list[Found] = []
        while len(found) < self.channel.rows_max:
            if self.sender.clock.now() - began > FILL_WITHIN:
                break
            work = self._take()
            if work is None:
                break
            try:
                found.append((work, self.sender.look(work)))
            except (NoAnswer, Garbled) as silence:
                log.warning("payout.issuer_silent", leg_id=str(work.leg_id), reason=str(silence))
                self._put_off(work.leg_id)
                break
        return found

    def prepare(self, found: Sequence[Found]) -> list[Prepared]:
        """Commit the number of a batch and of its rows.

        When something breaks, the halves are tried apart, so that one leg that cannot be prepared
        stops no other.
        """
        try:
            with transaction() as session:
                prepared = batches.prepare(
                    session,
                    found,
                    worker=self.worker,
                    at=self.sender.clock.now(),
                    first_ask=self.channel.first_ask,
                )
        except Exception:
            log.exception("payout.batch_not_prepared", rows=len(found))
            if len(found) == 1:
                self._give_back(found[0][0].leg_id)
                return []
            middle = len(found) // 2
            return [*self.prepare(found[:middle]), *self.prepare(found[middle:])]
        return [] if prepared is None else [prepared]

    def upload(self, prepared: Prepared) -> BatchAnswer | None:
        """Write the file, read it back from its bytes, and upload it; None when it is too late.

        Raises:
            FileDiffers: the bytes would pay something else than was approved.
        """
        content = self.channel.write(prepared.key, prepared.instructions)
        try:
            rows = self.channel.read_back(content)
        except Unreadable as fault:
            raise FileDiffers(f"the file cannot be read back: {fault}") from None
        batches.require_as_approved(prepared, rows)
        if self.sender.clock.now() - prepared.key.sent_at > SEND_WITHIN:
            return None
        return self.channel.upload(prepared.key, content)

    def record(self, due: DueBatch, answer: BatchAnswer) -> None:
        """Book what an answer says about rows, each by itself, and then the answer."""
        for leg_id, receipt in batches.receipts(answer, due.legs):
            self._record_row(leg_id, receipt)
        with transaction() as session:
            batches.record(session, due.batch_id, answer, at=self.sender.clock.now())

    def take_due(self) -> DueBatch | None:
        """Claim one batch whose result is to be asked for."""
        with transaction() as session:
            return batches.take_due(
                session, worker=self.worker, at=self.sender.clock.now(), only={self.name}
            )

    def stop(self, prepared: Prepared, reason: str) -> None:
        """Give up a batch that was not uploaded; its rows wait for a person."""
        with transaction() as session:
            leg_ids = batches.stop(
                session, prepared.batch_id, reason=reason, at=self.sender.clock.now()
            )
        never_sent = Receipt(outcome=Outcome.REFUSED, text="never uploaded", is_ours=True)
        for leg_id in leg_ids:
            self._record_row(leg_id, never_sent)

    def _take(self) -> Work | None:
        with transaction() as session:
            return payouts.take(
                session, worker=self.worker, at=self.sender.clock.now(), only={self.name}
            )

    def _put_off(self, leg_id: UUID) -> None:
        with transaction() as session:
            payouts.put_off(session, leg_id, worker=self.worker, at=self.sender.clock.now())

    def _give_back(self, leg_id: UUID) -> None:
        with transaction() as session:
            payouts.give_back(session, leg_id, worker=self.worker, at=self.sender.clock.now())

    def _record_row(self, leg_id: UUID, receipt: Receipt) -> None:
        at = self.sender.clock.now()
        with transaction() as session:
            payouts.record(session, leg_id, receipt, source=Source.RESULT, at=at)


def connect_all(surroundings: Surroundings) -> list[BatchSender]:
    """Make a worker for each channel that takes files."""
    return senders(connect(surroundings))


def senders(sender: Sender) -> list[BatchSender]:
    """Make a worker for each of a sender's channels that takes files."""
    return [
        BatchSender(sender=sender, name=name, channel=channel)
        for name, channel in sender.channels.items()
        if isinstance(channel, TakesBatches)
    ]


def send_due(surroundings: Surroundings) -> int:
    """Send every approved leg of the channels that take files, and count the rows uploaded."""
    return sum(_send_all(one) for one in connect_all(surroundings))


def ask_due(surroundings: Surroundings) -> int:
    """Ask for the results of every batch that is due, and count the questions."""
    return sum(_ask_all(one) for one in connect_all(surroundings))


def _send_all(one: BatchSender) -> int:
    rows = 0
    for _ in range(BATCHES_MAX):
        found = one.gather()
        if not found:
            break
        rows += sum(send(one, prepared) for prepared in one.prepare(found))
    return rows


def send(one: BatchSender, prepared: Prepared) -> int:
    """Upload one batch whose number is committed, book the answer, and count its rows."""
    due = DueBatch(
        prepared.batch_id,
        prepared.key,
        prepared.channel,
        {order_no: bound.leg_id for order_no, bound in prepared.bound.items()},
    )
    try:
        answer = one.upload(prepared)
        if answer is None:
            return 0
        one.record(due, answer)
    except FileDiffers as difference:
        log.exception(
            "payout.file_differs", batch_id=str(prepared.batch_id), reason=str(difference)
        )
        one.stop(prepared, str(difference))
        return 0
    except Exception:
        # The number is committed: whatever went wrong here, the batch will be asked for.
        log.exception("payout.batch_not_recorded", batch_id=str(prepared.batch_id))
        return 0
    log.info(
        "payout.batch_sent",
        batch_id=str(prepared.batch_id),
        rows=len(due.legs),
        outcome=answer.outcome,
        code=answer.code,
    )
    return len(due.legs)


def _ask_all(one: BatchSender) -> int:
    asked = 0
    for _ in range(BATCHES_MAX):
        due = one.take_due()
        if due is None:
            break
        asked += 1
        try:
            one.record(due, one.channel.ask(due.key))
        except Exception:
            # Its claim runs out, and it is asked for again.
            log.exception("payout.batch_not_asked", batch_id=str(due.batch_id))
    return asked
