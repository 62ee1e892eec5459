"""A training spec: which figures a model learns from, and how its data are read and split.

A spec of figures of our dossiers makes models that can serve; `spec_sets` has the specs of foreign
data sets, which make models to be measured only.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from underwriting import canonical
from underwriting.features import catalogue
from underwriting.features.declaration import Feature
from underwriting.models.spec_search import Plan, SpecFaulty, only, parse_plan, whole

FOLDER: Final = Path(__file__).parent / "specs"
ROWS_MAX: Final = 10_000_000


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
    plan: Plan

    @property
    def declared(self) -> tuple[Feature, ...]:
        """The features with their units, bounds and signs."""
        return tuple(catalogue.CATALOGUE[name] for name in self.features)


def find(name_or_path: str) -> TrainingSpec:
    """Read a spec by the name of one of ours, or from a file when the name ends in .toml.

    Raises:
        SpecFaulty: there is none, or it cannot be used.
    """
    return parse(content_of(name_or_path))


def content_of(name_or_path: str) -> bytes:
    """Read the text of a spec by the name of one of ours, or from a file that ends in .toml.

    Raises:
        SpecFaulty: there is none.
    """
    own = name_or_path.isidentifier()
    path = FOLDER / f"{name_or_path}.toml" if own else Path(name_or_path)
    try:
        if path.suffix != ".toml" or not path.is_file():
            raise SpecFaulty(f"there is no training spec {name_or_path!r}")
        with path.open("rb") as opened:
            return opened.read(canonical.TEXT_BYTES_MAX)
    except (OSError, ValueError) as fault:
        if isinstance(fault, SpecFaulty):
            raise
        raise SpecFaulty(f"the training spec {path.name!r} cannot be read") from None


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
    if "feature" in plain:
        raise SpecFaulty("the spec is of a data set's own features, not of a dossier's figures")
    only(plain, {"name", "features", "reading", "split", "calibration", "search"}, "the spec")
    features = tuple(plain["features"])
    unknown = [str(name) for name in features if name not in catalogue.CATALOGUE]
    if unknown or not features or len(set(features)) != len(features):
        raise SpecFaulty(f"features are known ones, each once; unknown: {', '.join(unknown)}")
    reading = _reading(plain["reading"])
    unread = [name for name in features if name not in reading.columns]
    if unread:
        raise SpecFaulty(f"no column is read for: {', '.join(unread)}")
    only(plain["split"], {"window_share", "rows_min"}, "split")
    only(plain["calibration"], {"isotonic_bads_min"}, "calibration")
    return TrainingSpec(
        name=str(plain["name"]),
        sha256=canonical.sha256(content),
        features=features,
        reading=reading,
        window_share=_share(plain["split"]["window_share"]),
        rows_min=whole(plain["split"]["rows_min"], most=ROWS_MAX),
        isotonic_bads_min=whole(plain["calibration"]["isotonic_bads_min"], most=ROWS_MAX),
        plan=parse_plan(plain["search"]),
    )


def _reading(plain: Mapping[str, Any]) -> Reading:
    only(plain, {"target", "month", "keep", "only_where_empty", "columns", "words"}, "reading")
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


def _share(text: str) -> Decimal:
    share = Decimal(text)
    if not Decimal("0.01") <= share <= Decimal("0.33"):
        raise SpecFaulty("window_share lies between 0.01 and 0.33")
    return share
