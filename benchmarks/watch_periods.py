"""Simulated periods for watching: what would be counted of people drawn from one town."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from demo import rings, simulator
from demo.people import Person
from demo.simulator import Drift
from underwriting.graph import texts
from underwriting.watched import Mark, Measure
from underwriting.watching import vintages
from underwriting.watching.agencies import Granted
from underwriting.watching.collusion import Ring, Signs
from underwriting.watching.counted import Counted, Loans
from underwriting.watching.drift import Decided, Floats, Sample
from underwriting.watching.matured import Matured
from underwriting.watching.vintages import Booked, Marked, Point

Column = NDArray[Any]

DAY: Final = date(2026, 11, 20)
REFERENCE, CURRENT = 1_500, 700
AGENCIES: Final = 6
CASES: Final = 120
"""Of each agency in the newest days."""
COHORTS, COHORT = 12, 250
CUT_OFF: Final = 0.27
HOME_DEVICES: Final = 0.01
"""Share of applications from a device that somebody of the same household used."""
ROUGH_BALANCES: Final = 0.02
"""Share of balances that an agency states too high by mistake."""
ALIKE_MIN: Final = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """Something wrong in one period, and the measure that ought to find it."""

    name: str
    finds: Measure
    drift: Drift = simulator.QUIET
    ring: int = 0
    """People on one device."""
    devices: float = 0.0
    """Share of one agency's cases that come from devices of others."""
    coached: float = 0.0
    """Share of one agency's texts that are one text with a word changed."""
    inflated: float = 0.0
    """Share of one agency's balances stated too high."""
    refused: float = 0.0
    """Share of one agency's, and of one group's, approvals that are declines instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """People of one kind, as columns."""

    figures: Mapping[str, Floats]
    pds: Floats
    incomes: Floats

    def sample(self, rows: Column) -> Sample:
        """Give some of them as decisions."""
        figures = {name: column[rows] for name, column in self.figures.items()}
        return Sample(pds=self.pds[rows], figures=figures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """What periods are drawn from."""

    quiet: Pool
    texts: Sequence[bytes]
    coached: Sequence[bytes]


def town(seed: int, people: int) -> Town:
    """Draw a town; the same seed and size give the same one."""
    return Town(
        quiet=pool(seed, people, simulator.QUIET),
        texts=_signed(rings.honest(seed, range(people // 2), agencies=["any"])),
        coached=_signed(rings.planted(seed, range(CASES), agency="any")),
    )


def pool(seed: int, people: int, drift: Drift) -> Pool:
    """Draw people with an income and keep what a decision sees of them."""
    month = date(2025, 1, 1)
    drawn = [
        person
        for person in simulator.population(
            seed, people, month=month, year_now=2026, first=1, drift=drift
        )
        if person.monthly_income is not None  # the others are declined before any score
    ]
    names = sorted(drawn[0].figures)
    incomes = np.array([_income(person) for person in drawn])
    return Pool(
        figures={name: _column(drawn, name) for name in names},
        pds=np.array(
            [
                simulator.bad_probability(person.figures, income)
                for person, income in zip(drawn, incomes, strict=True)
            ]
        ),
        incomes=incomes,
    )


def period(
    draw: Generator, town_: Town, *, plant: Plant | None = None, drifted: Pool | None = None
) -> Counted:
    """Draw one period; `drifted` are the people of today when the plant says they moved."""
    today = drifted or town_.quiet
    before = draw.choice(len(town_.quiet.pds), REFERENCE, replace=False)
    now = draw.choice(len(today.pds), CURRENT, replace=False)
    granted = _granted(draw, today, now, refused=plant.refused if plant else 0.0)
    usual = _granted(draw, town_.quiet, before, refused=0.0)
    return Counted(
        decided=Decided(
            model="simulated", reference=town_.quiet.sample(before), current=today.sample(now)
        ),
        granted=granted["agency"],
        granted_before={each.name: each for each in usual["agency"]},
        granted_by_group={"sex": granted["sex"], "age": granted["age"]},
        loans=_loans(draw, town_.quiet, drift=plant.drift if plant else simulator.QUIET),
        signs=_signs(draw, town_, plant),
        rings=_rings(draw, plant.ring if plant else 0),
    )


def _granted(
    draw: Generator, people: Pool, rows: Column, *, refused: float
) -> dict[str, tuple[Granted, ...]]:
    kinds = {"agency": AGENCIES, "sex": 2, "age": 4}
    of = {kind: draw.integers(0, count, len(rows)) for kind, count in kinds.items()}
    approved = people.pds[rows] < CUT_OFF
    hit = draw.random(len(rows)) < refused
    limits = np.minimum(200_000.0, np.floor(people.incomes[rows] * 0.05) * 100.0)
    found = {}
    for kind, count in kinds.items():
        told = []
        for place in range(count):
            mine = of[kind] == place
            yes = limits[mine & approved & ~(hit & (place == 0))]
            told.append(
                Granted(
                    name=f"{kind} {place}",
                    decided=int(mine.sum()),
                    approved=len(yes),
                    limit_sum=float(yes.sum()),
                    limit_squares=float((yes * yes).sum()),
                )
            )
        found[kind] = tuple(told)
    return found


def _loans(draw: Generator, people: Pool, *, drift: Drift) -> Loans:
    """Draw a year of loans: all are matured, and the last four months are as the drift says."""
    good_enough = np.flatnonzero(people.pds < CUT_OFF)
    rows = draw.choice(good_enough, COHORTS * COHORT)
    pds = people.pds[rows]
    month = np.repeat(np.arange(COHORTS), COHORT)
    odds = pds / (1.0 - pds) * np.exp(np.where(month >= COHORTS - 4, drift.outcome, 0.0))
    bads = draw.random(len(rows)) < odds / (1.0 + odds)
    ages = draw.integers(1, 10, len(rows))
    agency, sex = draw.integers(0, AGENCIES, len(rows)), draw.integers(0, 2, len(rows))
    return Loans(
        by_agency=_matured("agency", agency, pds, bads),
        by_month=_matured("month", month, pds, bads),
        by_group={"sex": _matured("sex", sex, pds, bads)},
        pds=pds,
        bads=bads.astype(np.float64),
        points=_points(month, bads, ages),
    )


def _matured(kind: str, of: Column, pds: Floats, bads: Column) -> tuple[Matured, ...]:
    return tuple(
        Matured(
            name=f"{kind} {place:02}",
            loans=int((of == place).sum()),
            expected=float(pds[of == place].sum()),
            spread=float((pds * (1.0 - pds))[of == place].sum()),
            bads=int(bads[of == place].sum()),
            good_held_bad=int(((of == place) & ~bads & (pds > pds.mean())).sum()),
            bad_held_good=int(((of == place) & bads & (pds <= pds.mean())).sum()),
        )
        for place in np.unique(of)
    )


def _points(month: Column, bads: Column, ages: Column) -> tuple[Point, ...]:
    began = [date(2025, 1 + int(place), 1) for place in range(COHORTS)]
    marked = [
        Marked(
            on=began[place],
            mark=Mark.LATE_90,
            month=age,
            loans=int(((month == place) & bads & (ages == age)).sum()),
        )
        for place in range(COHORTS)
        for age in range(1, 10)
    ]
    return vintages.points(
        [Booked(on=each, loans=COHORT) for each in began],
        marked,
        day=DAY,
        months=(1, 2, 3, 4, 5, 6, 9),
    )


def _signs(draw: Generator, town_: Town, plant: Plant | None) -> dict[Measure, tuple[Signs, ...]]:
    devices, coached, inflated = (
        (plant.devices, plant.coached, plant.inflated) if plant else (0.0, 0.0, 0.0)
    )
    return {
        Measure.SHARED_DEVICES: _shown(draw, HOME_DEVICES, devices),
        Measure.INFLATED_BALANCES: _shown(draw, ROUGH_BALANCES, inflated),
        Measure.ALIKE_TEXTS: _alike(draw, town_, coached),
    }


def _shown(draw: Generator, usual: float, planted: float) -> tuple[Signs, ...]:
    counts = [
        int((draw.random(CASES) < (max(usual, planted) if place == 0 else usual)).sum())
        for place in range(AGENCIES)
    ]
    return tuple(
        Signs(agency=f"agency {place}", cases=CASES, shown=count, people=count)
        for place, count in enumerate(counts)
    )


def _alike(draw: Generator, town_: Town, coached: float) -> tuple[Signs, ...]:
    """Compare the texts of all agencies with each other, as the links and signatures do."""
    chosen = draw.choice(len(town_.texts), AGENCIES * CASES, replace=False)
    told = [town_.texts[place] for place in chosen]
    copies = int(draw.binomial(CASES, coached))
    told[:copies] = [town_.coached[place] for place in range(copies)]
    users: dict[str, list[int]] = {}
    for place, signed in enumerate(told):
        for band in texts.bands(signed):
            users.setdefault(band, []).append(place)
    alike: set[int] = set()
    for same in users.values():
        first, *others = same
        near = [each for each in others if texts.likeness(told[first], told[each]) >= ALIKE_MIN]
        alike.update(near, [first] if near else [])
    counts = [sum(each // CASES == place for each in alike) for place in range(AGENCIES)]
    return tuple(
        Signs(agency=f"agency {place}", cases=CASES, shown=count, people=count)
        for place, count in enumerate(counts)
    )


def _rings(draw: Generator, planted: int) -> tuple[Ring, ...]:
    """Draw households of two, now and then of three, and the planted ring."""
    households = [2] * int(draw.poisson(7)) + [3] * int(draw.poisson(0.3))
    sizes = [*households, *([planted] if planted else [])]
    return tuple(
        Ring(first=f"ring {place}", applications=size, people=size, agencies=(), kinds=("device",))
        for place, size in enumerate(sizes)
    )


def _income(person: Person) -> float:
    return 0.0 if person.monthly_income is None else float(person.monthly_income.as_yuan)


def _column(people: Sequence[Person], name: str) -> Floats:
    values = [person.figures[name] for person in people]
    return np.array([np.nan if value is None else float(value) for value in values])


def _signed(traces: Iterable[rings.Trace]) -> tuple[bytes, ...]:
    def keyed(pair: str) -> str:
        return hmac.new(b"town", pair.encode(), hashlib.sha256).hexdigest()

    found = [texts.signature(trace.text, keyed=keyed) for trace in traces]
    return tuple(signed for signed in found if signed is not None)
