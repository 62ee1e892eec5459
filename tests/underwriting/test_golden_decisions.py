"""Decisions of each policy, as they were made and stored while it was in force."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from underwriting import assessments, decisions, dossier, policy

VERSIONS = ("2026-08", "2026-11")
CASES = {
    version: json.loads(
        (
            Path(__file__).parent / "golden" / f"decisions_{version.replace('-', '_')}.json"
        ).read_text(encoding="utf-8")
    )
    for version in VERSIONS
}
ALL = [(version, case) for version in VERSIONS for case in CASES[version]]


@dataclass(frozen=True)
class Told:
    """A scorer that says what was said then; under the first policy it never knew a bound."""

    case: dict[str, Any]
    model_id: str = "card_model-0123456789ab"

    def pd(self, figures) -> Decimal:
        return Decimal(self.case["pd"])

    def bound(self, pd) -> Decimal:
        assert "bound" in self.case, "the first policy asks for no bound"
        return Decimal(self.case["bound"])

    def contributions(self, figures) -> tuple[tuple[str, Decimal], ...]:
        return tuple((name, Decimal(weight)) for name, weight in self.case["contributions"])


@pytest.mark.parametrize(
    ("version", "case"), ALL, ids=[f"{version} {case['name']}" for version, case in ALL]
)
def test_a_decision_comes_out_byte_for_byte(version, case):
    told = dossier.from_bytes(case["dossier"].encode())

    made = assessments.decide(told, policy.load(version), Told(case)).to_bytes()

    assert made.decode() == case["decision"]
    assert decisions.from_bytes(made).to_bytes() == made


@pytest.mark.parametrize("version", VERSIONS)
def test_each_policy_is_the_file_that_decided_then(version):
    stored = {json.loads(case["decision"])["policy_sha256"] for case in CASES[version]}

    assert stored == {policy.load(version).sha256}
