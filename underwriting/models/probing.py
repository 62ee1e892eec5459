"""What the gate asks of a finished model besides its scores: its signs, and whom it learnt from.

Both are asked of what is shipped, the artifact with its calibration, and not of what made it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from underwriting.features import catalogue
from underwriting.features.declaration import Sign
from underwriting.models import artifact
from underwriting.models.calibration import Floats
from underwriting.models.scoring import Model

STEPS: Final = 9
SLACK: Final = 1e-6
POINTS: Final = 200
"""Enough for ten bins of equal count."""


def broken_signs(model: Model, facts: dict[str, Any]) -> tuple[str, ...]:
    """Name the features whose declared sign the probability of default does not obey.

    Each signed feature is moved over its range in the golden rows, on every one of them.
    """
    golden = artifact.read_rows(facts["golden"]["rows"], width=len(model.features))
    broken = []
    for place, name in enumerate(model.features):
        sign = catalogue.CATALOGUE[name].sign
        known = golden[~np.isnan(golden[:, place]), place]
        if sign is Sign.FREE or not len(known):
            continue
        probes = np.repeat(golden, STEPS, axis=0)
        steps = np.quantile(known, np.linspace(0.0, 1.0, STEPS)).astype(np.float32)
        probes[:, place] = np.tile(steps, len(golden))
        moves = np.diff(model.probabilities(probes).reshape(len(golden), STEPS), axis=1)
        if float((moves * int(sign)).min()) < -SLACK:
            broken.append(name)
    return tuple(broken)


def spell_scores(pds: Floats) -> list[str]:
    """Spell the spread of the scores a model learnt from as evenly spaced quantiles."""
    places = (np.arange(POINTS) + 0.5) / POINTS
    return [f"{pd:.6f}" for pd in np.quantile(pds, places).tolist()]


def read_scores(facts: dict[str, Any]) -> Floats | None:
    """Read that spread from a manifest; None of one that is older than it."""
    spelled = facts.get("scores")
    return None if spelled is None else np.array([float(text) for text in spelled])
