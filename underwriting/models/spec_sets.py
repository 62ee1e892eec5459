"""The spec of a foreign data set: its own features, its traps, its split, its search.

Models made by such a spec answer "how good is it on data I know". They know nothing of our
dossiers, so they are measured and kept as files and are never published.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import InvalidOperation
from typing import Any, Final

from underwriting import canonical
from underwriting.features.expressions import ExpressionFaulty
from underwriting.features.families import FamilyFaulty
from underwriting.models import spec, spec_features
from underwriting.models.spec import TrainingSpec
from underwriting.models.spec_features import Declared
from underwriting.models.spec_search import Plan, SpecFaulty, only, parse_plan, whole
from underwriting.models.split import FOLDS_MAX, Split

ROWS_MAX: Final = 10_000_000
SHARES_MAX: Final = 5
_TIMES_OF_DAY: Final[tuple[list[str], ...]] = (
    [],
    ["%H", "%M"],
    ["%H", "%M", "%S"],
    ["%H", "%M", "%S", "%.f"],
)
_KEYS: Final = frozenset({
    "name", "label", "limits", "seed", "reading", "columns", "lookup", "table", "panel", "feature",
    "family", "category", "categories", "split", "calibration", "search", "blend",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A second file with one row a key, whose columns join the rows; of several rows the first."""

    name: str
    file: str
    """Its name where it lies beside the rows."""
    key: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsFile:
    """A second file with any number of events a key."""

    name: str
    file: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Columns that repeat by month, read as events of each row."""

    name: str
    days_ago: tuple[int, ...]
    columns: Mapping[str, tuple[str, ...]]
    """Column of the events to the columns of the row, one for each of `days_ago`."""
    beside: tuple[str, ...]
    """Columns of the row that every event carries too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetReading:
    """How the rows of a file become loans."""

    target: str
    order: str | None
    """The column by whose times or numbers the loans follow each other; None: no time is known."""
    is_newest_first: bool
    as_of: str | date | None
    """Until when a loan's row may know anything: a column with times, or one day for all."""
    key: str | None
    """The column that lookups and events are found by."""
    missing: tuple[str, ...]
    times: Mapping[str, str]
    """By column, here and in second files, how its times are written; all others are ISO 8601."""
    dirty: tuple[str, ...]
    """Columns of numbers in which anything else counts as missing; elsewhere it is a fault."""
    keep: Mapping[str, tuple[str, ...]]
    judge: Mapping[str, tuple[str, ...]]
    """Loans that are judged; the others teach only."""
    drop_where_all: Mapping[str, float]
    """A loan is left out where all of these columns hold these numbers."""
    lookups: tuple[Lookup, ...]
    events: tuple[EventsFile, ...]
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSpec:
    """Everything about the model of a data set but its data."""

    name: str
    sha256: str
    label: str
    """What a bad loan is, and of whom anything is known at all."""
    limits: str
    """What the figures do not say."""
    seed: int
    reading: SetReading
    declared: Declared
    split: Split
    rows_min: int
    isotonic_bads_min: int
    newest_folds: int
    """Of loans with a time: so many of the newest folds make the calibration."""
    plan: Plan
    scorecard_shares: tuple[float, ...]
    """Parts that the scorecard may have in the log-odds; the best one on the folds is taken."""


def find(name_or_path: str) -> SetSpec | TrainingSpec:
    """Read a spec of either kind by the name of one of ours, or from a file that ends in .toml.

    Raises:
        SpecFaulty: there is none, or it cannot be used.
    """
    content = spec.content_of(name_or_path)
    return parse(content) if is_of_a_set(content) else spec.parse(content)


def built_in() -> tuple[str, ...]:
    """Name the data sets whose specs are ours."""
    paths = sorted(spec.FOLDER.glob("*.toml"))
    return tuple(path.stem for path in paths if is_of_a_set(path.read_bytes()))


def is_of_a_set(content: bytes) -> bool:
    """Tell a data set's spec from one of dossiers; what cannot be read is none."""
    try:
        return "feature" in tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False


def parse(content: bytes) -> SetSpec:
    """Read the spec of a data set from the bytes of its TOML file.

    Raises:
        SpecFaulty: something is missing, unknown or out of bounds.
    """
    try:
        return _spec(tomllib.loads(content.decode()), content)
    except SpecFaulty:
        raise
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise SpecFaulty(f"not a TOML file: {type(fault).__name__}") from None
    except KeyError as missing:
        raise SpecFaulty(f"the spec lacks {missing}") from None
    except (ExpressionFaulty, FamilyFaulty) as fault:
        raise SpecFaulty(f"a feature of the spec: {fault}") from None
    except (TypeError, AttributeError, ValueError, InvalidOperation) as fault:
        raise SpecFaulty(f"the spec misspells something: {fault}") from None


