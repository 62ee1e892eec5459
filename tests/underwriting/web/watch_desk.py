"""Readings of the watch, written straight into the tables for pages to show."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

from kernel import ids
from kernel.clock import shanghai
from kernel.db import transaction
from underwriting.records.watching import WatchDay, WatchReading
from underwriting.watched import Mark, Measure, Verdict

DAY = date(2026, 11, 19)
"""The newest day that is over at the clock of the tests."""


def reading(measure: Measure, subject: str, value: str | None, **changes) -> dict:
    told = None if value is None else Decimal(value)
    facts = {
        "measure": measure,
        "subject": subject,
        "part": "",
        "value": told,
        "low": None if told is None else told * Decimal("0.8"),
        "high": None if told is None else told * Decimal("1.2"),
        "bar": None,
        "cases": 400,
        "verdict": Verdict.QUIET if told is not None else Verdict.TOO_FEW,
        "detail": {},
    }
    return {**facts, **changes}


def watched(day: date, rows: Iterable[dict]) -> None:
    """Keep one watched day with its readings."""
    with transaction() as session:
        session.add(WatchDay(day=day, ran_at=shanghai(day + timedelta(days=1), 1)))
        session.flush()
        session.add_all(WatchReading(id=ids.new(), day=day, **row) for row in rows)


def whole_day() -> list[dict]:
    """One reading or more of every measure."""
    rung = {"bar": Decimal("0.1"), "verdict": Verdict.ALARM}
    found = [
        reading(Measure.SCORE_DRIFT, "made_up-1", "0.18", **rung),
        reading(Measure.FIGURE_DRIFT, "inquiries_12m", "0.14", bar=Decimal("0.1"), verdict=Verdict.NOTICE),
        reading(Measure.FIGURE_DRIFT, "annual_income", "0.02", bar=Decimal("0.1")),
        reading(Measure.CALIBRATION, "all", "1.08"),
        reading(Measure.CALIBRATION, "2026-03", "1.31", part="month"),
        reading(Measure.CALIBRATION, "south", None, part="agency", cases=12),
        reading(Measure.DISCRIMINATION, "all", "0.68"),
        reading(Measure.SEPARATION, "all", "0.27"),
        reading(Measure.APPROVAL, "north", "0.62"),
        reading(Measure.APPROVAL, "south", "0.21", verdict=Verdict.ALARM),
        reading(Measure.LIMIT, "north", "12840.50"),
        reading(Measure.ALIKE_TEXTS, "south", "0.30", bar=Decimal("0.02"), verdict=Verdict.ALARM),
        reading(Measure.SHARED_DEVICES, "north", "0.01", bar=Decimal("0.03")),
        reading(Measure.INFLATED_BALANCES, "north", "0.02", bar=Decimal("0.05")),
        reading(
            Measure.RING, "00000000-0000-0000-0000-000000000101", "5",
            low=None, high=None, bar=Decimal(4), cases=5, verdict=Verdict.ALARM,
        ),
        reading(Measure.FAIR_APPROVAL, "female", "1.0", part="sex", bar=Decimal("0.8")),
        reading(Measure.FAIR_APPROVAL, "male", "0.97", part="sex", bar=Decimal("0.8")),
        reading(Measure.FAIR_LIMIT, "25_34", "11000", part="age_band"),
        reading(Measure.FAIR_ERROR, "female", "1.02", part="sex"),
        reading(Measure.FAIR_ERROR, "female", "0.31", part="sex/good_held_bad"),
    ]  # fmt: skip
    for number, month in enumerate(("2026-05", "2026-06", "2026-07", "2026-08")):
        for age in (1, 2, 3, 6)[: 4 - number]:
            for mark in Mark:
                share = Decimal(age * (number + 1) * (2 if mark is Mark.LATE_30 else 1)) / 1000
                found.append(
                    reading(Measure.VINTAGE, month, str(share), part=f"{mark.value}/{age:02}")
                )
    return found
