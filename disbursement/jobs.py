"""What disbursement does in the background by itself."""

from __future__ import annotations

from typing import Final

from disbursement import debiting, sending
from kernel.jobs import Job

JOBS: Final[tuple[Job, ...]] = (
    Job(name="payout-send", every_seconds=15, run=sending.send_due),
    Job(name="payout-query", every_seconds=20, run=sending.query_due),
    Job(name="payoff-check", every_seconds=600, run=sending.check_due),
    Job(name="debit-plan", every_seconds=900, run=debiting.plan_due),
    Job(name="debit-send", every_seconds=15, run=debiting.send_due),
    Job(name="debit-query", every_seconds=20, run=debiting.query_due),
)