def _spec(plain: Mapping[str, Any], content: bytes) -> SetSpec:
    only(plain, _KEYS, "the spec")
    split, calibration, blend = plain["split"], plain["calibration"], plain.get("blend", {})
    only(split, {"folds", "first_share", "outer_share", "rows_min"}, "split")
    only(calibration, {"isotonic_bads_min", "newest_folds"}, "calibration")
    only(blend, {"scorecard_shares"}, "blend")
    reading = _reading(plain)
    return SetSpec(
        name=_text(plain["name"]),
        sha256=canonical.sha256(content),
        label=_text(plain["label"]),
        limits=_text(plain["limits"]),
        seed=whole(plain["seed"], most=2**31),
        reading=reading,
        declared=spec_features.parse(plain),
        split=Split(
            folds=max(1, whole(split["folds"], most=FOLDS_MAX)),
            first_share=_share(split.get("first_share", 0.5)),
            outer_share=_share(split.get("outer_share", 0.3)),
        ),
        rows_min=whole(split["rows_min"], most=ROWS_MAX),
        isotonic_bads_min=whole(calibration["isotonic_bads_min"], most=ROWS_MAX),
        newest_folds=whole(calibration.get("newest_folds", FOLDS_MAX), most=FOLDS_MAX),
        plan=parse_plan(plain["search"]),
        scorecard_shares=_shares(blend.get("scorecard_shares", [0.0])),
    )


def _reading(plain: Mapping[str, Any]) -> SetReading:
    told = plain["reading"]
    only(
        told,
        {
            "target", "order", "newest_first", "as_of", "key", "missing", "times", "dirty", "keep",
            "judge", "drop_where_all",
        },
        "reading",
    )  # fmt: skip
    as_of = told.get("as_of")
    if not (as_of is None or isinstance(as_of, str) or type(as_of) is date):
        raise SpecFaulty("as_of is a column or a day")
    reading = SetReading(
        target=_text(told["target"]),
        order=None if told.get("order") is None else _text(told["order"]),
        is_newest_first=_flag(told.get("newest_first", False)),
        as_of=as_of,
        key=None if told.get("key") is None else _text(told["key"]),
        missing=_words(told.get("missing", [])),
        times={column: _form(form) for column, form in told.get("times", {}).items()},
        dirty=_words(told.get("dirty", [])),
        keep={column: _words(words) for column, words in told.get("keep", {}).items()},
        judge={column: _words(words) for column, words in told.get("judge", {}).items()},
        drop_where_all={
            column: float(number) for column, number in told.get("drop_where_all", {}).items()
        },
        lookups=tuple(_lookup(name, each) for name, each in plain.get("lookup", {}).items()),
        events=tuple(_events(name, each) for name, each in plain.get("table", {}).items()),
        panels=tuple(_panel(name, each) for name, each in plain.get("panel", {}).items()),
    )
    if (reading.lookups or reading.events) and reading.key is None:
        raise SpecFaulty("second files are found by a key")
    if reading.panels and (reading.events or not isinstance(as_of, date)):
        raise SpecFaulty("a panel stands alone and lies before one day, as_of")
    return reading


def _lookup(name: str, plain: Mapping[str, Any]) -> Lookup:
    only(plain, {"file", "key", "columns"}, f"lookup {name}")
    return Lookup(
        name=name,
        file=_text(plain["file"]),
        key=_text(plain["key"]),
        columns=_words(plain["columns"]),
    )


def _events(name: str, plain: Mapping[str, Any]) -> EventsFile:
    only(plain, {"file", "key"}, f"table {name}")
    return EventsFile(name=name, file=_text(plain["file"]), key=_text(plain["key"]))


def _panel(name: str, plain: Mapping[str, Any]) -> Panel:
    only(plain, {"days_ago", "columns", "beside"}, f"panel {name}")
    days = tuple(whole(each, most=36_500) for each in plain["days_ago"])
    columns = {column: _words(words) for column, words in plain["columns"].items()}
    if not columns or any(len(each) != len(days) for each in columns.values()):
        raise SpecFaulty(f"panel {name} has one column for each of its days")
    return Panel(name=name, days_ago=days, columns=columns, beside=_words(plain.get("beside", [])))


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise SpecFaulty("a text of the spec is empty or none")
    return value


def _words(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise SpecFaulty("a list of words is needed")
    return tuple(value)


def _form(value: object) -> str:
    """Read a form of times: a day, a month and a year, and a time of day or none."""
    parts = re.findall(r"%[^.]|%\.f", _text(value))
    whole_day = sorted("%m" if part in {"%b", "%B"} else part for part in parts[:3])
    if whole_day != ["%Y", "%d", "%m"] or parts[3:] not in _TIMES_OF_DAY:
        raise SpecFaulty(
            "times are written with %Y, %m (or %b, %B) and %d, then with no time of day or with "
            "%H:%M, %H:%M:%S or %H:%M:%S%.f"
        )
    return str(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise SpecFaulty("true or false is needed")
    return value


def _share(value: object) -> float:
    if type(value) is not float or not 0.05 <= value <= 0.9:
        raise SpecFaulty("a share of the rows lies between 0.05 and 0.9")
    return value


def _shares(value: object) -> tuple[float, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= SHARES_MAX:
        raise SpecFaulty(f"between 1 and {SHARES_MAX} shares of the scorecard are tried")
    if not all(type(each) in {int, float} and 0 <= each <= 1 for each in value):
        raise SpecFaulty("a share of the scorecard lies between 0 and 1")
    return tuple(float(each) for each in value)
