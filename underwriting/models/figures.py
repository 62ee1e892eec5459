"""The figures of an evaluation as numbers for programs: six places, each with its 95 % interval.

What is kept for ever (manifests, evidence of the gate) spells its figures as text, so that its
bytes have one form; a report that is read and thrown away gives numbers.
"""

from __future__ import annotations

from typing import Any, Final

from underwriting.models import metrics
from underwriting.models.calibration import Floats
from underwriting.models.metrics import Closeness, Interval, Metrics
from underwriting.models.stability import Stability

PLACES: Final = 6
RANKING: Final = ("auc", "ks")
"""Of one kind of loan alone there are none."""
CLOSENESS: Final = {
    "brier": "brier",
    "log_loss": "log_loss",
    "ece": "calibration_error",
    "mean_pd": "mean_pd",
    "bad_rate": "bad_rate",
}


def of_scores(pds: Floats, bads: Floats) -> dict[str, Any]:
    """Measure probabilities of default; of one kind of loan alone AUC and KS are None.

    Raises:
        ValueError: no loan, or a probability that is not between 0 and 1.
    """
    is_of_both = 0 < bads.sum() < len(bads)
    return of_metrics(metrics.measure(pds, bads) if is_of_both else metrics.closeness(pds, bads))


def of_metrics(found: Metrics | Closeness) -> dict[str, Any]:
    """Spell what was measured."""
    plain: dict[str, Any] = {"n": found.loans, "bads": found.bads}
    for name in RANKING:
        plain[name], plain[f"{name}_interval_95"] = None, None
        if isinstance(found, Metrics):
            plain |= _figure(name, getattr(found, name), found.intervals[name])
    for name, kept in CLOSENESS.items():
        plain |= _figure(name, getattr(found, kept), found.intervals[kept])
    plain["ece_noise"] = rounded(found.calibration_noise)
    return plain


def of_drift(found: Stability) -> dict[str, Any]:
    """Spell how far probabilities moved from those that they are compared with."""
    return {
        **_figure("psi", found.value, found.interval),
        "psi_threshold": rounded(found.threshold),
        "psi_moved": found.has_moved,
        "psi_n_before": found.expected,
    }


def rounded(value: float) -> float:
    """Round to the places of a report."""
    return round(float(value), PLACES)


def _figure(name: str, value: float, interval: Interval) -> dict[str, Any]:
    return {name: rounded(value), f"{name}_interval_95": [rounded(end) for end in interval]}
