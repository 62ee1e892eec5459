"""A scorecard: points for each figure that a person can add up; the permanent challenger.

Every figure is put into bins, every bin has the evidence it showed, and a logistic regression with
no negative weight adds the evidence up: no figure's points ever run against its own share of bads,
nor against the sign that was declared for it. One table gives margins, scores and points alike.

A column `NAME__is_CODE` beside a column `NAME` says which code a missing `NAME` stands for; it makes
a bin of `NAME` and no figure of its own. A column of words is ranked by its levels' share of bads;
rare and unseen levels are one, "other", and unseen ones are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import log
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from underwriting.features.declaration import Sign
from underwriting.models import artifact, binning, scorecard_columns, scorecard_weights
from underwriting.models.artifact import Matrix
from underwriting.models.binning import Bins
from underwriting.models.calibration import Floats
from underwriting.models.scorecard_columns import Columns, Rows

FORMAT: Final = 1
INFORMATION_MIN: Final = 0.002
"""A figure that parts bads and goods less than this is left out."""
CODE_MARK: Final = "__is_"
GOLDEN_SLACK: Final = 1e-9
FIGURES_MAX: Final = 10_000
RIDGE: Final = 10.0
"""Pull of the weights towards 0; evidence that few loans stand behind is pulled most."""


class ScorecardUnusable(ValueError):
    """The scorecard is not what it says it is, or does not fit what it is asked."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What points mean: at `base_score` goods are `base_odds` times the bads; more is better."""

    base_score: float = 600.0
    base_odds: float = 50.0
    double_odds_points: float = 20.0
    """So many points more double the odds of good to bad (PDO)."""

    @property
    def factor(self) -> float:
        """Points of one unit of log-odds."""
        return self.double_odds_points / log(2.0)

    def score(self, margins: Floats) -> Floats:
        """Give the score of log-odds of default."""
        return self.base_score - self.factor * (margins + log(self.base_odds))

    def to_plain(self) -> dict[str, Any]:
        """Spell the scale."""
        return {
            "base_score": repr(self.base_score),
            "base_odds": repr(self.base_odds),
            "double_odds_points": repr(self.double_odds_points),
        }


