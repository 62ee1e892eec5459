"""Training on a data set: the same loans and spec give the same model.

Everything that is fitted, the statistics of words included, is fitted inside what teaches. The
parameters and the rounds are chosen on the folds; the margins of the folds' judging loans, which
their boosters never saw, make the calibration; the shipped booster then learns from all loans.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import xgboost

from underwriting import canonical
from underwriting.features.declaration import Feature
from underwriting.models import (
    artifact,
    bounds,
    calibration,
    reading_words,
    scorecard,
    search,
    split,
    training,
)
from underwriting.models.artifact import Matrix, TrainedModel
from underwriting.models.calibration import Calibration, Floats
from underwriting.models.reading import Loans
from underwriting.models.reading_words import Statistics
from underwriting.models.scorecard import Scorecard
from underwriting.models.scorecard_weights import DoesNotSettle
from underwriting.models.search import Boosting, Choice, Lesson, Taught
from underwriting.models.spec_features import Declared
from underwriting.models.spec_sets import SetSpec
from underwriting.models.split import Fold, NotSplit
from underwriting.models.training import NotTrainable

GROWTH_MAX: Final = 1.5
"""More loans than the folds had carry more rounds, but no more than this."""

Tell = Callable[[int, int], None]


class _Taught(NamedTuple):
    """Loans that teach, as numbers, and what makes numbers of others."""

    matrix: Matrix
    statistics: Statistics


@dataclass(frozen=True, slots=True, kw_only=True)
class SetModel:
    """A model of a data set with the scorecard beside it."""

    spec: SetSpec
    features: tuple[Feature, ...]
    statistics: Statistics
    booster: xgboost.Booster
    card: Scorecard
    scorecard_share: float
    """The scorecard's part in the log-odds."""
    calibration: Calibration
    choice: Choice
    rounds: int
    bound: list[list[str]]
    fold_pds: Floats
    """Probabilities of the folds' judging loans, by boosters that never saw them."""
    fold_scorecard_pds: Floats
    """Probabilities of the same loans by the scorecard, which learnt from them too."""
    facts: dict[str, Any]

    def matrix(self, loans: Loans) -> Matrix:
        """Lay loans out as rows that the model reads."""
        return _laid_out(self.features, loans, self.statistics.columns(loans.words))

    def pds(self, loans: Loans) -> Floats:
        """Give the calibrated probability of default of each loan."""
        rows = self.matrix(loans)
        margins = _margins(self.booster, rows)
        if self.scorecard_share:
            margins = _blended(margins, self.card.margins(rows), self.scorecard_share)
        return self.calibration.apply(margins)

    def scorecard_pds(self, loans: Loans) -> Floats:
        """Give the scorecard's probability of default of each loan."""
        return _as_pds(self.card.margins(self.matrix(loans)))

    def trained(self) -> TrainedModel:
        """Give the booster and a manifest that says what was done; it serves nobody."""
        content = bytes(self.booster.save_raw("ubj"))
        return TrainedModel(
            artifact=content,
            manifest=artifact.spell_manifest(
                {
                    **self.facts,
                    "spec": self.spec.name,
                    "spec_sha256": self.spec.sha256,
                    "serves": False,
                    "features": [feature.plain() for feature in self.features],
                    "statistics": self.statistics.to_plain(),
                    "calibration": self.calibration.to_plain(),
                    "bound": self.bound,
                    "scorecard": self.card.to_plain(),
                    "scorecard_share": repr(self.scorecard_share),
                    "libraries": artifact.libraries(),
                    "artifact_sha256": canonical.sha256(content),
                }
            ),
        )


def train(
    loans: Loans,
    spec: SetSpec,
    *,
    protected: bool = False,
    tell: Tell = lambda _done, _all: None,
) -> SetModel:
    """Train on all loans at hand; `tell` hears of the search's trials done and of all.

    Raises:
        NotTrainable: too few loans, only one kind of loan, a declared sign that does not hold, or
            a scorecard that does not settle.
    """
    declared = spec.declared.used(with_protected=protected)
    _check(loans, spec)
    try:
        folds = _folds(loans, spec)
    except NotSplit as fault:
        raise NotTrainable(str(fault)) from None
    features = declared.columns
    boosting = Boosting(
        [each.name for each in features], [int(each.sign) for each in features], spec.seed
    )
    lessons = [_lesson(loans, fold, declared, spec) for fold in folds]
    choice = search.choose(lessons, boosting, spec.plan, tell)
    share, margins = _blend(choice, lessons, features, shares=spec.scorecard_shares)
    newest = folds if loans.order is None else folds[-spec.newest_folds :]
    places = np.concatenate([fold.judging for fold in newest])
    margins, bads = margins[-len(places) :], loans.bads[places]
    try:
        calibrated = calibration.fit(margins, bads, isotonic_bads_min=spec.isotonic_bads_min)
    except calibration.NotCalibrated as fault:
        raise NotTrainable(str(fault)) from None
    whole = _teach(loans, declared, spec)
    rounds = _grown(choice.taught.rounds, len(loans), lessons)
    booster = search.boost(
        whole.matrix, loans.bads, boosting, Taught(choice.taught.parameters, rounds)
    )
    training.probe_signs(booster, whole.matrix, features)
    pds = calibrated.apply(margins)
    card = _card(whole.matrix, loans.bads, features)
    return SetModel(
        spec=spec,
        features=features,
        statistics=whole.statistics,
        booster=booster,
        card=card,
        scorecard_share=share,
        calibration=calibrated,
        choice=choice,
        rounds=rounds,
        bound=bounds.points(pds, bads),
        fold_pds=pds,
        fold_scorecard_pds=_as_pds(card.margins(whole.matrix[places])),
        facts=_facts(loans, choice, whole.matrix, rounds=rounds, protected=protected),
    )


