"""Replays: retelling a recorded decision years later, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy.orm import Session

from underwriting import assessments, canonical, decisions, dossier, exploration, policy
from underwriting.canonical import Unreadable
from underwriting.decisions import Decision, Scorer
from underwriting.dossier import Dossier
from underwriting.features.declaration import Figures
from underwriting.models import registry, scoring
from underwriting.models.scoring import GoldenDiffers, ModelUnusable
from underwriting.policy import NoSuchPolicy, Policy
from underwriting.records.assessments import Assessment


class Verdict(StrEnum):
    """What a replay came to."""

    SAME = "same"
    """Every byte, the score included."""
    SAME_FROM_STORED_PD = "same_from_stored_pd"
    """This library scores otherwise; everything after the stored probability is the same."""
    SAME_WITHOUT_MODEL = "same_without_model"
    """The model cannot be used here; everything after the stored probability is the same."""
    DIFFERS = "differs"
    """The decision does not come out again."""
    TAMPERED = "tampered"
    """What is stored does not have the hash that was stored with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """How the retelling of one assessment ended."""

    assessment_id: UUID
    verdict: Verdict
    detail: str
    differences: tuple[str, ...] = ()
    """The parts of the decision that came out otherwise."""

    @property
    def same(self) -> bool:
        """Whether every byte came out again, the score included."""
        return self.verdict is Verdict.SAME


@dataclass(frozen=True, slots=True)
class StoredScorer:
    """Gives the score that a decision holds, for retelling it without its model."""

    decision: Decision

    @property
    def model_id(self) -> str:
        """Name the model of the decision."""
        return self.decision.model_id or ""

    def pd(self, figures: Figures) -> Decimal:  # noqa: ARG002 - whatever they are
        """Give the stored probability of default.

        Raises:
            LookupError: the decision was made before any score.
        """
        if self.decision.pd is None:
            raise LookupError("the decision holds no score")
        return self.decision.pd

    def bound(self, pd: Decimal) -> Decimal:
        """Give the stored upper bound; of a decision that asked for none, the probability itself."""
        workings = self.decision.workings
        return pd if workings is None or workings.pd_bound is None else workings.pd_bound

    def contributions(self, figures: Figures) -> tuple[tuple[str, Decimal], ...]:  # noqa: ARG002
        """Give the stored parts of the log-odds."""
        return self.decision.contributions


def replay(session: Session, assessment_id: UUID) -> Replay:
    """Decide a recorded dossier again under its own policy and model, and compare the bytes.

    Raises:
        NoSuchAssessment: there is none.
    """
    kept = assessments.get(session, assessment_id)
    if not is_untouched(kept):
        return _ended(kept, Verdict.TAMPERED, "a stored text does not have its stored hash")
    try:
        told = decisions.from_bytes(kept.decision.encode())
        rules = policy.load(told.policy_version)
    except (Unreadable, NoSuchPolicy) as fault:
        return _ended(kept, Verdict.DIFFERS, str(fault))
    if rules.sha256 != told.policy_sha256:
        return _ended(kept, Verdict.DIFFERS, f"policy {rules.version} was changed since")
    scorer, verdict, detail = _scorer(session, told)
    try:
        made = _made(dossier.from_bytes(kept.dossier.encode()), rules, scorer, told)
    except (Unreadable, LookupError) as fault:
        return _ended(kept, Verdict.DIFFERS, str(fault))
    if made.to_bytes() == kept.decision.encode():
        return _ended(kept, verdict, detail)
    return Replay(
        assessment_id=kept.id,
        verdict=Verdict.DIFFERS,
        detail="the decision comes out otherwise",
        differences=_differences(kept.decision.encode(), made.to_bytes()),
    )


def _made(read: Dossier, rules: Policy, scorer: Scorer, told: Decision) -> Decision:
    """Decide again with what was given besides the dossier: the route, and the lot of a grant.

    Raises:
        LookupError: the lot would be no approval.
    """
    made = replace(assessments.decide(read, rules, scorer), route=told.route)
    if told.grant is None:
        return made
    explored = exploration.explore(read, rules, scorer, made, place=told.grant.place)
    if explored is None:
        raise LookupError("the approval at random does not come out again")
    return explored.decision


def _scorer(session: Session, told: Decision) -> tuple[Scorer, Verdict, str]:
    stored = StoredScorer(told)
    if told.model_id is None:
        return stored, Verdict.SAME, "decided by the rules alone"
    try:
        record = registry.find(session, told.model_id)
        model = scoring.load_under_any_library(registry.intact(session, record))
    except GoldenDiffers as fault:
        return stored, Verdict.SAME_FROM_STORED_PD, f"another library scores otherwise: {fault}"
    except (ModelUnusable, registry.NoSuchModel) as fault:
        return stored, Verdict.SAME_WITHOUT_MODEL, str(fault)
    return model, Verdict.SAME, "score and decision"


def is_untouched(kept: Assessment) -> bool:
    """Tell whether the stored texts have the hashes that were stored with them."""
    return (
        canonical.sha256(kept.dossier.encode()) == kept.dossier_sha256
        and canonical.sha256(kept.decision.encode()) == kept.decision_sha256
    )


def _differences(stored: bytes, made: bytes) -> tuple[str, ...]:
    before, after = canonical.load(stored), canonical.load(made)
    return tuple(sorted(key for key in before if before[key] != after.get(key)))


def _ended(kept: Assessment, verdict: Verdict, detail: str) -> Replay:
    return Replay(assessment_id=kept.id, verdict=verdict, detail=detail)
