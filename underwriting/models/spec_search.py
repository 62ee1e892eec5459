"""What a spec says of the search for parameters: candidates, a space, and how much is tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

CANDIDATES_MAX: Final = 8
TRIALS_MAX: Final = 200
"""A search is bounded: more sets of parameters find noise."""
ROUNDS_MAX: Final = 5_000
WHOLE: Final = frozenset({"max_depth", "num_parallel_tree", "max_bin"})
LOGARITHMIC: Final = frozenset({"learning_rate", "min_child_weight", "reg_lambda", "reg_alpha"})
"""Parameters whose ratios matter: they are drawn evenly on the log scale."""
PARAMETERS: Final[Mapping[str, tuple[float, float]]] = MappingProxyType({
    "max_depth": (1, 20), "num_parallel_tree": (1, 50), "max_bin": (2, 4096),
    "learning_rate": (1e-4, 1), "min_child_weight": (0, 1e6), "reg_lambda": (0, 1e6),
    "reg_alpha": (0, 1e6), "gamma": (0, 1e6), "subsample": (0.01, 1),
    "colsample_bytree": (0.01, 1), "colsample_bynode": (0.01, 1),
})  # fmt: skip
"""What may be set, with its least and its most: the booster takes no other, or takes for ever."""

Parameters = Mapping[str, int | float]


class SpecFaulty(ValueError):
    """A training spec cannot be used; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is tried, in trials and rounds and not in seconds: the same search everywhere."""

    candidates: tuple[Parameters, ...]
    """Sets of parameters that are tried first."""
    trials: int
    """How many more are drawn from the space."""
    space: Mapping[str, tuple[int | float, int | float]]
    """Least and most of each parameter that is drawn; the others stay as the best one has them."""
    rounds_max: int
    patience: int
    """So many rounds without a better log-loss end a booster."""


def parse_plan(plain: Mapping[str, Any]) -> Plan:
    """Read the search of a spec.

    Raises:
        SpecFaulty: something is unknown or out of bounds.
        KeyError, TypeError, AttributeError: something is missing or of another kind.
    """
    only(plain, {"rounds_max", "patience", "candidate", "trials", "space"}, "search")
    candidates = tuple(_candidate(each) for each in plain["candidate"])
    if not 1 <= len(candidates) <= CANDIDATES_MAX:
        raise SpecFaulty(f"between 1 and {CANDIDATES_MAX} candidates are searched")
    trials = plain.get("trials", 0)
    space = {name: _span(name, ends) for name, ends in plain.get("space", {}).items()}
    if trials and not space:
        raise SpecFaulty("trials are drawn from a space")
    return Plan(
        candidates=candidates,
        trials=whole(trials, most=TRIALS_MAX) if trials else 0,
        space=MappingProxyType(space),
        rounds_max=whole(plain["rounds_max"], most=ROUNDS_MAX),
        patience=whole(plain["patience"], most=ROUNDS_MAX),
    )


def _candidate(plain: Mapping[str, Any]) -> Parameters:
    only(plain, set(PARAMETERS), "a candidate")
    if not all(type(value) in {int, float} for value in plain.values()):
        raise SpecFaulty("a candidate's parameters are numbers")
    if any(type(plain[name]) is not int for name in WHOLE & set(plain)):
        raise SpecFaulty("depths and numbers of trees are whole")
    for name, value in plain.items():
        _check_bounds(name, value, value)
    return MappingProxyType(dict(plain))


def _span(name: str, ends: object) -> tuple[int | float, int | float]:
    if name not in PARAMETERS:
        raise SpecFaulty(f"the space has an unknown parameter: {name}")
    kinds = {int} if name in WHOLE else {int, float}
    if not isinstance(ends, list) or len(ends) != 2 or not {type(end) for end in ends} <= kinds:
        raise SpecFaulty(f"the space of {name} has a least and a most")
    least, most = ends
    if not 0 <= least <= most or (name in LOGARITHMIC and least == 0):
        raise SpecFaulty(f"the space of {name} runs from its least to its most")
    _check_bounds(name, least, most)
    return least, most


def _check_bounds(name: str, least: float, most: float) -> None:
    low, high = PARAMETERS[name]
    if not low <= least <= most <= high:
        raise SpecFaulty(f"{name} lies between {low:g} and {high:g}")


def only(plain: Mapping[str, Any], known: frozenset[str] | set[str], where: str) -> None:
    """Refuse keys that nobody reads.

    Raises:
        SpecFaulty: there are some.
    """
    unknown = sorted(set(plain) - known)
    if unknown:
        raise SpecFaulty(f"{where} has unknown keys: {', '.join(unknown)}")


def whole(value: object, *, most: int) -> int:
    """Read a count.

    Raises:
        SpecFaulty: it is none, or out of bounds.
    """
    if type(value) is not int or not 1 <= value <= most:
        raise SpecFaulty(f"a count in the spec lies between 1 and {most}")
    return value
