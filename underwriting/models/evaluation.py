"""How good a data set's model is on loans that nothing was fitted on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from underwriting.models import (
    figures,
    memory,
    reading,
    reading_beside,
    split,
    stability,
    training_sets,
)
from underwriting.models.calibration import Floats
from underwriting.models.reading import Loans
from underwriting.models.reading_beside import Aux
from underwriting.models.spec_sets import SetSpec
from underwriting.models.split import Fold, NotSplit, Split
from underwriting.models.training import NotTrainable
from underwriting.models.training_file import TrainingFileFaulty
from underwriting.models.training_sets import SetModel

SPLITS_MAX: Final = 20
HALF: Final = 0.5

Tell = Callable[[str, int, int], None]
"""Hears of a stage, of steps done and of all."""


def _silent(_stage: str, _done: int, _all: int) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One model measured on loans apart from those it learnt from."""

    spec: SetSpec
    how: str
    """Where the judging loans come from."""
    plain: dict[str, Any]

    def to_plain(self) -> dict[str, Any]:
        """Spell what was found."""
        return {
            "spec": self.spec.name,
            "spec_sha256": self.spec.sha256,
            "how": self.how,
            "label": self.spec.label,
            "limits": self.spec.limits,
            **self.plain,
        }


def evaluate(
    train: Loans, test: Loans, spec: SetSpec, *, how: str, tell: Tell = _silent
) -> Evaluation:
    """Train on some loans and measure on others.

    Raises:
        NotTrainable: the loans make no model.
        TrainingFileFaulty: there are no loans to judge.
    """
    judged = _judged(test)  # before the search, which takes long
    model = training_sets.train(train, spec, tell=lambda done, all_: tell("search", done, all_))
    pds = model.pds(judged)
    plain = {
        "train": _told(train),
        "test": {
            **_told(test),
            "unseen_words": model.statistics.unseen(judged.words),
            "rows_in_train": reading.count_in(judged, train),
        },
        **_both(model, judged),
        "months": _by_month(pds, judged),
        "chosen": _chosen(model),
        "features": len(model.features),
        "protected_left_out": sorted(spec.declared.protected),
    }
    return Evaluation(spec=spec, how=how, plain=plain)


def with_protected(
    train: Loans, test: Loans, spec: SetSpec, *, tell: Tell = _silent
) -> dict[str, Any]:
    """Measure what a model would reach that was told protected attributes; it is never kept.

    Raises:
        NotTrainable, TrainingFileFaulty: as `evaluate` does.
    """
    judged = _judged(test)
    model = training_sets.train(
        train, spec, protected=True, tell=lambda done, all_: tell("with protected", done, all_)
    )
    return {**_both(model, judged), "attributes": sorted(spec.declared.protected)}


def of_files(
    spec: SetSpec,
    train: Path,
    test: Path,
    *,
    aux: Aux,
    protected: bool = False,
    tell: Tell = _silent,
) -> Evaluation:
    """Train on one file and measure on another.

    Raises:
        TrainingFileFaulty: a file cannot be used.
        NotTrainable: the loans make no model.
    """
    began = _Began.now()
    files = reading_beside.beside(spec, (train, test), aux)
    tell("reading", 0, 2)
    taught = reading.read(train, spec, aux=files)
    judged = reading.read(test, spec, aux=files, is_judged_alone=True)
    tell("reading", 2, 2)
    found = evaluate(taught, judged, spec, how="the test file", tell=tell)
    if protected and spec.declared.protected:
        taught = reading.read(train, spec, aux=files, protected=True)
        judged = reading.read(test, spec, aux=files, protected=True, is_judged_alone=True)
        found.plain["with_protected"] = with_protected(taught, judged, spec, tell=tell)
    return began.took(found)


