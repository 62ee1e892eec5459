"""Counting loans: when they went bad, what became of those whose end is known, their curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, cast

import numpy as np
from sqlalchemy import CursorResult, text
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from kernel.clock import require_aware
from underwriting.watched import Mark
from underwriting.watching.bars import Bars
from underwriting.watching.drift import Floats
from underwriting.watching.matured import Matured
from underwriting.watching.vintages import Booked, Marked

# A loan that is late now was so many days late on a day that follows from its oldest open due date,
# so a run that comes late notes the same days.
_NOTE: Final = text(
    """
    INSERT INTO loan_mark (loan_id, mark, application_ref, "on", noted_at)
    SELECT p.loan_id, went.mark, l.application_ref, went.on_day, :at
      FROM loan_position AS p
      JOIN loan AS l ON l.id = p.loan_id
     CROSS JOIN LATERAL (VALUES
           ('late_30', p.overdue_since + 30), ('late_90', p.overdue_since + 90),
           ('written_off', p.written_off_on)) AS went (mark, on_day)
     WHERE (p.overdue_since IS NOT NULL OR p.written_off_on IS NOT NULL)
       AND went.on_day <= :day
       AND NOT EXISTS (SELECT 1 FROM loan_mark AS m
                        WHERE m.loan_id = p.loan_id AND m.mark = went.mark)
    ON CONFLICT DO NOTHING
    """
)
_LENT: Final = "l.status NOT IN ('pending', 'cancelled', 'undone')"
_MATURED: Final = f"""
    WITH matured AS (
        SELECT l.application_ref, to_char(l.value_date, 'YYYY-MM') AS month,
               (SELECT a.pd FROM assessment AS a
                 WHERE a.application_ref = l.application_ref AND a.pd IS NOT NULL
                   AND a.decided_at <= l.signed_at
                 ORDER BY a.decided_at DESC LIMIT 1) AS pd,
               EXISTS (SELECT 1 FROM loan_mark AS m
                        WHERE m.loan_id = l.id AND m.mark IN ('late_90', 'written_off')
                          AND m."on" <= :day) AS bad
          FROM loan AS l
         WHERE {_LENT}
           AND l.value_date + make_interval(months => l.months + :after) <= :day
           AND l.value_date + make_interval(months => l.months + :after) > :since
         ORDER BY md5(l.id::text)
         LIMIT :most
    )
"""  # noqa: S608 - of constants
_ADDED_UP: Final = """
    {matured}
    SELECT {name} AS name, count(*) AS loans, sum(pd) AS expected, sum(pd * (1 - pd)) AS spread,
           count(*) FILTER (WHERE bad) AS bads,
           count(*) FILTER (WHERE NOT bad AND pd > mean) AS good_held_bad,
           count(*) FILTER (WHERE bad AND pd <= mean) AS bad_held_good
      FROM (SELECT *, avg(pd) OVER () AS mean FROM matured WHERE pd IS NOT NULL) AS scored {join}
     GROUP BY 1 ORDER BY 1
