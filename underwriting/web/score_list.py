"""Scores as they were recorded, for the page that asks what another cut-off would change."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from kernel.clock import shanghai
from kernel.money import ZERO, Money
from underwriting.cutoffs import Kind, Scored
from underwriting.decisions import Outcome
from underwriting.records.assessments import Assessment

SCORED_MAX: Final = 5_000
"""Applications that a page looks at, the newest; each has some kilobytes of text."""

_PRINCIPAL: Final = '"principal":"([0-9]{1,12}\\.[0-9]{2})"'


def scored(session: Session, first: date, last: date) -> tuple[Scored, ...]:
    """Give the newest scored applications of some days, each as it was decided last.

    Two words are taken from the stored decisions without reading them whole, so a text that cannot
    be read is an application without an amount and no fault of the page.
    """
    latest = (
        select(Assessment.id, Assessment.decided_at)
        .ext(distinct_on(Assessment.application_ref))
        .where(
            Assessment.pd.is_not(None),
            Assessment.decided_at >= shanghai(first),
            Assessment.decided_at < shanghai(last + timedelta(days=1)),
        )
        .order_by(Assessment.application_ref, Assessment.decided_at.desc(), Assessment.id.desc())
        .subquery()
    )
    newest = select(latest.c.id).order_by(latest.c.decided_at.desc()).limit(SCORED_MAX)
    rows = session.execute(
        select(
            Assessment.pd,
            Assessment.outcome,
            func.substring(Assessment.decision, _PRINCIPAL).label("principal"),
            Assessment.decision.contains('"band":null').label("has_no_band"),
            Assessment.decision.contains('"grant":{').label("is_at_random"),
        ).where(Assessment.id.in_(newest))
    )
    return tuple(
        Scored(
            row.pd,
            _kind(row.outcome, is_by_score=row.has_no_band or row.is_at_random),
            Money.yuan(row.principal) if row.principal else ZERO,
        )
        for row in rows
    )


def _kind(outcome: Outcome, *, is_by_score: bool) -> Kind:
    if is_by_score:
        return Kind.BY_SCORE
    return {Outcome.APPROVE: Kind.APPROVED, Outcome.REVIEW: Kind.REVIEW}.get(
        outcome, Kind.OTHERWISE
    )
