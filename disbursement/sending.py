"""The loops an edge runs: send what is approved, ask what is undecided, check what was cleared.

Each step is one transaction or one outside call, never both, so that a process may die between any
two of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from disbursement import claiming, outcomes, payoffs, payouts, rounds
from disbursement.channels import registry
from disbursement.channels.channel import (
    Instruction,
    Outcome,
    PayoutChannel,
    Receipt,
    TakesBatches,
)
from disbursement.claiming import Work
from disbursement.findings import Findings
from disbursement.issuers import Issuers, NoSuchAccount
from disbursement.payouts import Source
from disbursement.rounds import Step
from kernel import logs
from kernel.clock import Clock
from kernel.db import transaction
from kernel.outbound import Garbled, NoAnswer
from kernel.surroundings import Surroundings

SEND_WITHIN: Final = timedelta(minutes=5)
"""An instruction older than this is not sent: others may ask about it already."""

log = logs.logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """One worker with its ways outside."""

    channels: Mapping[str, PayoutChannel]
    issuers: Issuers
    clock: Clock
    worker: str = field(default_factory=lambda: f"sender-{uuid4().hex[:12]}")

    def take(self) -> Work | None:
        """Claim one approved leg of a channel that takes payments one by one."""
        singly = {k for k, v in self.channels.items() if not isinstance(v, TakesBatches)}
        with transaction() as session:
            return payouts.take(session, worker=self.worker, at=self.clock.now(), only=singly)

    def look(self, work: Work) -> Findings:
        """Ask the issuer about the card.

        Raises:
            NoAnswer: nobody knows.
            Garbled: the answer cannot be read.
        """
        card, name = work.payee.card, work.payee.name
        try:
            check = self.issuers.verify(work.issuer_code, card, name)
            quoted = self.issuers.quote(work.issuer_code, card)
        except NoSuchAccount:
            return Findings(check=None, quoted=None)
        return Findings(check=check, quoted=quoted)

    def prepare(self, work: Work, findings: Findings) -> Instruction | None:
        """Commit the order number, or the reason why nothing is sent.

        Raises:
            ClaimLost: another worker has taken the leg over.
        """
        with transaction() as session:
            return payouts.prepare(session, work, findings, worker=self.worker, at=self.clock.now())

    def read_back(self, work: Work) -> Instruction | None:
        """Give what was prepared although its COMMIT brought no answer; None when it was not."""
        with transaction() as session:
            leg = claiming.submitted(session, work.leg_id, worker=self.worker)
            if leg is None or leg.amount is None:
                return None
            key, payee = outcomes.key_of(leg), work.payee
            return Instruction(key=key, amount=leg.amount, card=payee.card, payee=payee.name)

    def pay(self, work: Work, instruction: Instruction) -> Receipt | None:
        """Send an instruction whose order number is committed; None when it has become too old."""
        if self.clock.now() - instruction.key.txn_time > SEND_WITHIN:
            return None
        return self.channels[work.channel].pay(instruction)

    def record(self, leg_id: UUID, receipt: Receipt, source: Source) -> None:
        """Keep and book an answer."""
        with transaction() as session:
            payouts.record(session, leg_id, receipt, source=source, at=self.clock.now())

    def put_off(self, leg_id: UUID) -> None:
        """Let a leg wait after a partner was silent."""
        with transaction() as session:
            payouts.put_off(session, leg_id, worker=self.worker, at=self.clock.now())

    def give_back(self, leg_id: UUID) -> None:
        """Let a leg wait after a failure of our own."""
        with transaction() as session:
            payouts.give_back(session, leg_id, worker=self.worker, at=self.clock.now())


def connect(surroundings: Surroundings) -> Sender:
    """Make a worker that uses the channel and the issuers of the surroundings."""
    return Sender(
        channels=registry.connect_all(surroundings),
        issuers=Issuers(surroundings.outbound["issuers"]),
        clock=surroundings.clock,
    )


def send_due(surroundings: Surroundings) -> int:
    """Send every approved leg that can be sent now, and count those that were."""
    sender = connect(surroundings)
    return rounds.run(lambda: _send_one(sender), kind="payout")


def query_due(surroundings: Surroundings) -> int:
    """Ask about every leg that is due, and count the questions."""
    sender = connect(surroundings)
    return rounds.run(lambda: _query_one(sender), kind="payout")


def check_due(surroundings: Surroundings) -> int:
    """Ask issuers whether matched payments cleared their cards, and count those that did."""
    sender = connect(surroundings)
    return rounds.run(lambda: _check_one(sender), kind="payout")


def _send_one(sender: Sender) -> Step | None:
    work = sender.take()
    if work is None:
        return None
    try:
        findings = sender.look(work)
        instruction = sender.prepare(work, findings)
    except (NoAnswer, Garbled) as silence:
        log.warning("payout.issuer_silent", leg_id=str(work.leg_id), reason=str(silence))
        sender.put_off(work.leg_id)
        return Step(was_silent=True)
    except Exception:
        # One leg's failure must not stop the others; after too many it is parked.
        log.exception("payout.not_prepared", leg_id=str(work.leg_id))
        return _go_on(sender, work)
    if instruction is None:
        return Step()
    return _pay(sender, work, instruction)


def _go_on(sender: Sender, work: Work) -> Step:
    """Send what stands committed after all, and give back what does not."""
    instruction = sender.read_back(work)
    if instruction is None:
        sender.give_back(work.leg_id)
        return Step()
    log.info("payout.read_back", leg_id=str(work.leg_id))
    return _pay(sender, work, instruction)


def _pay(sender: Sender, work: Work, instruction: Instruction) -> Step:
    try:
        receipt = sender.pay(work, instruction)
        if receipt is None:
            return Step()
        sender.record(work.leg_id, receipt, Source.PAY)
    except Exception:
        # The order number is committed: whatever went wrong here, the outcome will be asked for.
        log.exception("payout.not_recorded", leg_id=str(work.leg_id))
        return Step()
    log.info("payout.sent", leg_id=str(work.leg_id), outcome=receipt.outcome, code=receipt.code)
    return Step(1, was_silent=_is_silent(receipt))


def _query_one(sender: Sender) -> Step | None:
    with transaction() as session:
        due = payouts.take_due(
            session, worker=sender.worker, at=sender.clock.now(), only=sender.channels
        )
    if due is None:
        return None
    leg_id, key, channel = due
    try:
        receipt = sender.channels[channel].query(key)
        sender.record(leg_id, receipt, Source.QUERY)
    except Exception:
        log.exception("payout.not_queried", leg_id=str(leg_id))
        sender.give_back(leg_id)
        return Step()
    log.info("payout.queried", leg_id=str(leg_id), outcome=receipt.outcome, code=receipt.code)
    return Step(1, was_silent=_is_silent(receipt))


def _check_one(sender: Sender) -> Step | None:
    with transaction() as session:
        question = payoffs.take_due(session, worker=sender.worker, at=sender.clock.now())
    if question is None:
        return None
    try:
        letter = sender.issuers.settlement_letter(question.issuer_code, question.card)
    except NoSuchAccount:
        letter = None
    except (NoAnswer, Garbled) as silence:
        log.warning("payout.issuer_silent", leg_id=str(question.leg_id), reason=str(silence))
        sender.put_off(question.leg_id)
        return Step(was_silent=True)
    except Exception:
        log.exception("payout.not_checked", leg_id=str(question.leg_id))
        sender.give_back(question.leg_id)
        return Step()
    with transaction() as session:
        is_clear = payoffs.record(session, question.leg_id, letter, at=sender.clock.now())
    return Step(int(is_clear))


def _is_silent(receipt: Receipt) -> bool:
    return receipt.outcome is Outcome.UNKNOWN and receipt.code is None
