"""How good scores were on loans whose end is known; every figure with the number behind it."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any, Final

import numpy as np

from underwriting.models.calibration import Floats

BINS: Final = 10
Z_95: Final = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Discrimination and calibration on one set of loans."""

    loans: int
    bads: int
    auc: float
    auc_error: float
    """Standard error of the AUC (Hanley and McNeil 1982)."""
    ks: float
    """Largest gap between the two distributions of the score."""
    brier: float
    log_loss: float
    calibration_error: float
    """Expected calibration error over ten bins of equal count."""
    mean_pd: float

    def to_plain(self) -> dict[str, Any]:
        """Spell the figures to six places, the AUC with its 95 % interval."""
        margin = Z_95 * self.auc_error
        return {
            "loans": self.loans,
            "bads": self.bads,
            "auc": f"{self.auc:.6f}",
            "auc_interval_95": [
                f"{max(0.0, self.auc - margin):.6f}",
                f"{min(1.0, self.auc + margin):.6f}",
            ],
            "ks": f"{self.ks:.6f}",
            "brier": f"{self.brier:.6f}",
            "log_loss": f"{self.log_loss:.6f}",
            "calibration_error": f"{self.calibration_error:.6f}",
            "mean_pd": f"{self.mean_pd:.6f}",
        }


def measure(pds: Floats, bads: Floats) -> Metrics:
    """Measure probabilities of default against what became of the loans.

    Raises:
        ValueError: only one kind of loan.
    """
    count, total = int(bads.sum()), len(bads)
    if not 0 < count < total:
        raise ValueError("both kinds of loan are needed to measure a score")
    auc = _auc(pds, bads)
    return Metrics(
        loans=total,
        bads=count,
        auc=auc,
        auc_error=_auc_error(auc, count, total - count),
        ks=_ks(pds, bads),
        brier=float(np.mean((pds - bads) ** 2)),
        log_loss=float(-np.mean(bads * np.log(pds) + (1.0 - bads) * np.log1p(-pds))),
        calibration_error=_calibration_error(pds, bads),
        mean_pd=float(np.mean(pds)),
    )


def _auc(pds: Floats, bads: Floats) -> float:
    """Give the share of pairs ranked rightly; ties count half."""
    levels, places = np.unique(pds, return_inverse=True)
    counts = np.bincount(places, minlength=len(levels)).astype(np.float64)
    ranks = np.cumsum(counts) - (counts - 1.0) / 2.0
    count = float(bads.sum())
    wins = float(ranks[places][bads > 0].sum()) - count * (count + 1.0) / 2.0
    return wins / (count * (len(bads) - count))


def _auc_error(auc: float, bads: int, goods: int) -> float:
    one, two = auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc)
    spread = (
        auc * (1.0 - auc) + (bads - 1) * (one - auc * auc) + (goods - 1) * (two - auc * auc)
    ) / (bads * goods)
    return sqrt(max(0.0, spread))


def _ks(pds: Floats, bads: Floats) -> float:
    order = np.argsort(pds, kind="stable")
    sorted_pds, sorted_bads = pds[order], bads[order]
    count = float(bads.sum())
    gaps = np.cumsum(sorted_bads) / count - np.cumsum(1.0 - sorted_bads) / (len(bads) - count)
    is_last_of_level = np.append(np.diff(sorted_pds) > 0, True)
    return float(np.abs(gaps[is_last_of_level]).max())


def _calibration_error(pds: Floats, bads: Floats) -> float:
    order = np.argsort(pds, kind="stable")
    bins = min(BINS, len(pds))
    gaps = [
        len(part) * abs(float(pds[part].mean()) - float(bads[part].mean()))
        for part in np.array_split(order, bins)
    ]
    return float(sum(gaps) / len(pds))
