"""Postings that all credit one account, through the ledger and by pgbench with the same SQL."""

from __future__ import annotations

from benchmarks import ledger_cases
from benchmarks.bench import Bench
from benchmarks.table import Row


def measure(bench: Bench) -> list[Row]:
    """Give the postings a second of the ledger over those of pgbench."""
    return ledger_cases.measure(bench, "ledger_hot", is_hot=True)
