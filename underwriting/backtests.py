"""Backtests: two policies over the dossiers of history, by the scores that were stored with them.

No model is asked. Where a dossier was decided without a score and a policy now wants one, nobody
can tell, and it is counted as such. A stored decision of the first form knows no upper bound: it is
read from its model's manifest, and where that has none the probability itself stands for it, which
is counted too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from underwriting import assessments, canonical, decisions, dossier, replays
from underwriting.canonical import Unreadable
from underwriting.comparing import Side, Tally
from underwriting.decisions import Decision
from underwriting.features.declaration import Figures
from underwriting.models import bounds
from underwriting.models.bounds import Points
from underwriting.policy import Policy
from underwriting.records.assessments import Assessment
from underwriting.records.models import ModelRecord, ModelStatus
from underwriting.replays import StoredScorer

PAGE: Final = 500
"""Assessments a transaction reads; each has some ten kilobytes of text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which assessments are looked at: decided from one instant to another."""

    since: datetime | None
    until: datetime
    """What is decided while they are compared is left out, so that it ends."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One assessment's texts, apart from its session."""

    assessment_id: UUID
    dossier: str
    decision: str
    is_untouched: bool


@dataclass(slots=True, kw_only=True)
class Backtest:
    """A comparison of two policies in progress."""

    old: Policy
    new: Policy
    tally: Tally
    bounds: Mapping[str, Points] = field(default_factory=dict)
    """What the manifests say of upper bounds, by the model's name."""
    unreadable: int = 0
    """Texts that cannot be read, or do not have the hash that was stored with them."""
    without_score: int = 0
    """Decided by the rules then, but a policy now wants a score."""
    without_bound: int = 0
    """Compared with the probability itself in the place of its upper bound."""
    without_factors: int = 0
    """Reasons name no factors, because nobody needed them then."""

    def add(self, stored: Stored) -> None:
        """Decide one stored dossier under both policies."""
        if not stored.is_untouched:
            self.unreadable += 1
            return
        try:
            told = dossier.from_bytes(stored.dossier.encode())
            decided = decisions.from_bytes(stored.decision.encode())
        except Unreadable:
            self.unreadable += 1
            return
        scorer = _Remembered(StoredScorer(decided), self.bounds.get(decided.model_id or "", ()))
        try:
            before, after = (
                Side.of(assessments.decide(told, policy, scorer)) for policy in (self.old, self.new)
            )
        except LookupError:
            self.without_score += 1
            return
        self.without_bound += scorer.lacked_bound
        self.without_factors += scorer.lacked_factors
        self.tally.add(stored.assessment_id, before, after)

    def to_plain(self) -> dict[str, Any]:
        """Spell what came of it."""
        return {
            "old": self.old.version,
            "new": self.new.version,
            "unreadable": self.unreadable,
            "without_score": self.without_score,
            "without_bound": self.without_bound,
            "without_factors": self.without_factors,
            **self.tally.to_plain(),
        }


@dataclass(slots=True)
class _Remembered:
    """The stored score, noting what it could not say."""

    stored: StoredScorer
    points: Points
    lacked_bound: bool = field(default=False)
    lacked_factors: bool = field(default=False)

    @property
    def model_id(self) -> str:
        return self.stored.model_id

    def pd(self, figures: Figures) -> Decimal:
        return self.stored.pd(figures)

    def bound(self, pd: Decimal) -> Decimal:
        if _knows_bound(self.stored.decision):
            return self.stored.bound(pd)
        self.lacked_bound = self.lacked_bound or not self.points
        return bounds.upper(self.points, pd)

    def contributions(self, figures: Figures) -> tuple[tuple[str, Decimal], ...]:
        found = self.stored.contributions(figures)
        self.lacked_factors = self.lacked_factors or not found
        return found


def bounds_of_models(session: Session) -> dict[str, Points]:
    """Read the upper bounds in the manifests of all models that ever served."""
    _only_read(session)
    served = select(ModelRecord.name, ModelRecord.manifest).where(
        ModelRecord.status != ModelStatus.CANDIDATE
    )
    return {
        name: tuple(canonical.load(manifest.encode()).get("bound", ()))
        for name, manifest in session.execute(served)
    }


def count(session: Session, span: Span) -> int:
    """Count the assessments of a span."""
    _only_read(session)
    asked = select(func.count()).select_from(Assessment).where(*_within(span))
    return session.scalar(asked) or 0


def page(session: Session, span: Span, *, after: UUID | None) -> tuple[Stored, ...]:
    """Give the next assessments of a span in the order of their identities."""
    _only_read(session)
    asked = select(Assessment).where(*_within(span)).order_by(Assessment.id).limit(PAGE)
    if after is not None:
        asked = asked.where(Assessment.id > after)
    return tuple(
        Stored(kept.id, kept.dossier, kept.decision, replays.is_untouched(kept))
        for kept in session.scalars(asked)
    )


def _within(span: Span) -> list[ColumnElement[bool]]:
    bounds = [Assessment.decided_at <= span.until]
    return bounds if span.since is None else [*bounds, Assessment.decided_at >= span.since]


def _only_read(session: Session) -> None:
    session.execute(text("SET TRANSACTION READ ONLY"))


def _knows_bound(decision: Decision) -> bool:
    return decision.workings is not None and decision.workings.pd_bound is not None