def _check(loans: Loans, spec: SetSpec) -> None:
    if len(loans) < spec.rows_min:
        raise NotTrainable(f"{len(loans)} loans are fewer than {spec.rows_min}")
    judged = loans.bads[loans.judged]
    if not 0 < judged.sum() < len(judged):
        raise NotTrainable("the loans that are judged are of one kind only, or there are none")


def _folds(loans: Loans, spec: SetSpec) -> list[Fold]:
    """Split the loans; those that are not judged only teach.

    Raises:
        NotSplit: a fold would teach or judge by one kind of loan.
    """
    folds = (
        split.by_content(loans.numbers(), spec.split, seed=spec.seed)
        if loans.order is None
        else split.by_time(loans.order, spec.split)
    )
    found = [Fold(fold.teaching, fold.judging[loans.judged[fold.judging]]) for fold in folds]
    for fold in found:
        for places in fold:
            bads = loans.bads[places]
            if not 0 < bads.sum() < len(bads):
                raise NotSplit("a fold holds only one kind of loan, or none")
    return found


def _lesson(loans: Loans, fold: Fold, declared: Declared, spec: SetSpec) -> Lesson:
    teachers, judged = loans.part(fold.teaching), loans.part(fold.judging)
    taught = _teach(teachers, declared, spec)
    told = taught.statistics.columns(judged.words)
    return Lesson(
        taught.matrix, teachers.bads, _laid_out(declared.columns, judged, told), judged.bads
    )


def _teach(loans: Loans, declared: Declared, spec: SetSpec) -> _Taught:
    statistics = reading_words.learn(
        declared.categories, loans.words, loans.bads, smoothing=declared.smoothing
    )
    folds = reading_words.draw_folds(len(loans), declared.statistics_folds, seed=spec.seed)
    told = statistics.columns_of_teachers(loans.words, loans.bads, folds)
    return _Taught(_laid_out(declared.columns, loans, told), statistics)


def _laid_out(features: Sequence[Feature], loans: Loans, told: dict[str, Floats]) -> Matrix:
    found = {**loans.columns, **told}
    rows: Matrix = np.column_stack([found[each.name].astype(np.float32) for each in features])
    return np.where(np.isfinite(rows), rows, np.float32(np.nan))


def _blend(
    choice: Choice,
    lessons: Sequence[Lesson],
    features: Sequence[Feature],
    *,
    shares: Sequence[float],
) -> tuple[float, Floats]:
    """Choose the scorecard's part in the log-odds on the folds; give it with the margins."""
    margins = np.concatenate(choice.margins)
    if not any(shares):
        return 0.0, margins
    cards = np.concatenate(
        [
            _card(lesson.teaching, lesson.teaching_bads, features).margins(lesson.judging)
            for lesson in lessons
        ]
    )
    bads = np.concatenate([lesson.judging_bads for lesson in lessons])
    blends = {share: _blended(margins, cards, share) for share in shares}
    best = min(blends, key=lambda share: _log_loss(blends[share], bads))
    return best, blends[best]


def _card(matrix: Matrix, bads: Floats, features: Sequence[Feature]) -> Scorecard:
    columns = {
        each.name: matrix[:, place].astype(np.float64) for place, each in enumerate(features)
    }
    try:
        return scorecard.fit(columns, {each.name: each.sign for each in features}, bads)
    except DoesNotSettle as fault:
        raise NotTrainable(f"the scorecard: {fault}") from None


def _grown(rounds: int, loans: int, lessons: Sequence[Lesson]) -> int:
    """Give the rounds that all loans carry: half of what they have more than the folds had."""
    taught = float(np.mean([len(lesson.teaching_bads) for lesson in lessons]))
    return max(1, round(rounds * min(GROWTH_MAX, 1.0 + (loans / taught - 1.0) / 2.0)))


def _margins(booster: xgboost.Booster, rows: Matrix) -> Floats:
    return np.asarray(booster.inplace_predict(rows, predict_type="margin"), dtype=np.float64)


def _blended(margins: Floats, cards: Floats, share: float) -> Floats:
    return (1.0 - share) * margins + share * cards


def _as_pds(margins: Floats) -> Floats:
    pds = np.exp(-np.logaddexp(0.0, -margins))
    return np.clip(pds, calibration.PD_MIN, 1.0 - calibration.PD_MIN)


def _log_loss(margins: Floats, bads: Floats) -> float:
    return float(np.mean(np.logaddexp(0.0, margins) - bads * margins))


def _facts(
    loans: Loans, choice: Choice, matrix: Matrix, *, rounds: int, protected: bool
) -> dict[str, Any]:
    return {
        "rows": len(loans),
        "bads": int(loans.bads.sum()),
        "data_sha256": canonical.sha256(matrix.tobytes() + loans.bads.tobytes()),
        "with_protected": protected,
        "parameters": {name: repr(value) for name, value in choice.taught.parameters.items()},
        "rounds": rounds,
        "trials": choice.trials,
        "folds_log_loss": f"{choice.log_loss:.6f}",
    }
