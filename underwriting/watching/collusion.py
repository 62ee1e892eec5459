"""Signs that cases are made up: alike texts, shared devices, inflated balances, rings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from underwriting.models.metrics import wilson
from underwriting.watched import Measure, Reading, Verdict, places
from underwriting.watching.bars import Bars
from underwriting.watching.judging import Judge, at_least


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """How many of one agency's new cases show a sign."""

    agency: str
    cases: int
    """Those that could show it: with a text, with a device, with a stated balance."""
    shown: int
    people: int
    """Whose cases show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """People linked by a phone, a device or a card, one of them new."""

    first: str
    """The oldest application's reference, which names the ring."""
    applications: int
    people: int
    agencies: tuple[str, ...]
    kinds: tuple[str, ...]
    """What links them."""


TOLERATED: Final = {
    Measure.ALIKE_TEXTS: "texts",
    Measure.SHARED_DEVICES: "devices",
    Measure.INFLATED_BALANCES: "balances",
}


def readings(measure: Measure, found: Sequence[Signs], bars: Bars) -> tuple[Reading, ...]:
    """Read one sign for each agency against the share that is tolerated."""
    tolerated: float = getattr(bars.collusion, TOLERATED[measure])
    judge = Judge(bars.chance, sum(each.cases >= bars.collusion.cases_min for each in found))
    return tuple(_read(measure, each, judge, bars, tolerated=tolerated) for each in found)


def rings(found: Sequence[Ring], bars: Bars) -> tuple[Reading, ...]:
    """Read each ring by the number of its people, the largest first."""
    largest = sorted(found, key=lambda ring: (-ring.people, ring.first))
    told = [ring for ring in largest if ring.people >= bars.collusion.ring_notice]
    return tuple(
        Reading(
            measure=Measure.RING,
            subject=ring.first,
            value=places(float(ring.people)),
            bar=places(float(bars.collusion.ring_alarm)),
            cases=ring.applications,
            verdict=Verdict.ALARM if ring.people >= bars.collusion.ring_alarm else Verdict.NOTICE,
            detail={"agencies": list(ring.agencies), "linked_by": list(ring.kinds)},
        )
        for ring in told[: bars.collusion.rings_max]
    )


def _read(measure: Measure, signs: Signs, judge: Judge, bars: Bars, *, tolerated: float) -> Reading:
    if signs.cases < bars.collusion.cases_min:
        return Reading(
            measure=measure, subject=signs.agency, cases=signs.cases, verdict=Verdict.TOO_FEW
        )
    interval = wilson(signs.shown, signs.cases)
    share = signs.shown / signs.cases
    is_material = signs.people >= bars.collusion.people_min and share > tolerated
    return Reading(
        measure=measure,
        subject=signs.agency,
        value=places(share),
        low=places(interval.low),
        high=places(interval.high),
        bar=places(tolerated),
        cases=signs.cases,
        verdict=judge.verdict(
            at_least(signs.shown, signs.cases, tolerated), is_material=is_material
        ),
        detail={"shown": signs.shown, "people": signs.people},
    )
