"""What disbursement does in the background by itself."""

from __future__ import annotations

from typing import Final

from disbursement import batch_sending, channel_care, debiting, sending
from kernel.jobs import Job

JOBS: Final[tuple[Job, ...]] = (
    Job(name="payout-send", every_seconds=15, run=sending.send_due),
    Job(name="payout-query", every_seconds=20, run=sending.query_due),
    Job(name="payout-batch-send", every_seconds=60, run=batch_sending.send_due),
    Job(name="payout-batch-ask", every_seconds=60, run=batch_sending.ask_due),
    Job(name="payoff-check", every_seconds=600, run=sending.check_due),
    Job(name="payout-returns", every_seconds=3_600, run=channel_care.pull_returns),
    Job(name="funding-positions", every_seconds=300, run=channel_care.look_at_funds),
    Job(name="channel-keys", every_seconds=86_400, run=channel_care.warn_of_keys),
    Job(name="debit-plan", every_seconds=900, run=debiting.plan_due),
    Job(name="debit-send", every_seconds=15, run=debiting.send_due),
    Job(name="debit-query", every_seconds=20, run=debiting.query_due),
)
