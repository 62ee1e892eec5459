"""What each feature contributes to a score: exact path-dependent TreeSHAP from tables.

The numbers are those of XGBoost's `pred_contribs`, which works in single precision, but for its
rounding; for one row or many. A row is turned into the patterns of all blocks (see `shapley`), and
what they contribute is looked up and added in one order, so that a row alone and the same row
among others get the same bits.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np
import xgboost
from numpy.typing import NDArray

from underwriting.models import shapley, trees
from underwriting.models.shapley import BITS_MAX, Block, Test, TooManyBits
from underwriting.models.trees import NotPlain

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

TABLE_NUMBERS_MAX: Final = 1 << 25
"""Of the tables of one model, a quarter of a gigabyte; the method must not depend on a machine."""
ROWS_AT_ONCE: Final = 8_192
"""Their patterns and sums stay in the processor's cache."""
_GAP_MAX: Final = 1e-3
"""Between the two methods, as a part of the largest number: single precision is far inside."""


class Method(StrEnum):
    """How contributions are worked out; a model's manifest names it, for replays to the byte."""

    PRED_CONTRIBS = "pred_contribs"
    """XGBoost's own, in single precision."""
    TABLES = "tables"
    """The same sum in double precision, looked up."""


class TablesDiffer(Exception):
    """The tables do not give what XGBoost gives, so the model explains nobody."""


def method_for(booster: xgboost.Booster) -> Method:
    """Choose the quickest method that a booster allows; the same booster, the same method."""
    try:
        made = _blocks(booster)
    except (NotPlain, TooManyBits):
        return Method.PRED_CONTRIBS
    is_small = sum(block.size for block in made) <= TABLE_NUMBERS_MAX
    return Method.TABLES if is_small else Method.PRED_CONTRIBS


class Explainer:
    """Gives the contributions of every feature and last of all the bias; threads may share it.

    Raises:
        NotPlain, TooManyBits: tables are asked for and cannot be made of this booster.
        TablesDiffer: they give something else than XGBoost does.
    """

    def __init__(self, booster: xgboost.Booster, method: Method | None = None) -> None:
        self.method = method_for(booster) if method is None else method
        self._booster = booster
        self._tables = None
        if self.method is Method.TABLES:
            self._tables = _Tables(_blocks(booster), features=booster.num_features())
            self._prove()

    def one(self, row: Matrix) -> Floats:
        """Explain one row."""
        if self._tables is None:
            alone: Floats = self._slowly(row.reshape(1, -1))[0]
            return alone
        return self._tables.one(row)

    def many(self, rows: Matrix) -> Floats:
        """Explain many rows; each gets the bits that it gets alone."""
        return self._slowly(rows) if self._tables is None else self._tables.many(rows)

    def _slowly(self, rows: Matrix) -> Floats:
        names = self._booster.feature_names
        matrix = xgboost.DMatrix(rows, feature_names=names, nthread=1)
        found = self._booster.predict(matrix, pred_contribs=True)
        return np.asarray(found, dtype=np.float64)

    def _prove(self) -> None:
        """Take the bias from XGBoost, and compare the two methods on rows from end to end."""
        assert self._tables is not None
        rows = self._tables.probes()
        slow = self._slowly(rows)
        self._tables.bias = float(slow[0, -1])
        gap = np.abs(self._tables.many(rows) - slow).max()
        if not gap <= _GAP_MAX * max(1.0, float(np.abs(slow).max())):
            raise TablesDiffer(f"a contribution differs by {gap:.6f}")


