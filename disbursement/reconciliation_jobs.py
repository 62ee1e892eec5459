"""What reconciliation does in the background by itself."""

from __future__ import annotations

from typing import Final

from disbursement import fetching
from kernel.jobs import Job

JOBS: Final[tuple[Job, ...]] = (
    Job(name="reconcile-day", every_seconds=600, run=fetching.reconcile_due),
)
