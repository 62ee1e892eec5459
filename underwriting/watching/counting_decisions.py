"""Counting decisions: samples for drift, and what was approved and granted, by agency and group.

The latest decision of an application within a window counts; everything is added up or thinned out
by the database, so what comes back is bounded whatever the volume.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
from sqlalchemy import select, text
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from kernel.clock import business_day, shanghai
from underwriting.records.models import ModelRecord, ModelStatus, ModelStep
from underwriting.watched import Window
from underwriting.watching.agencies import Granted
from underwriting.watching.bars import Bars
from underwriting.watching.drift import Decided, Floats, Sample

_COUNT: Final = text(
    "SELECT count(*) FROM assessment"
    " WHERE model_name = :model AND decided_at >= :since AND decided_at < :until"
)
# Every :step-th application by a hash of its reference: an even sample that is the same each time.
_SAMPLE: Final = text(
    """
    SELECT DISTINCT ON (application_ref)
           pd, (CAST(dossier AS jsonb) -> 'figures')::text AS figures
      FROM assessment
     WHERE model_name = :model AND pd IS NOT NULL
       AND decided_at >= :since AND decided_at < :until
       AND ('x' || substr(md5(application_ref::text), 1, 7))::bit(28)::int % :step = 0
     ORDER BY application_ref, decided_at DESC
     LIMIT :most
    """
)
_LATEST: Final = """
    WITH latest AS (
        SELECT DISTINCT ON (application_ref) application_ref, outcome,
               CASE WHEN outcome = 'approve'
                    THEN CAST(CAST(decision AS jsonb) ->> 'limit' AS double precision) END AS granted
          FROM assessment
         WHERE decided_at >= :since AND decided_at < :until
         ORDER BY application_ref, decided_at DESC
    )
    SELECT {name} AS name, count(*) AS decided,
           count(*) FILTER (WHERE outcome = 'approve') AS approved,
           coalesce(sum(granted), 0) AS limits, coalesce(sum(granted * granted), 0) AS squares
      FROM latest JOIN {table} AS told USING (application_ref)
     GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT :most
"""
_BY_AGENCY: Final = text(_LATEST.format(name="told.agency", table="watched_case"))
_BY_SEX: Final = text(_LATEST.format(name="told.sex", table="fairness_group"))
_BY_AGE: Final = text(_LATEST.format(name="told.age_band", table="fairness_group"))
GROUPS_MAX: Final = 20


def window(day: date, *, days: int) -> Window:
    """Give the last days up to and including one."""
    return Window(first=day - timedelta(days=days - 1), last=day)


def before(after: Window, *, days: int) -> Window:
    """Give the days before a window."""
    return window(after.first - timedelta(days=1), days=days)


def decided(session: Session, day: date, bars: Bars) -> Decided | None:
    """Sample the decisions of the serving model's first days and of the newest ones.

    None when no model serves, or its first days are not over.
    """
    serving = session.execute(
        select(ModelRecord.name, ModelStep.at)
        .join(ModelStep, ModelStep.subject_id == ModelRecord.id)
        .where(ModelRecord.status == ModelStatus.SERVING, ModelStep.latest)
    ).first()
    if serving is None:
        return None
    model, since = serving
    current = window(day, days=bars.drift.window_days)
    first = business_day(since)
    last = min(
        first + timedelta(days=bars.drift.reference_days - 1), current.first - timedelta(days=1)
    )
    if last < first:
        return None
    most = bars.drift.sample_max
    return Decided(
        model=model,
        reference=_sample(session, model, Window(first=first, last=last), most=most),
        current=_sample(session, model, current, most=most),
    )


def by_agency(session: Session, days: Window, *, most: int) -> tuple[Granted, ...]:
    """Add up what was decided on each agency's cases, the busiest agencies first."""
    return _granted(session.execute(_BY_AGENCY, {**_span(days), "most": most}).all())


def by_group(session: Session, days: Window) -> Mapping[str, tuple[Granted, ...]]:
    """Add up what was decided on each group's applications, by kind of group."""
    asked = {**_span(days), "most": GROUPS_MAX}
    return {
        "sex": _granted(session.execute(_BY_SEX, asked).all()),
        "age": _granted(session.execute(_BY_AGE, asked).all()),
    }


def _sample(session: Session, model: str, days: Window, *, most: int) -> Sample:
    span = {"model": model, **_span(days)}
    count = session.execute(_COUNT, span).scalar_one()
    rows = session.execute(_SAMPLE, {**span, "most": most, "step": max(1, -(-count // most))}).all()
    told: list[Mapping[str, str | None]] = [json.loads(row.figures) for row in rows]
    names = sorted({name for figures in told for name in figures})
    return Sample(
        pds=np.array([float(row.pd) for row in rows], dtype=np.float64),
        figures={name: _column([figures.get(name) for figures in told]) for name in names},
    )


def _column(values: Sequence[str | None]) -> Floats:
    return np.array([np.nan if each is None else float(each) for each in values], dtype=np.float64)


def _granted(rows: Sequence[Row[Any]]) -> tuple[Granted, ...]:
    return tuple(
        Granted(
            name=row.name,
            decided=row.decided,
            approved=row.approved,
            limit_sum=float(row.limits),
            limit_squares=float(row.squares),
        )
        for row in rows
    )


def _span(days: Window) -> dict[str, datetime]:
    return {"since": shanghai(days.first), "until": shanghai(days.last + timedelta(days=1))}
