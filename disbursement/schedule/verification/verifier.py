"""Judging cases: each family by the rules it needs, each case by its own strength."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from disbursement.schedule.contract import NotSchedulable
from disbursement.schedule.events import NotApplicable
from disbursement.schedule.verification import (
    allocated,
    calendars,
    consumer_credit,
    recalculation,
    scalars,
    schedules,
    servicing,
    unit_periods,
)
from disbursement.schedule.verification.cases import (
    UNKNOWN,
    Case,
    Kind,
    Malformed,
    NotComputable,
)
from disbursement.schedule.verification.cells import Difference, first_difference
from kernel.money import NotAnAmount
from kernel.rates import NoRate, NotARate

Figures = Callable[[Case], Mapping[str, Any]]


class Verdict(StrEnum):
    """What became of a case."""

    MATCHES = "matches"
    DIFFERS = "differs"
    LISTED = "listed"
    """True of another engine only: shown, never judged."""
    MALFORMED = "malformed"
    """It cannot be read, so nothing was computed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """One case, judged."""

    id: str
    family: str
    kind: Kind | None
    """None of a case that cannot be read."""
    verdict: Verdict
    difference: Difference | None = None
    """The first differing cell, also of a case that is only listed."""

    @property
    def strength(self) -> str:
        """Name the kind under which the case is counted."""
        return UNKNOWN if self.kind is None else self.kind.value


_FAMILIES: Final[Mapping[str, Figures]] = {
    "annuity_scalar": scalars.figures,
    "apr": unit_periods.figures,
    "due_dates": calendars.date_figures,
    "day_count": calendars.rate_figures,
}
_FAULTS: Final = (
    NotComputable,
    NotSchedulable,
    NotApplicable,
    NotAnAmount,
    NotARate,
    NoRate,
    ArithmeticError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    AssertionError,
)
"""What a case may get wrong: it is then told as a difference of that case alone."""


def verify(cases: Iterable[Case | Malformed]) -> list[CaseResult]:
    """Compute every case and judge it; none is left out, and none stops the others."""
    return [judge(case) for case in cases]


def judge(case: Case | Malformed) -> CaseResult:
    """Compute one case and compare it cell by cell."""
    if isinstance(case, Malformed):
        fault = Difference(cell="", expected="a case", found=case.fault)
        return CaseResult(
            id=case.id,
            family=case.family,
            kind=None,
            verdict=Verdict.MALFORMED,
            difference=fault,
        )
    difference = _difference(case)
    if case.strength.kind is Kind.ENGINE_SPECIFIC:
        verdict = Verdict.LISTED
    else:
        verdict = Verdict.MATCHES if difference is None else Verdict.DIFFERS
    return CaseResult(
        id=case.id,
        family=case.family,
        kind=case.strength.kind,
        verdict=verdict,
        difference=difference,
    )


def _difference(case: Case) -> Difference | None:
    try:
        found = figures_of(case)(case)
        return first_difference(_comparable(case.expect), found, strength=case.strength)
    except _FAULTS as fault:
        return Difference(cell="", expected="figures", found=f"{type(fault).__name__}: {fault}")


def figures_of(case: Case) -> Figures:
    """Choose the rules by which a case is computed."""
    if case.family in _FAMILIES:
        return _FAMILIES[case.family]
    if allocated.applies(case):
        return allocated.figures
    servicing.check_events(case)
    if consumer_credit.applies(case):
        return consumer_credit.figures
    if recalculation.applies(case):
        return recalculation.figures
    return schedules.figures


def _comparable(expect: Mapping[str, Any]) -> Mapping[str, Any]:
    """Drop interest periods of no length, which one engine lists and others do not have."""
    rows = [
        {
            name: [part for part in value if float(part["rate_factor"])]
            if name == "interest_parts"
            else value
            for name, value in row.items()
        }
        for row in expect.get("rows") or ()
    ]
    return {**expect, "rows": rows} if rows else expect