"""
_OF_AGENCY: Final = "JOIN watched_case AS told USING (application_ref)"
_OF_GROUP: Final = "JOIN fairness_group AS told USING (application_ref)"
_BY_MONTH: Final = text(_ADDED_UP.format(matured=_MATURED, name="month", join=""))
_BY_AGENCY: Final = text(_ADDED_UP.format(matured=_MATURED, name="told.agency", join=_OF_AGENCY))
_BY_SEX: Final = text(_ADDED_UP.format(matured=_MATURED, name="told.sex", join=_OF_GROUP))
_BY_AGE: Final = text(_ADDED_UP.format(matured=_MATURED, name="told.age_band", join=_OF_GROUP))
_RANKED: Final = text(
    _MATURED + "SELECT pd, bad FROM matured WHERE pd IS NOT NULL"  # noqa: S608 - of constants
)
_BOOKED: Final = text(
    f"""
    SELECT l.value_date, count(*) AS loans FROM loan AS l
     WHERE {_LENT} AND l.value_date BETWEEN :since AND :day
     GROUP BY 1 ORDER BY 1
    """  # noqa: S608 - of constants
)
# The whole months between two days, one more unless a whole number of them ends on the very day.
_WENT: Final = text(
    f"""
    SELECT value_date, mark, whole + CASE
               WHEN value_date + make_interval(months => whole) >= went THEN 0 ELSE 1 END AS month,
           count(*) AS loans
      FROM (SELECT l.value_date, m.mark, m."on" AS went, CAST(
                   extract(year FROM age(m."on", l.value_date)) * 12
                   + extract(month FROM age(m."on", l.value_date)) AS int) AS whole
              FROM loan_mark AS m JOIN loan AS l ON l.id = m.loan_id
             WHERE {_LENT} AND l.value_date BETWEEN :since AND :day AND m."on" <= :day) AS marked
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    """  # noqa: S608 - of constants
)


def note_marks(session: Session, *, day: date, at: datetime) -> int:
    """Keep the days on which loans went bad, up to a day, and count what is new."""
    done = session.execute(_NOTE, {"day": day, "at": require_aware(at)})
    return cast("CursorResult[Any]", done).rowcount


def matured_by_month(session: Session, day: date, bars: Bars) -> tuple[Matured, ...]:
    """Add up the loans that matured lately by month of booking."""
    return _matured(session.execute(_BY_MONTH, _span(day, bars)).all())


def matured_by_agency(session: Session, day: date, bars: Bars) -> tuple[Matured, ...]:
    """Add up the loans that matured lately by agency."""
    return _matured(session.execute(_BY_AGENCY, _span(day, bars)).all())


def matured_by_group(session: Session, day: date, bars: Bars) -> Mapping[str, tuple[Matured, ...]]:
    """Add up the loans that matured lately by group, for each kind of group."""
    span = _span(day, bars)
    return {
        "sex": _matured(session.execute(_BY_SEX, span).all()),
        "age": _matured(session.execute(_BY_AGE, span).all()),
    }


def ranked(session: Session, day: date, bars: Bars) -> tuple[Floats, Floats]:
    """Give the probabilities of the loans that matured lately, and which of them went bad."""
    rows = session.execute(_RANKED, _span(day, bars)).all()
    return (
        np.array([float(row.pd) for row in rows], dtype=np.float64),
        np.array([float(row.bad) for row in rows], dtype=np.float64),
    )


def booked(session: Session, day: date, bars: Bars) -> tuple[Booked, ...]:
    """Count the loans by the day they began on, as far back as curves are drawn."""
    rows = session.execute(_BOOKED, {"day": day, "since": _oldest(day, bars)})
    return tuple(Booked(on=row.value_date, loans=row.loans) for row in rows)


def marked(session: Session, day: date, bars: Bars) -> tuple[Marked, ...]:
    """Count the loans that went bad by the day they began on and the month they went bad in."""
    rows = session.execute(_WENT, {"day": day, "since": _oldest(day, bars)})
    return tuple(
        Marked(on=row.value_date, mark=Mark(row.mark), month=max(1, row.month), loans=row.loans)
        for row in rows
    )


def _matured(rows: Sequence[Row[Any]]) -> tuple[Matured, ...]:
    return tuple(
        Matured(
            name=row.name,
            loans=row.loans,
            expected=float(row.expected),
            spread=float(row.spread),
            bads=row.bads,
            good_held_bad=row.good_held_bad,
            bad_held_good=row.bad_held_good,
        )
        for row in rows
    )


def _span(day: date, bars: Bars) -> dict[str, Any]:
    return {
        "day": day,
        "since": day - timedelta(days=bars.loans.matured_days),
        "after": bars.loans.after_term_months,
        "most": bars.loans.loans_max,
    }


def _oldest(day: date, bars: Bars) -> date:
    months = day.year * 12 + day.month - 1 - bars.vintages.cohorts
    return date(months // 12, months % 12 + 1, 1)
