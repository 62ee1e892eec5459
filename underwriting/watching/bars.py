"""When watching rings: dated data, read strictly. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

from kernel import law

FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """Chances of a false alarm, for one measure on one day, shared among its subjects."""

    alarm: float
    notice: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftBars:
    """Of the score and of the figures it reads."""

    window_days: int
    reference_days: int
    cases_min: int
    sample_max: int
    material: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanBars:
    """Of loans whose end is known."""

    after_term_months: int
    matured_days: int
    loans_max: int
    loans_min: int
    bads_min: int
    calibration_material: float
    auc_min: float
    ks_min: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VintageBars:
    """Of curves by months on book."""

    months: tuple[int, ...]
    cohorts: int
    loans_min: int
    material: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyBars:
    """Of what is approved and granted to whom an agency referred."""

    window_days: int
    reference_days: int
    cases_min: int
    agencies_max: int
    approval_material: float
    limit_material: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CollusionBars:
    """Of signs that cases are made up."""

    window_days: int
    look_back_days: int
    cases_min: int
    people_min: int
    applications_max: int
    texts: float
    devices: float
    balances: float
    inflated_over: float
    ring_notice: int
    ring_alarm: int
    rings_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FairnessBars:
    """Of groups treated otherwise."""

    window_days: int
    cases_min: int
    four_fifths: float
    limit_material: float
    error_material: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """All of them."""

    chance: Chance
    drift: DriftBars
    loans: LoanBars
    vintages: VintageBars
    agencies: AgencyBars
    collusion: CollusionBars
    fairness: FairnessBars


@cache
def in_force(day: date) -> Bars:
    """Give the bars in force on a day.

    Raises:
        NoRuleInForce: the table begins later.
    """
    values = law.rule("bars", on=day, folder=FOLDER).values
    return Bars(
        chance=Chance(**_numbers(Chance, values["chance"])),
        drift=DriftBars(**_numbers(DriftBars, values["drift"])),
        loans=LoanBars(**_numbers(LoanBars, values["loans"])),
        vintages=VintageBars(**_numbers(VintageBars, values["vintages"])),
        agencies=AgencyBars(**_numbers(AgencyBars, values["agencies"])),
        collusion=CollusionBars(**_numbers(CollusionBars, values["collusion"])),
        fairness=FairnessBars(**_numbers(FairnessBars, values["fairness"])),
    )


def _numbers(kind: type[Any], plain: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    assert set(plain) == names, f"bars.toml: {kind.__name__} has {sorted(names)}"
    found = {name: _number(value) for name, value in plain.items()}
    flat = [each for value in found.values() for each in _each(value)]
    assert all(each > 0 for each in flat), f"bars.toml: {kind.__name__} holds what is above zero"
    return found


def _number(value: object) -> int | float | tuple[int, ...]:
    match value:
        case int():
            return value
        case str():
            return float(value)
        case list():
            return tuple(value)
        case _:
            raise TypeError(f"bars.toml: {value!r} is no number")


def _each(value: object) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,)