class _Tables:
    """The blocks of a model laid flat."""

    def __init__(self, made: list[Block], *, features: int) -> None:
        self.bias = 0.0
        self._features = features
        tests = {
            test: number
            for number, test in enumerate(dict.fromkeys(t for block in made for t in block.tests))
        }
        self._lay_tests(tuple(tests))
        widths = [len(block.features) for block in made]
        sizes = [block.size for block in made]
        self._table = shapley.tables(made)
        self._start = np.cumsum([0, *sizes], dtype=np.int64)[:-1]
        self._width = np.array(widths, dtype=np.int64)
        # A bit that a block does not have is a test that nothing passes, the one after the last.
        self._bits = np.full((len(made), BITS_MAX), len(tests), dtype=np.int64)
        for place, block in enumerate(made):
            self._bits[place, : len(block.tests)] = [tests[test] for test in block.tests]
        self._to = np.array([f for block in made for f in block.features], dtype=np.int64)
        self._column = np.concatenate([np.arange(width) for width in (0, *widths)])

    def _lay_tests(self, tests: tuple[Test, ...]) -> None:
        self._feature = np.array([test.feature for test in tests], dtype=np.int64)
        self._low = np.array([test.low for test in tests], dtype=np.float32)
        self._high = np.array([test.high for test in tests], dtype=np.float32)
        self._missing = np.array([test.missing for test in tests], dtype=np.bool_)

    def one(self, row: Matrix) -> Floats:
        """Pass all tests, read all patterns and add all numbers, each in one go."""
        values = row[self._feature]
        passed = np.zeros(len(values) + 1, dtype=np.bool_)
        inside = passed[:-1]
        np.greater_equal(values, self._low, out=inside)
        inside &= values < self._high
        blank = np.isnan(values)
        blank &= self._missing
        inside |= blank
        pattern = np.packbits(passed[self._bits.ravel()], bitorder="little")
        place = np.repeat(self._start + pattern * self._width, self._width)
        place += self._column
        numbers = self._table.take(place, mode="clip")
        found = np.empty(self._features + 1)
        found[:-1] = np.bincount(self._to, weights=numbers, minlength=self._features)
        found[-1] = self.bias
        return found

    def many(self, rows: Matrix) -> Floats:
        """Go through the blocks, each for some thousand rows at once."""
        found = np.empty((len(rows), self._features + 1))
        found[:, -1] = self.bias
        for first in range(0, len(rows), ROWS_AT_ONCE):
            part = slice(first, first + ROWS_AT_ONCE)
            found[part, :-1] = self._stretch(np.ascontiguousarray(rows[part].T)).T
        return found

    def _stretch(self, columns: Matrix) -> Floats:
        count = columns.shape[1]
        sums = np.zeros((self._features, count))
        position, numbers = np.empty(count, dtype=np.int64), np.empty(count)
        passed: dict[int, NDArray[np.uint8]] = {}
        entry = 0
        for place, bits in enumerate(self._bits.tolist()):
            pattern = np.zeros(count, dtype=np.uint8)
            for bit, test in enumerate(bits):
                if test == len(self._feature):
                    break
                if test not in passed:
                    passed[test] = self._outcome(columns, test)
                pattern |= passed[test] << bit
            width = int(self._width[place])
            np.multiply(pattern, width, out=position, casting="unsafe", dtype=np.int64)
            table = self._table[self._start[place] : self._start[place] + (width << BITS_MAX)]
            for column in range(width):
                np.take(table[column:], position, out=numbers, mode="clip")
                sums[self._to[entry]] += numbers
                entry += 1
        return sums

    def _outcome(self, columns: Matrix, test: int) -> NDArray[np.uint8]:
        values = columns[self._feature[test]]
        inside = values >= self._low[test]
        inside &= values < self._high[test]
        if self._missing[test]:
            inside |= np.isnan(values)
        outcome: NDArray[np.uint8] = inside.view(np.uint8)
        return outcome

    def probes(self) -> Matrix:
        """Give rows that go many ways: nothing known, and the tested values from low to high."""
        rows = np.full((4, self._features), np.nan, dtype=np.float32)
        for feature in range(self._features):
            tested = np.sort(self._high[self._feature == feature])
            if len(tested):
                rows[1:, feature] = tested[[0, len(tested) // 2, -1]]
        rows[3, ::3] = np.nan
        return rows


def _blocks(booster: xgboost.Booster) -> list[Block]:
    return [block for tree in trees.read(booster) for block in shapley.blocks(tree)]