def inside(
    spec: SetSpec,
    path: Path,
    *,
    aux: Aux,
    number: int = 1,
    splits: int = 1,
    protected: bool = False,
    tell: Tell = _silent,
) -> Evaluation | None:
    """Measure a spec on one file alone, by one of some honest splits inside it.

    With a time, every split is judged by loans later than those that teach; without one, by
    loans drawn by their content. Too few instants make fewer splits: None for those that are not.

    Raises:
        TrainingFileFaulty: the file cannot be used.
        NotTrainable: a part of the loans makes no model.
    """
    began = _Began.now()
    loans = reading.read(path, spec, aux=aux)
    try:
        folds = outer_folds(loans, spec, splits)
    except NotSplit as fault:
        raise NotTrainable(str(fault)) from None
    if number > len(folds):
        return None
    fold = folds[number - 1]
    how = f"split {number} of {splits} inside the training file, " + (
        "by content" if loans.order is None else "by time"
    )
    teaching, judging = loans.part(fold.teaching), loans.part(fold.judging)
    found = evaluate(teaching, judging, spec, how=how, tell=tell)
    if protected and spec.declared.protected:
        told = reading.read(path, spec, aux=aux, protected=True)
        teaching, judging = told.part(fold.teaching), told.part(fold.judging)
        found.plain["with_protected"] = with_protected(teaching, judging, spec, tell=tell)
    return began.took(found)


def outer_folds(loans: Loans, spec: SetSpec, splits: int) -> list[Fold]:
    """Split loans to measure a spec on a training file alone.

    Raises:
        NotSplit: the loans cannot be split so.
    """
    if loans.order is None:
        numbers = loans.numbers()
        return [
            split.apart(numbers, spec.split.outer_share, seed=spec.seed + 1000 + number)
            for number in range(splits)
        ]
    if splits == 1:
        return [split.newest(loans.order, spec.split.outer_share)]
    return split.by_time(
        loans.order, Split(folds=splits, first_share=HALF, outer_share=spec.split.outer_share)
    )


class _Began(NamedTuple):
    """When an evaluation began, by the clock and by the processor."""

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> _Began:
        return cls(time.perf_counter(), time.process_time())

    def took(self, found: Evaluation) -> Evaluation:
        """Add how long it took, reading included, and how much memory."""
        found.plain["seconds"] = round(time.perf_counter() - self.wall, 1)
        found.plain["cpu_seconds"] = round(time.process_time() - self.cpu, 1)
        found.plain["memory_peak_mb"] = memory.peak_mb()
        return found


def _judged(test: Loans) -> Loans:
    judged = test.only_judged()
    if not len(judged):
        raise TrainingFileFaulty("there are no loans to judge")
    return judged


def _told(loans: Loans) -> dict[str, Any]:
    return {
        **loans.told,
        "n": len(loans),
        "bads": int(loans.bads.sum()),
        "judged": int(loans.judged.sum()),
    }


def _both(model: SetModel, judged: Loans) -> dict[str, Any]:
    """Measure the model and the scorecard beside it."""
    pairs = {
        "model": (model.fold_pds, model.pds(judged)),
        "scorecard": (model.fold_scorecard_pds, model.scorecard_pds(judged)),
    }
    return {
        name: {
            **figures.of_scores(pds, judged.bads),
            **figures.of_drift(stability.psi(before, pds)),
        }
        for name, (before, pds) in pairs.items()
    }


def _by_month(pds: Floats, judged: Loans) -> dict[str, Any]:
    if judged.months is None:
        return {}
    months = np.array(judged.months)
    found = {}
    for month in sorted(set(judged.months)):
        here = months == month
        found[month] = figures.of_scores(pds[here], judged.bads[here])
    return found


def _chosen(model: SetModel) -> dict[str, Any]:
    return {
        "parameters": dict(model.choice.taught.parameters),
        "rounds": model.rounds,
        "trials": model.choice.trials,
        "folds_log_loss": figures.rounded(model.choice.log_loss),
        "calibration": model.calibration.kind.value,
        "scorecard_share": model.scorecard_share,
    }