SCALE: Final = Scale()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure of the card."""

    name: str
    sign: Sign
    codes: tuple[str, ...]
    """Columns that say what a missing value stands for."""
    levels: tuple[str, ...]
    """Of a column of words, its levels by rising share of bads, "" standing for all others."""
    bins: Bins
    weight: float
    """What the regression makes of the evidence; 0 and the line adds nothing."""

    def places(self, rows: Rows) -> NDArray[np.int64]:
        """Give the bin of each row."""
        codes = [rows.column(code) for code in self.codes]
        return self.bins.places(rows.column(self.name), codes)

    def parts(self, places: NDArray[np.int64]) -> Floats:
        """Give what the bins add to the log-odds of default."""
        return self.weight * np.array(self.bins.evidence)[places]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """The whole card: its lines and what they add to."""

    columns: tuple[str, ...]
    """The columns of its matrix, in order."""
    lines: tuple[Line, ...]
    intercept: float
    scale: Scale
    golden: Matrix
    golden_margins: Floats

    def matrix(self, columns: Columns) -> Matrix:
        """Lay named columns out as the card's rows; words become their level's rank.

        Columns that no line of the card looks at are blank.

        Raises:
            ScorecardUnusable: a column is missing, or numbers were asked and are none.
        """
        used = {name for line in self.lines for name in (line.name, *line.codes)}
        lacking = sorted(used - set(columns))
        if lacking:
            raise ScorecardUnusable(f"the rows lack: {', '.join(lacking)}")
        levels = {line.name: line.levels for line in self.lines if line.levels}
        blank = np.full(len(next(iter(columns.values()))), np.nan)
        asked = {name: columns[name] if name in used else blank for name in self.columns}
        try:
            return scorecard_columns.laid_out(asked, self.columns, levels).matrix
        except ValueError:
            raise ScorecardUnusable("a column of numbers holds something else") from None

    def margins(self, rows: Matrix) -> Floats:
        """Give the log-odds of default of rows in the order of `columns`."""
        found = np.full(len(rows), self.intercept)
        for line, places in self._placed(rows):
            found += line.parts(places)
        return found

    def scores(self, rows: Matrix) -> Floats:
        """Give the score of rows; more is better."""
        return self.scale.score(self.margins(rows))

    def points(self, rows: Matrix) -> dict[str, Floats]:
        """Give each figure's points of rows; those of all figures and of "" add to the score."""
        found = {
            line.name: -self.scale.factor * line.parts(places)
            for line, places in self._placed(rows)
        }
        found[""] = np.full(len(rows), float(self.scale.score(np.array(self.intercept))))
        return found

    def unseen(self, columns: Columns) -> dict[str, int]:
        """Count by figure the rows that show what training hardly or never showed.

        Words without a level of their own, and missing values or codes where there were none.
        """
        counts: dict[str, int] = {}
        for line, places in self._placed(self.matrix(columns)):
            is_new = np.array(line.bins.loans)[places] == 0
            if line.levels:
                is_new = ~np.isin(scorecard_columns.words(columns[line.name]), ["", *line.levels])
            if count := int(is_new.sum()):
                counts[line.name] = count
        return counts

    def to_plain(self) -> dict[str, Any]:
        """Spell the card, its scale and its golden rows."""
        return {
            "format": FORMAT,
            "columns": list(self.columns),
            "intercept": repr(self.intercept),
            "scale": self.scale.to_plain(),
            "lines": [
                {
                    "name": line.name,
                    "sign": int(line.sign),
                    "codes": list(line.codes),
                    "levels": list(line.levels),
                    "weight": repr(line.weight),
                    **line.bins.to_plain(),
                }
                for line in self.lines
            ],
            "golden": {
                "rows": artifact.spell_rows(self.golden),
                "margins": [repr(float(each)) for each in self.golden_margins],
            },
        }

    def _placed(self, rows: Matrix) -> list[tuple[Line, NDArray[np.int64]]]:
        if rows.ndim != 2 or rows.shape[1] != len(self.columns):
            raise ScorecardUnusable(f"a row has {len(self.columns)} columns")
        laid_out = Rows(np.asarray(rows, dtype=np.float32), self.columns)
        return [(line, line.places(laid_out)) for line in self.lines]


def fit(
    columns: Columns,
    signs: Mapping[str, Sign],
    bads: Floats,
    *,
    ridge: float = RIDGE,
    scale: Scale = SCALE,
) -> Scorecard:
    """Make a card of named columns: numbers with NaN for missing, or words with "" for missing.

    The order of the columns is the order of the card's rows. A column without a sign is free.

    Raises:
        ValueError: only one kind of loan, columns of other lengths, too many of them, or a number
            that float32 does not hold.
        DoesNotSettle: the regression found no resting place.
    """
    bads = np.asarray(bads, dtype=np.float64)
    if not 0 < int(bads.sum()) < len(bads):
        raise ValueError("a scorecard learns from both kinds of loan")
    if any(len(values) != len(bads) for values in columns.values()):
        raise ValueError("every column has a value for every loan")
    if not 0 < len(columns) <= FIGURES_MAX:
        raise ValueError(f"between 1 and {FIGURES_MAX} columns make a card")
    levels = {
        name: scorecard_columns.ranked(values, bads)
        for name, values in columns.items()
        if not scorecard_columns.is_number(values)
    }
    rows = scorecard_columns.laid_out(columns, tuple(columns), levels)
    if np.isinf(rows.matrix).any():
        raise ValueError("a number of a column is infinite, or too large for float32")
    drafts = _drafts(rows, levels, signs, bads)
    lines, intercept = _weighed(drafts, rows, bads, ridge)
    card = Scorecard(
        columns=tuple(columns),
        lines=lines,
        intercept=intercept,
        scale=scale,
        golden=artifact.golden_rows(rows.matrix),
        golden_margins=np.array([]),
    )
    return replace(card, golden_margins=card.margins(card.golden))


