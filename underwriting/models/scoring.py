"""Loading a model fail-closed, and scoring with it.

A model that is not exactly what its manifest says is not used at all: every refusal has its own
class, so an operator sees at once whether bytes, definitions, library or numbers differ.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import numpy as np
import xgboost

from underwriting import canonical
from underwriting.canonical import Unreadable
from underwriting.features import catalogue
from underwriting.features.declaration import Figures
from underwriting.models import artifact, baseline, bounds, calibration
from underwriting.models.artifact import TrainedModel
from underwriting.models.calibration import Calibration
from underwriting.models.contributions import Explainer, Method, TablesDiffer

GOLDEN_SLACK: Final = 1e-6


class ModelUnusable(Exception):
    """The model is not what its manifest says, so it scores nobody."""


class ManifestUnreadable(ModelUnusable):
    """The manifest is not one that this program writes."""


class ManifestChanged(ModelUnusable):
    """The manifest does not have the hash that it was kept with."""


class ArtifactChanged(ModelUnusable):
    """The artifact's bytes do not have the hash of the manifest."""


class FeaturesChanged(ModelUnusable):
    """Features, their order or their definitions are not those the model learnt."""


class LibraryDiffers(ModelUnusable):
    """The model was made under another version of the library that scores."""


class GoldenDiffers(ModelUnusable):
    """The golden rows do not get the probabilities they had when the model was made."""


class Model:
    """A loaded model; threads may share it."""

    def __init__(self, model_id: str, booster: xgboost.Booster, facts: dict[str, Any]) -> None:
        self._model_id = model_id
        self._booster = booster
        self._calibration: Calibration = calibration.from_plain(facts["calibration"])
        # A manifest without a bound is older than bounds.
        self._bound = tuple((str(mean), str(upper)) for mean, upper in facts.get("bound", ()))
        self._features = tuple(catalogue.CATALOGUE[name] for name in facts["features"])
        self._names = [feature.name for feature in self._features]
        # A manifest that names no method is older than the second one.
        method = Method(facts.get("contributions", Method.PRED_CONTRIBS))
        self._explainer = Explainer(booster, method)
        self._baseline = baseline.read(facts.get("baseline"), width=len(self._names))

    @property
    def model_id(self) -> str:
        """Name the model."""
        return self._model_id

    def pd(self, figures: Figures) -> Decimal:
        """Give the calibrated probability of default, rounded to a millionth."""
        return Decimal(f"{self.probabilities(self.row(figures))[0]:.6f}")

    def bound(self, pd: Decimal) -> Decimal:
        """Give the upper bound of a probability of default; itself where none is known."""
        return bounds.upper(self._bound, pd)

    def contributions(self, figures: Figures) -> tuple[tuple[str, Decimal], ...]:
        """Give each feature's part of the log-odds (exact TreeSHAP), rounded to a millionth.

        Positive parts raised the probability of default above that of the people lent to, as the
        manifest has them; of an older manifest, above the training population's.
        """
        parts = baseline.taken_off(self._explainer.one(self.row(figures)[0]), self._baseline)
        return tuple(
            (name, Decimal(f"{part:.6f}"))
            for name, part in zip(self._names, parts[:-1].tolist(), strict=True)
        )

    def probabilities(self, rows: artifact.Matrix) -> calibration.Floats:
        """Give the probability of default of many rows of features in the model's order."""
        margins = self._booster.inplace_predict(rows, predict_type="margin")
        return self._calibration.apply(np.asarray(margins, dtype=np.float64))

    def explained(self, rows: artifact.Matrix) -> calibration.Floats:
        """Give the contributions of many rows in the model's order, and last of all the bias."""
        return baseline.taken_off(self._explainer.many(rows), self._baseline)

    @property
    def features(self) -> tuple[str, ...]:
        """The features in the order of the model's columns."""
        return tuple(self._names)

    def row(self, figures: Figures) -> artifact.Matrix:
        """Give the features of one dossier as one row in the model's order; missing is NaN."""
        values = [feature.value(figures) for feature in self._features]
        return np.array(
            [[np.nan if value is None else float(value) for value in values]], dtype=np.float32
        )


def load(trained: TrainedModel) -> Model:
    """Load a model for scoring: everything must be as it was when it was made.

    Raises:
        ManifestUnreadable, ArtifactChanged, FeaturesChanged, LibraryDiffers, GoldenDiffers.
    """
    facts = _facts(trained)
    made_with, here = facts["libraries"]["xgboost"], artifact.libraries()["xgboost"]
    if made_with != here:
        raise LibraryDiffers(f"made with xgboost {made_with}, here is {here}")
    return _checked(trained, facts)


def load_under_any_library(trained: TrainedModel) -> Model:
    """Load a model to retell a decision: the numbers must agree, the versions need not.

    Raises:
        ManifestUnreadable, ArtifactChanged, FeaturesChanged, GoldenDiffers.
    """
    return _checked(trained, _facts(trained))


def _facts(trained: TrainedModel) -> dict[str, Any]:
    try:
        facts = trained.facts
        if facts["format"] != artifact.FORMAT:
            raise ManifestUnreadable("a manifest of a format that is not known here")
        names = facts["features"]
        if not isinstance(facts["libraries"]["xgboost"], str):
            raise ManifestUnreadable("the manifest does not name its library")
        if canonical.sha256(trained.artifact) != facts["artifact_sha256"]:
            raise ArtifactChanged("the artifact does not have the hash of its manifest")
        known = all(name in catalogue.CATALOGUE for name in names)
        if not known or catalogue.digest(names) != facts["features_sha256"]:
            raise FeaturesChanged("the features are not those the model learnt")
    except (Unreadable, KeyError, TypeError):
        raise ManifestUnreadable("the manifest lacks or misspells something") from None
    return facts


def _checked(trained: TrainedModel, facts: dict[str, Any]) -> Model:
    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(trained.artifact))
        booster.set_param({"nthread": 1})
        if booster.feature_names != facts["features"]:
            raise FeaturesChanged("the booster's columns are in another order")
        model = Model(trained.model_id, booster, facts)
        golden = facts["golden"]
        rows = artifact.read_rows(golden["rows"], width=len(facts["features"]))
        expected = np.array([float(text) for text in golden["pds"]], dtype=np.float64)
        if len(rows) != artifact.GOLDEN_ROWS or expected.shape != (len(rows),):
            raise ManifestUnreadable("the manifest has not its hundred golden rows")
        found = model.probabilities(rows)
    except xgboost.core.XGBoostError:
        raise ArtifactChanged("the artifact is no booster this library reads") from None
    except TablesDiffer as fault:
        raise GoldenDiffers(str(fault)) from None
    except (KeyError, TypeError, ValueError):
        raise ManifestUnreadable("the manifest lacks or misspells something") from None
    gap = float(np.abs(found - expected).max())
    if not gap <= GOLDEN_SLACK:
        raise GoldenDiffers(f"a golden row differs by {gap:.6f}")
    return model
