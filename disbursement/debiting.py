"""The loops an edge runs for money that comes in: plan what is due, send it, ask what is undecided.

Each step is one transaction or one outside call, never both, so that a process may die between any
two of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from disbursement import debits, due_debits, rounds
from disbursement.channels import unionpay_collection
from disbursement.channels.channel import Outcome, Receipt
from disbursement.channels.collection import CollectionChannel, Debit
from disbursement.debits import Due
from disbursement.payouts import Source
from disbursement.rounds import Step
from kernel import logs
from kernel.clock import Clock
from kernel.db import transaction
from kernel.surroundings import Surroundings

SEND_WITHIN: Final = timedelta(minutes=5)
"""A debit older than this is not sent: others may ask about it already."""
PLAN_MAX: Final = 5_000
"""Loans looked at in one run; the next run takes the rest."""
_FIRST: Final = UUID(int=0)

log = logs.logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """One worker with its way to the channel."""

    channel: CollectionChannel
    clock: Clock
    worker: str = field(default_factory=lambda: f"collector-{uuid4().hex[:12]}")

    def take(self) -> UUID | None:
        """Claim one planned order."""
        with transaction() as session:
            return debits.take(session, worker=self.worker, at=self.clock.now())

    def prepare(self, debit_id: UUID) -> Debit | None:
        """Commit the order number, or the reason why nothing is collected.

        Raises:
            ClaimLost: another worker has taken the order over.
        """
        with transaction() as session:
            return debits.prepare(session, debit_id, worker=self.worker, at=self.clock.now())

    def collect(self, debit: Debit) -> Receipt | None:
        """Send a debit whose order number is committed; None when it has become too old."""
        if self.clock.now() - debit.key.txn_time > SEND_WITHIN:
            return None
        return self.channel.collect(debit)

    def record(self, debit_id: UUID, receipt: Receipt, source: Source) -> None:
        """Keep and book an answer."""
        with transaction() as session:
            debits.record(session, debit_id, receipt, source=source, at=self.clock.now())

    def take_due(self) -> Due | None:
        """Claim one order whose outcome is to be asked for."""
        with transaction() as session:
            return debits.take_due(session, worker=self.worker, at=self.clock.now())

    def give_back(self, debit_id: UUID) -> None:
        """Let an order wait after a failure of our own."""
        with transaction() as session:
            debits.give_back(session, debit_id, worker=self.worker, at=self.clock.now())


def connect(surroundings: Surroundings) -> Collector:
    """Make a worker that uses the collection channel of the surroundings."""
    return Collector(channel=unionpay_collection.connect(surroundings), clock=surroundings.clock)


def plan_due(surroundings: Surroundings) -> int:
    """Plan the collection of what is due by today, and count the orders planned."""
    planned, after = 0, _FIRST
    for _ in range(PLAN_MAX // due_debits.AT_ONCE):
        with transaction() as session:
            found = due_debits.find(session, after=after, at=surroundings.clock.now())
        for due in found:
            planned += _plan_one(surroundings, due)
            after = due.loan_id
        if len(found) < due_debits.AT_ONCE:
            break
    return planned


def send_due(surroundings: Surroundings) -> int:
    """Send every planned order that can be sent now, and count those that were."""
    collector = connect(surroundings)
    return rounds.run(lambda: _send_one(collector), kind="debit")


def query_due(surroundings: Surroundings) -> int:
    """Ask about every order that is due, and count the questions."""
    collector = connect(surroundings)
    return rounds.run(lambda: _query_one(collector), kind="debit")


def _plan_one(surroundings: Surroundings, due: due_debits.DueLoan) -> int:
    try:
        with transaction() as session:
            return int(due_debits.plan(session, due, at=surroundings.clock.now()) is not None)
    except Exception:
        # One loan's failure must not stop the others; the next run tries it again.
        log.exception("debit.not_planned", loan_id=str(due.loan_id))
        return 0


def _send_one(collector: Collector) -> Step | None:
    debit_id = collector.take()
    if debit_id is None:
        return None
    try:
        debit = collector.prepare(debit_id)
    except Exception:
        # One order's failure must not stop the others; after too many it is parked.
        log.exception("debit.not_prepared", debit_id=str(debit_id))
        collector.give_back(debit_id)
        return Step()
    return Step() if debit is None else _collect(collector, debit_id, debit)


def _collect(collector: Collector, debit_id: UUID, debit: Debit) -> Step:
    try:
        receipt = collector.collect(debit)
        if receipt is None:
            return Step()
        collector.record(debit_id, receipt, Source.PAY)
    except Exception:
        # The order number is committed: whatever went wrong here, the outcome will be asked for.
        log.exception("debit.not_recorded", debit_id=str(debit_id))
        return Step()
    log.info("debit.sent", debit_id=str(debit_id), outcome=receipt.outcome, code=receipt.code)
    return Step(1, was_silent=_is_silent(receipt))


def _query_one(collector: Collector) -> Step | None:
    due = collector.take_due()
    if due is None:
        return None
    try:
        receipt = collector.channel.query(due.key)
        collector.record(due.debit_id, receipt, Source.QUERY)
    except Exception:
        log.exception("debit.not_queried", debit_id=str(due.debit_id))
        collector.give_back(due.debit_id)
        return Step()
    log.info("debit.queried", debit_id=str(due.debit_id), outcome=receipt.outcome)
    return Step(1, was_silent=_is_silent(receipt))


def _is_silent(receipt: Receipt) -> bool:
    return receipt.outcome is Outcome.UNKNOWN and receipt.code is None
