"""A training spec: which figures a model learns from, and how its data are read and split."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from underwriting import canonical
from underwriting.features import catalogue

FOLDER: Final = Path(__file__).parent / "specs"
CANDIDATES_MAX: Final = 8
"""A search is bounded: more sets of parameters find noise."""
ROUNDS_MAX: Final = 5_000
PARAMETERS: Final = frozenset({
    "max_depth", "learning_rate", "min_child_weight", "subsample", "colsample_bytree",
    "reg_lambda", "reg_alpha", "gamma",
})  # fmt: skip


class SpecFaulty(ValueError):
    """A training spec cannot be used; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How rows of a source file become figures."""

    target: str
    month: str
    keep: Mapping[str, tuple[str, ...]]
    """Columns whose value must be one of these words."""
    only_where_empty: tuple[str, ...]
    """Columns that must be empty."""
    columns: Mapping[str, str]
    """Figure to source column."""
    words: Mapping[str, Mapping[str, Decimal]]
    """Of figures whose column holds words, the number each word stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSpec:
    """Everything about a model but its data and its seed."""

    name: str
    sha256: str
    """Of the text it was read from."""
    features: tuple[str, ...]
    reading: Reading
    window_share: Decimal
    rows_min: int
    isotonic_bads_min: int
    rounds_max: int
    patience: int
    candidates: tuple[Mapping[str, int | float], ...]


def find(name_or_path: str) -> TrainingSpec:
    """Read a spec by the name of one of ours, or from a file when the name ends in .toml.

    Raises:
        SpecFaulty: there is none, or it cannot be used.
    """
    own = name_or_path.isidentifier()
    path = FOLDER / f"{name_or_path}.toml" if own else Path(name_or_path)
    if path.suffix != ".toml" or not path.is_file():
        raise SpecFaulty(f"there is no training spec {name_or_path!r}")
    return parse(path.read_bytes())


def parse(content: bytes) -> TrainingSpec:
    """Read a spec from the bytes of its TOML file.

    Raises:
        SpecFaulty: something is missing, unknown or out of bounds.
    """
    try:
        return _spec(tomllib.loads(content.decode()), content)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise SpecFaulty(f"not a TOML file: {type(fault).__name__}") from None
    except KeyError as missing:
        raise SpecFaulty(f"the spec lacks {missing}") from None
    except (TypeError, AttributeError, InvalidOperation) as fault:
        raise SpecFaulty(f"the spec misspells something: {fault}") from None


def _spec(plain: Mapping[str, Any], content: bytes) -> TrainingSpec:
    features = tuple(plain["features"])
    unknown = [name for name in features if name not in catalogue.CATALOGUE]
    if unknown or not features or len(set(features)) != len(features):
        raise SpecFaulty(f"features are known ones, each once; unknown: {', '.join(unknown)}")
    reading = _reading(plain["reading"])
    unread = [name for name in features if name not in reading.columns]
    if unread:
        raise SpecFaulty(f"no column is read for: {', '.join(unread)}")
    search = plain["search"]
    candidates = tuple(_candidate(each) for each in search["candidate"])
    if not 1 <= len(candidates) <= CANDIDATES_MAX:
        raise SpecFaulty(f"between 1 and {CANDIDATES_MAX} candidates are searched")
    return TrainingSpec(
        name=str(plain["name"]),
        sha256=canonical.sha256(content),
        features=features,
        reading=reading,
        window_share=_share(plain["split"]["window_share"]),
        rows_min=_whole(plain["split"]["rows_min"], most=10_000_000),
        isotonic_bads_min=_whole(plain["calibration"]["isotonic_bads_min"], most=10_000_000),
        rounds_max=_whole(search["rounds_max"], most=ROUNDS_MAX),
        patience=_whole(search["patience"], most=ROUNDS_MAX),
        candidates=candidates,
    )


def _reading(plain: Mapping[str, Any]) -> Reading:
    return Reading(
        target=str(plain["target"]),
        month=str(plain["month"]),
        keep={column: tuple(words) for column, words in plain.get("keep", {}).items()},
        only_where_empty=tuple(plain.get("only_where_empty", ())),
        columns=dict(plain["columns"]),
        words={
            figure: {word: Decimal(str(number)) for word, number in numbers.items()}
            for figure, numbers in plain.get("words", {}).items()
        },
    )


def _candidate(plain: Mapping[str, Any]) -> Mapping[str, int | float]:
    unknown = set(plain) - PARAMETERS
    if unknown:
        raise SpecFaulty(f"a candidate has unknown parameters: {', '.join(sorted(unknown))}")
    if not all(type(value) in {int, float} for value in plain.values()):
        raise SpecFaulty("a candidate's parameters are numbers")
    return dict(plain)


def _share(text: str) -> Decimal:
    share = Decimal(text)
    if not Decimal("0.01") <= share <= Decimal("0.33"):
        raise SpecFaulty("window_share lies between 0.01 and 0.33")
    return share


def _whole(value: object, *, most: int) -> int:
    if type(value) is not int or not 1 <= value <= most:
        raise SpecFaulty(f"a count in the spec lies between 1 and {most}")
    return value
