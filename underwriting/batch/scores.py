"""Scores of many dossiers, and the reasons that weighed in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from underwriting import weighing
from underwriting.batch.columns import NONE, PURPOSES, Columns
from underwriting.batch.exact import MICRO, Flags, Floats, NotInColumns, Whole, micros
from underwriting.batch.findings import CODES, Numbers
from underwriting.decisions import Scorer
from underwriting.dossier import Purpose
from underwriting.features import catalogue
from underwriting.features.catalogue import EMPLOYMENT_YEARS_MAX
from underwriting.policy import Policy
from underwriting.reasons import REASONS_MAX, Reason

Matrix = NDArray[np.float32]


class BatchScorer(Scorer, Protocol):
    """A scorer that knows many rows as well; one and many give the same."""

    @property
    def features(self) -> tuple[str, ...]:
        """Name the features in the order of the columns."""
        ...

    def probabilities(self, rows: Matrix) -> Floats:
        """Give the calibrated probability of default of each row."""
        ...

    def explained(self, rows: Matrix) -> Floats:
        """Give each feature's part of the log-odds, and last of all the bias."""
        ...


@dataclass(frozen=True, slots=True)
class Weights:
    """What weighed in some scores."""

    parts: Whole
    """A line a dossier, a place a feature, in millionths."""
    reasons: Numbers
    """The heaviest first; 0 where fewer raised the score."""


def matrix(columns: Columns, rows: Whole, income: Whole, names: Sequence[str]) -> Matrix:
    """Give the features of some dossiers in the model's order; missing is not a number."""
    found = np.full((len(rows), len(names)), np.nan, dtype=np.float32)
    for place, name in enumerate(names):
        values = _values(columns, rows, income, name)
        feature = catalogue.CATALOGUE[name]
        inside = (values >= float(feature.low)) & (values <= float(feature.high))
        found[inside, place] = values[inside]
    return found


def _values(columns: Columns, rows: Whole, income: Whole, name: str) -> Floats:
    match name:
        case "annual_income":
            yuan: Floats = income[rows] * 12 / 100
            return yuan
        case "employment_years":
            months = columns.employment_months[rows]
            years: Floats = np.minimum(EMPLOYMENT_YEARS_MAX, months // 12).astype(np.float64)
            years[months < 0] = np.nan
            return years
        case "merges_debts":
            merges = columns.purpose[rows] == PURPOSES.index(Purpose.CONSOLIDATION)
            flags: Floats = merges.astype(np.float64)
            return flags
        case _:
            given = columns.figures.get(name)
            return np.full(len(rows), np.nan) if given is None else given[rows]


def pds(scorer: BatchScorer, rows: Matrix) -> Whole:
    """Give the probabilities of default in millionths."""
    return micros(scorer.probabilities(rows)) if len(rows) else np.zeros(0, dtype=np.int64)


class Bounds:
    """Upper bounds of probabilities of default; each probability is asked for once."""

    def __init__(self, scorer: BatchScorer) -> None:
        self._scorer = scorer
        self._known = np.full(MICRO + 1, NONE, dtype=np.int64)

    def of(self, pd: Whole) -> Whole:
        """Give the bounds, never below the probabilities themselves; all in millionths."""
        distinct = np.unique(pd)
        for each in distinct[self._known[distinct] == NONE].tolist():
            bound = self._scorer.bound(decimal(each))
            if bound != round(bound, 6):
                raise NotInColumns("a bound has more than six places")
            self._known[each] = max(each, int(bound.scaleb(6)))
        found: Whole = self._known[pd]
        return found


def decimal(millionths: int | np.int64) -> Decimal:
    """Give a number of millionths with its six places."""
    return Decimal(int(millionths)).scaleb(-6)


def weigh(scorer: BatchScorer, rows: Matrix, policy: Policy) -> Weights:
    """Work out the contributions and rank the reasons that raised each score.

    What `reasons.by_weight` says of one, for many: features that say the same are added, the
    heaviest comes first, of two alike the one whose code is first in the alphabet. Under the second
    form it is `weighing.raised`: a feature that is missing weighs by being missing.
    """
    names = scorer.features
    if not len(rows):
        return Weights(
            np.zeros((0, len(names)), dtype=np.int64), np.zeros((0, REASONS_MAX), dtype=np.uint8)
        )
    parts = micros(scorer.explained(rows)[:, :-1])
    missing = np.zeros(rows.shape, dtype=np.bool_)
    said = [catalogue.REASONS[name] for name in names]
    if policy.added is not None:
        missing, said = np.isnan(rows), [weighing.code_of(name) for name in names]
    book = sorted({*said, Reason.INFORMATION_MISSING}, key=lambda reason: reason.value)
    sums = np.zeros((len(rows), len(book)), dtype=np.int64)
    for place, reason in enumerate(said):
        sums[:, book.index(reason)] += np.where(missing[:, place], 0, parts[:, place])
    sums[:, book.index(Reason.INFORMATION_MISSING)] += (parts * missing).sum(axis=1)
    order = np.argsort(-sums, axis=1, kind="stable")[:, :REASONS_MAX]
    codes = np.array([CODES[reason] for reason in book], dtype=np.uint8)
    raised: Flags = np.take_along_axis(sums, order, axis=1) > 0
    found = np.zeros((len(rows), REASONS_MAX), dtype=np.uint8)
    found[:, : order.shape[1]] = np.where(raised, codes[order], 0)
    return Weights(parts, found)


def or_else(found: Numbers, reason: Reason) -> Numbers:
    """Name a reason where there is none."""
    blank = found[:, 0] == 0
    made = found.copy()
    made[blank, 0] = CODES[reason]
    return made
