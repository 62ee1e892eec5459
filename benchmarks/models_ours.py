"""Our model and our scorecard on one set, split inside as its spec splits it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from underwriting.models import (
    evaluation,
    reading,
    reading_words,
    scorecard,
    spec_sets,
    training_sets,
)
from underwriting.models.calibration import Floats
from underwriting.models.reading import Loans
from underwriting.models.spec_search import SpecFaulty
from underwriting.models.spec_sets import SetSpec
from underwriting.models.split import Fold

FILE: Final = "train.csv.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """One set with what is allowed of it."""

    spec: SetSpec
    path: Path
    loans: Loans
    fold: Fold

    @property
    def teaching(self) -> Loans:
        return self.loans.part(self.fold.teaching)

    @property
    def judging(self) -> Loans:
        return self.loans.part(self.fold.judging).only_judged()

    @property
    def protected(self) -> tuple[str, ...]:
        return tuple(sorted(self.spec.declared.protected))

    def told_all(self) -> Ours:
        """Give the same loans on the same sides with their protected columns."""
        loans = reading.read(self.path, self.spec, protected=True)
        return Ours(spec=self.spec, path=self.path, loans=loans, fold=self.fold)

    def tuned(self, teaching: Loans, judging: Loans) -> Floats:
        return training_sets.train(teaching, self.spec).pds(judging)

    def tuned_and_told_all(self, teaching: Loans, judging: Loans) -> Floats:
        return training_sets.train(teaching, self.spec, protected=True).pds(judging)

    def scorecard(self, teaching: Loans, judging: Loans) -> Floats:
        """Fit the card alone; words are told as they are told to the model."""
        declared = self.spec.declared.used(with_protected=False)
        statistics = reading_words.learn(
            declared.categories, teaching.words, teaching.bads, smoothing=declared.smoothing
        )
        folds = reading_words.draw_folds(
            len(teaching), declared.statistics_folds, seed=self.spec.seed
        )
        told = statistics.columns_of_teachers(teaching.words, teaching.bads, folds)
        card = scorecard.fit(
            {**teaching.columns, **told},
            {each.name: each.sign for each in declared.columns},
            teaching.bads,
        )
        asked = {**judging.columns, **statistics.columns(judging.words)}
        found: Floats = np.exp(-np.logaddexp(0.0, -card.margins(card.matrix(asked))))
        return found


def of_set(name: str, data: Path) -> Ours:
    """Read a set and split it.

    Raises:
        TrainingFileFaulty, NotSplit: it cannot be read or split.
        SpecFaulty: it is no data set's spec.
    """
    spec = spec_sets.find(name)
    if not isinstance(spec, SetSpec):
        raise SpecFaulty(f"{name} is the spec of dossiers and not of a data set")
    path = data / name / FILE
    loans = reading.read(path, spec)
    return Ours(spec=spec, path=path, loans=loans, fold=evaluation.outer_folds(loans, spec, 1)[0])
