"""What a newer assessment turns round of what earlier ones of the same application found. Pure.

Sources change their answers, rules on the last days forget, policies and models follow each other.
So whoever asks often enough may meet the answer that he wants; what he meets is no offer and no
decline by itself then, but goes before two officers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from underwriting.decisions import Decision, Outcome


class Reversal(StrEnum):
    """Why an outcome needs a second officer though the newest assessment alone would not."""

    DECLINED = "declined"
    """An earlier one declined."""
    FRAUD = "fraud"
    """An earlier one found what a rule against fraud looks for."""
    TERMS = "terms"
    """An earlier one found terms, and now he is to be declined."""
    POLICY = "policy"
    """Another policy would lend to him."""
    MODEL = "model"
    """Another model scored him."""
    LENDER = "lender"
    """Another lender would give the money."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one assessment came to, and who would lend."""

    decision: Decision
    funder_code: str


def of(outcome: Outcome, newest: Found, earlier: Sequence[Found]) -> tuple[Reversal, ...]:
    """Name what an outcome on the newest assessment would turn round; empty where nothing is."""
    if outcome is Outcome.DECLINE:
        had_terms = any(each.decision.has_terms for each in earlier)
        return (Reversal.TERMS,) if had_terms else ()
    if outcome is Outcome.REVIEW:
        return ()
    turned = {
        Reversal.DECLINED: any(each.decision.outcome is Outcome.DECLINE for each in earlier),
        Reversal.FRAUD: any(_found_fraud(each.decision) for each in earlier),
        Reversal.POLICY: any(
            each.decision.policy_version != newest.decision.policy_version for each in earlier
        ),
        Reversal.MODEL: any(
            each.decision.model_id not in {None, newest.decision.model_id} for each in earlier
        ),
        Reversal.LENDER: any(each.funder_code != newest.funder_code for each in earlier),
    }
    return tuple(name for name, is_so in turned.items() if is_so)


def _found_fraud(decision: Decision) -> bool:
    return decision.workings is not None and bool(decision.workings.fraud)
