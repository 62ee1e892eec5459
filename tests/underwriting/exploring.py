"""A policy that approves some at random, and debtors whom the score alone declines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from tests.underwriting import builders as make
from underwriting import policy
from underwriting.policy import Policy

EVERYBODY = Decimal("0.05")
"""As many as a policy may say."""
DRAWN = 49_999
NOT_DRAWN = 50_000


def rules(*, share: Decimal = EVERYBODY, loss_max_month: str = "10000.00", **changes) -> Policy:
    """Give the newest policy with a budget for approvals at random."""
    plain = policy.load("2026-11")
    budget = replace(
        plain.exploration, share=share, loss_max_month=make.yuan(loss_max_month), **changes
    )
    return replace(plain, exploration=budget)


def risky(application: UUID = make.APPLICATION, **changes):
    """Give a debtor with one small card; with this probability no band holds him."""
    facts = {"application_ref": application, "cards": (make.card(1, "3000.00"),)}
    return make.dossier(**{**facts, **changes})


def too_risky() -> make.Says:
    return make.Says("0.300000", bound="0.340000")


@contextmanager
def in_the_folder(tmp_path: Path, monkeypatch) -> Iterator[Policy]:
    """Let the newest policy be one with a budget, written as a file like any other."""
    text = (policy.FOLDER / "2026-11.toml").read_text(encoding="utf-8")
    text = text.replace('version = "2026-11"', 'version = "2026-12"')
    text = text.replace("in_force = 2026-11-24", "in_force = 2026-11-01")
    text = text.replace('share = "0"', 'share = "0.05"')
    text = text.replace('loss_max_month = "0.00"', 'loss_max_month = "10000.00"')
    (tmp_path / "2026-12.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(policy, "FOLDER", tmp_path)
    policy._all.cache_clear()
    try:
        yield policy.load("2026-12")
    finally:
        policy._all.cache_clear()