def from_plain(plain: Mapping[str, Any]) -> Scorecard:
    """Read a card from its spelling, and work its golden rows out anew.

    Raises:
        ScorecardUnusable: it is no card, or its golden rows do not get the margins they had.
    """
    try:
        if plain["format"] != FORMAT:
            raise ScorecardUnusable("a scorecard of a format that is not known here")
        columns = tuple(plain["columns"])
        golden = plain["golden"]
        card = Scorecard(
            columns=columns,
            lines=tuple(_line(each, columns) for each in plain["lines"]),
            intercept=float(plain["intercept"]),
            scale=_scale(plain["scale"]),
            golden=artifact.read_rows(golden["rows"], width=len(columns)),
            golden_margins=np.array([float(text) for text in golden["margins"]]),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as fault:
        raise ScorecardUnusable("a scorecard lacks or misspells something") from fault
    if card.golden_margins.shape != (artifact.GOLDEN_ROWS,) or len(card.golden) != len(
        card.golden_margins
    ):
        raise ScorecardUnusable("a scorecard has not its hundred golden rows")
    gap = float(np.abs(card.margins(card.golden) - card.golden_margins).max())
    if not gap <= GOLDEN_SLACK:
        raise ScorecardUnusable(f"a golden row differs by {gap:.9f}")
    return card


def _scale(plain: Mapping[str, Any]) -> Scale:
    scale = Scale(
        base_score=float(plain["base_score"]),
        base_odds=float(plain["base_odds"]),
        double_odds_points=float(plain["double_odds_points"]),
    )
    if not (scale.base_odds > 0.0 and 0.0 < scale.factor < float("inf")):
        raise ValueError("odds and their points are above 0")
    return scale


def _line(plain: Mapping[str, Any], columns: tuple[str, ...]) -> Line:
    line = Line(
        name=plain["name"],
        sign=Sign(plain["sign"]),
        codes=tuple(plain["codes"]),
        levels=tuple(plain["levels"]),
        bins=binning.from_plain(plain, codes=len(plain["codes"])),
        weight=float(plain["weight"]),
    )
    if not {line.name, *line.codes} <= set(columns) or not 0.0 <= line.weight < float("inf"):
        raise ValueError("a line is of no column, or its weight is no weight")
    if line.levels and scorecard_columns.OTHER not in line.levels:
        raise ValueError("words without a level have no place")
    return line


def _drafts(
    rows: Rows,
    levels: Mapping[str, tuple[str, ...]],
    signs: Mapping[str, Sign],
    bads: Floats,
) -> list[Line]:
    """Choose the bins of every figure, and leave out what parts bads and goods too little."""
    found = []
    for name, codes in _coded(rows.names).items():
        # The levels of words are ranked by their share of bads: it rises with the rank.
        sign = Sign.RISES if name in levels else signs.get(name, Sign.FREE)
        coded = [rows.column(code) for code in codes]
        bins = binning.fit(rows.column(name), coded, bads, sign=sign)
        if bins.information >= INFORMATION_MIN:
            found.append(
                Line(
                    name=name,
                    sign=sign,
                    codes=codes,
                    levels=levels.get(name, ()),
                    bins=bins,
                    weight=1.0,
                )
            )
    return found


def _coded(names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Give every figure with the columns of its codes."""
    found: dict[str, tuple[str, ...]] = {}
    for name in names:
        figure, mark, _ = name.partition(CODE_MARK)
        owner = figure if mark and figure in names else name
        found[owner] = (*found.get(owner, ()), *((name,) if owner != name else ()))
    return found


def _weighed(
    drafts: list[Line], rows: Rows, bads: Floats, ridge: float
) -> tuple[tuple[Line, ...], float]:
    """Weigh the evidence of the lines; a line of no weight is left out."""
    design = np.empty((len(bads), len(drafts)))
    for place, line in enumerate(drafts):
        design[:, place] = line.parts(line.places(rows))
    weights, intercept = scorecard_weights.fit(design, bads, ridge=ridge)
    lines = (
        replace(line, weight=round(float(weight), 6))
        for line, weight in zip(drafts, weights, strict=True)
    )
    return tuple(line for line in lines if line.weight > 0.0), round(intercept, 6)
