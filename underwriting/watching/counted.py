"""Everything that was counted for one day, and the readings that follow from it. Pure.

The daily watch counts in the database, the proof that it stays quiet counts simulated people: both
are judged here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from underwriting.watched import Measure, Reading
from underwriting.watching import agencies, collusion, drift, fairness, matured, vintages
from underwriting.watching.agencies import Granted
from underwriting.watching.bars import Bars
from underwriting.watching.collusion import Ring, Signs
from underwriting.watching.drift import Decided, Floats
from underwriting.watching.matured import Matured
from underwriting.watching.vintages import Point


def _nothing() -> Floats:
    return np.array([], dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loans:
    """Loans whose end is known, and the curves of all."""

    by_agency: Sequence[Matured] = ()
    by_month: Sequence[Matured] = ()
    by_group: Mapping[str, Sequence[Matured]] = field(default_factory=dict)
    pds: Floats = field(default_factory=_nothing)
    bads: Floats = field(default_factory=_nothing)
    points: Sequence[Point] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What one day's watch looks at."""

    decided: Decided | None = None
    """None when no model serves, or its first days are not over."""
    granted: Sequence[Granted] = ()
    granted_before: Mapping[str, Granted] = field(default_factory=dict)
    granted_by_group: Mapping[str, Sequence[Granted]] = field(default_factory=dict)
    loans: Loans = field(default_factory=Loans)
    signs: Mapping[Measure, Sequence[Signs]] = field(default_factory=dict)
    rings: Sequence[Ring] = ()


def readings(counted: Counted, bars: Bars) -> Iterator[Reading]:
    """Read everything."""
    if counted.decided is not None:
        yield from drift.readings(counted.decided, bars)
    yield from agencies.readings(counted.granted, counted.granted_before, bars)
    loans = counted.loans
    yield from matured.calibration(loans.by_agency, loans.by_month, bars)
    yield from matured.ranking(loans.pds, loans.bads, bars, model=matured.ALL)
    yield from vintages.readings(loans.points, bars)
    for measure, signs in counted.signs.items():
        yield from collusion.readings(measure, signs, bars)
    yield from collusion.rings(counted.rings, bars)
    yield from fairness.approvals(counted.granted_by_group, bars)
    yield from fairness.limits(counted.granted_by_group, bars)
    yield from fairness.errors(loans.by_group, bars)
