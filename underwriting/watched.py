"""The words of watching: what is measured, what follows, and whom fairness is tested for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from math import isfinite
from typing import Any, Final

PLACES: Final = Decimal("0.000001")


class Mark(StrEnum):
    """How badly a loan went."""

    LATE_30 = "late_30"
    """Thirty days past due."""
    LATE_90 = "late_90"
    WRITTEN_OFF = "written_off"


BAD: Final = frozenset({Mark.LATE_90, Mark.WRITTEN_OFF})
"""What counts as a bad loan."""


class Measure(StrEnum):
    """What is watched."""

    SCORE_DRIFT = "score_drift"
    """PSI of the score."""
    FIGURE_DRIFT = "figure_drift"
    """PSI of one figure of the dossiers (CSI)."""
    CALIBRATION = "calibration"
    """Bad loans observed over those expected, on matured loans."""
    DISCRIMINATION = "discrimination"
    """AUC on matured loans."""
    SEPARATION = "separation"
    """KS on matured loans."""
    VINTAGE = "vintage"
    """Share of a month's loans that went bad by so many months on book."""
    APPROVAL = "approval"
    LIMIT = "limit"
    ALIKE_TEXTS = "alike_texts"
    SHARED_DEVICES = "shared_devices"
    INFLATED_BALANCES = "inflated_balances"
    RING = "ring"
    FAIR_APPROVAL = "fair_approval"
    FAIR_LIMIT = "fair_limit"
    FAIR_ERROR = "fair_error"


class Verdict(StrEnum):
    """What follows from a reading."""

    QUIET = "quiet"
    NOTICE = "notice"
    """Worth a look; nobody is called."""
    ALARM = "alarm"
    """Large, and more than chance."""
    TOO_FEW = "too_few"
    """Too few cases to say anything."""


class Sex(StrEnum):
    """As the ID number says."""

    FEMALE = "female"
    MALE = "male"


class AgeBand(StrEnum):
    """Full years on the day of application."""

    TO_24 = "to_24"
    FROM_25 = "25_34"
    FROM_35 = "35_44"
    FROM_45 = "45_54"
    FROM_55 = "from_55"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The groups a person belongs to for tests of fairness; no decision sees it."""

    sex: Sex
    age_band: AgeBand


def age_band(years: int) -> AgeBand:
    """Give the band of an age.

    >>> age_band(24), age_band(25), age_band(70)
    (<AgeBand.TO_24: 'to_24'>, <AgeBand.FROM_25: '25_34'>, <AgeBand.FROM_55: 'from_55'>)
    """
    bands = zip((25, 35, 45, 55), AgeBand, strict=False)
    return next((band for below, band in bands if years < below), AgeBand.FROM_55)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One figure as it was read, before it is kept."""

    measure: Measure
    subject: str
    """A model, a figure, an agency, a month of booking, a group, or the first application of a
    ring; never a person."""
    part: str = ""
    value: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    """The ends of the 95 % interval."""
    bar: Decimal | None = None
    """From here on chance alone is no explanation."""
    cases: int
    verdict: Verdict
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Some days, both ends included."""

    first: date
    last: date


def places(number: float) -> Decimal | None:
    """Round a figure to six places; None when it is not finite."""
    if not isfinite(number):
        return None
    return Decimal(repr(number)).quantize(PLACES, ROUND_HALF_EVEN)
