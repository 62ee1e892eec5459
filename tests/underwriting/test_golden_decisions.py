"""Decisions of the first policy, as they were made and stored while it was in force."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from underwriting import assessments, decisions, dossier, policy

CASES = json.loads((Path(__file__).parent / "golden" / "decisions_2026_08.json").read_text())


@dataclass(frozen=True)
class Told:
    """A scorer that says what was said then; it never knew a bound."""

    case: dict[str, Any]
    model_id: str = "card_model-0123456789ab"

    def pd(self, figures) -> Decimal:
        return Decimal(self.case["pd"])

    def bound(self, pd) -> Decimal:
        raise AssertionError("the first policy asks for no bound")

    def contributions(self, figures) -> tuple[tuple[str, Decimal], ...]:
        return tuple((name, Decimal(weight)) for name, weight in self.case["contributions"])


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_decision_of_the_first_policy_comes_out_byte_for_byte(case):
    told = dossier.from_bytes(case["dossier"].encode())

    made = assessments.decide(told, policy.load("2026-08"), Told(case)).to_bytes()

    assert made.decode() == case["decision"]
    assert decisions.from_bytes(made).to_bytes() == made


def test_the_first_policy_is_the_file_that_decided_then():
    stored = {json.loads(case["decision"])["policy_sha256"] for case in CASES}

    assert stored == {policy.load("2026-08").sha256}
