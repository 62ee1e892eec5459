"""Shadow scores: what a model that did not decide says of an assessment, after it was decided.

Reads the facts `assessment.decided` behind a cursor of its own, so it is never part of a decision,
and what goes wrong with a model or a dossier is noted with the assessment and touches nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kernel import events, logs
from kernel.clock import require_aware
from kernel.events import Event
from underwriting import assessments, budget, policy
from underwriting.features import catalogue
from underwriting.features.declaration import Figures
from underwriting.models import registry
from underwriting.models.scoring import Model, ModelUnusable
from underwriting.records.assessments import Assessment
from underwriting.records.models import ModelRecord
from underwriting.records.service import ShadowScore

READER: Final = "underwriting-shadow"
FACTS_MAX: Final = 200
"""Facts of one transaction; each assessment among them costs milliseconds, not seconds."""

log = logs.logger(__name__)


@dataclass(frozen=True, slots=True)
class _Shadow:
    """A model that scores beside others, or why it cannot."""

    record: ModelRecord
    model: Model | None
    fault: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowCount:
    """How far one model's shadow scores have come."""

    model: str
    scored: int
    faulty: int


def score(session: Session, *, at: datetime) -> tuple[int, int]:
    """Score what was decided since the last run; count the facts read and the scores kept.

    Bounded by FACTS_MAX; call again while facts are read. Only models that are champion or
    challenger now score, and none scores what it decided.
    """
    shadows: list[_Shadow] | None = None
    kept = 0

    def on_decided(session: Session, fact: Event) -> None:
        nonlocal shadows, kept
        if shadows is None:
            shadows = _shadows(session)
        kept += _score_one(session, fact.subject, shadows, at=at)

    facts = events.follow(session, READER, {"assessment.decided": on_decided}, limit=FACTS_MAX)
    return facts, kept


def counted(session: Session) -> tuple[ShadowCount, ...]:
    """Count the shadow scores of each model, the most first."""
    scored = func.count(ShadowScore.pd)
    rows = session.execute(
        select(ModelRecord.name, scored, func.count(ShadowScore.fault))
        .join(ShadowScore, ShadowScore.model_id == ModelRecord.id)
        .group_by(ModelRecord.name)
        .order_by(scored.desc(), ModelRecord.name)
    )
    return tuple(ShadowCount(model=name, scored=done, faulty=bad) for name, done, bad in rows)


def _shadows(session: Session) -> list[_Shadow]:
    challengers = registry.challengers(session)
    if not challengers:
        return []
    champion = registry.champion(session)
    return [_loaded(session, each) for each in [champion, *challengers] if each is not None]


def _loaded(session: Session, record: ModelRecord) -> _Shadow:
    try:
        return _Shadow(record, registry.loaded(session, record), None)
    except ModelUnusable as fault:
        log.warning("shadow.model_unusable", model=record.name, why=type(fault).__name__)
        return _Shadow(record, None, type(fault).__name__)


def _score_one(
    session: Session, assessment_id: UUID, shadows: Sequence[_Shadow], *, at: datetime
) -> int:
    kept = session.get(Assessment, assessment_id)
    if kept is None or kept.model_name is None:
        return 0
    others = [each for each in shadows if each.record.name != kept.model_name]
    if not others:
        return 0
    figures, unread = _figures(kept)
    rows = [_row(kept.id, each, figures, unread, at=at) for each in others]
    session.execute(insert(ShadowScore).values(rows).on_conflict_do_nothing())
    return sum(row["pd"] is not None for row in rows)


def _figures(kept: Assessment) -> tuple[Figures | None, str | None]:
    try:
        told = assessments.dossier_of(kept)
        income = budget.counted_income(told, policy.load(kept.policy_version).income)
        return catalogue.figures(told, monthly_income=income.monthly), None
    except Exception as fault:
        # Whatever it is, it is this assessment's alone: the others are scored all the same.
        log.exception("shadow.dossier_unusable", assessment_id=str(kept.id))
        return None, type(fault).__name__


def _row(
    assessment_id: UUID,
    shadow: _Shadow,
    figures: Figures | None,
    unread: str | None,
    *,
    at: datetime,
) -> dict[str, object]:
    pd, fault = None, unread or shadow.fault
    if figures is not None and shadow.model is not None:
        pd, fault = _pd(shadow.model, figures)
    return {
        "assessment_id": assessment_id,
        "model_id": shadow.record.id,
        "pd": pd,
        "fault": fault,
        "scored_at": require_aware(at),
    }


def _pd(model: Model, figures: Figures) -> tuple[Decimal | None, str | None]:
    try:
        return model.pd(figures), None
    except Exception as fault:
        log.exception("shadow.score_failed", model=model.model_id)
        return None, type(fault).__name__
