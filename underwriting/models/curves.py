"""What a model card draws: curves and segments of one window of loans, small enough to be kept.

All of them are of loans that the measured model had not seen, and of granted loans alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import numpy as np
import xgboost
from numpy.typing import NDArray

from underwriting.features.declaration import Feature
from underwriting.models import metrics
from underwriting.models.artifact import Matrix
from underwriting.models.calibration import Floats

ROC_POINTS: Final = 25
PARTS: Final = 10
BLOCKS: Final = 20
SEGMENTED_FEATURES: Final = 4
"""Those that weigh most in the trees are looked at by thirds of their loans."""
SEGMENT_LOANS_MIN: Final = 50

Flags = NDArray[np.bool_]


def of(pds: Floats, bads: Floats) -> dict[str, Any]:
    """Give every curve of a window, spelled for a manifest.

    Raises:
        ValueError: only one kind of loan.
    """
    if not 0 < bads.sum() < len(bads):
        raise ValueError("both kinds of loan are needed to draw a curve")
    order = np.argsort(-pds, kind="stable")
    pds, bads = pds[order], bads[order]
    return {
        "roc": _roc(pds, bads),
        "calibration": _calibration(pds, bads),
        "distribution": _distribution(pds, bads),
        "gain": _gain(bads),
    }


def segments(
    pds: Floats,
    bads: Floats,
    rows: Matrix,
    features: Sequence[Feature],
    *,
    months: Sequence[date],
    weights: Mapping[str, float],
) -> list[dict[str, Any]]:
    """Measure the window by month, and by thirds of the features that weigh most."""
    at = np.array([month.isoformat()[:7] for month in months])
    found = [
        _segment(("month", month), at == month, pds, bads) for month in sorted(set(at.tolist()))
    ]
    heaviest = sorted(features, key=lambda each: (-weights.get(each.name, 0.0), each.name))
    for feature in heaviest[:SEGMENTED_FEATURES]:
        values = rows[:, features.index(feature)].astype(np.float64)
        found += [
            _segment((feature.name, value), part, pds, bads) for value, part in _thirds(values)
        ]
    return [each for each in found if each is not None]


def weights(booster: xgboost.Booster) -> dict[str, float]:
    """Give each feature's share of what all splits of the trees gained."""
    gains = {
        name: float(gain if isinstance(gain, float | int) else gain[0])
        for name, gain in booster.get_score(importance_type="total_gain").items()
    }
    total = sum(gains.values())
    return {name: gain / total for name, gain in gains.items()} if total > 0.0 else {}


def missing(rows: Matrix, names: Sequence[str]) -> dict[str, float]:
    """Give each feature's share of loans that it is missing of."""
    shares = np.isnan(rows).mean(axis=0)
    return {name: float(share) for name, share in zip(names, shares.tolist(), strict=True)}


def _roc(pds: Floats, bads: Floats) -> list[list[str]]:
    """Give points of the share of bads found against the share of goods held for bad."""
    found = np.append(0.0, np.cumsum(bads)) / bads.sum()
    alarmed = np.append(0.0, np.cumsum(1.0 - bads)) / (len(bads) - bads.sum())
    # A point stands only where the score changes, for loans of one score are not told apart.
    ends = np.append(0, np.append(np.flatnonzero(np.diff(pds) != 0) + 1, len(pds)))
    wanted = np.searchsorted(alarmed[ends] + found[ends], np.linspace(0.0, 2.0, ROC_POINTS))
    places = sorted({0, *np.minimum(wanted, len(ends) - 1).tolist(), len(ends) - 1})
    return [[_t(alarmed[ends[place]]), _t(found[ends[place]])] for place in places]


def _calibration(pds: Floats, bads: Floats) -> list[dict[str, Any]]:
    found = []
    for part in reversed(np.array_split(np.arange(len(pds)), min(PARTS, len(pds)))):
        count, total = int(bads[part].sum()), len(part)
        interval = metrics.wilson(count, total)
        found.append(
            {
                "loans": total,
                "bads": count,
                "mean_pd": _t(pds[part].mean()),
                "bad_rate": _t(count / total),
                "interval_95": interval.to_plain(),
            }
        )
    return found


def _distribution(pds: Floats, bads: Floats) -> list[dict[str, Any]]:
    # The last block takes whatever is above, so that a few far ones do not flatten the rest.
    top = float(np.quantile(pds, 0.995))
    edges = np.linspace(0.0, top, BLOCKS + 1)
    inside = np.clip(np.searchsorted(edges, pds, side="left") - 1, 0, BLOCKS - 1)
    loans = np.bincount(inside, minlength=BLOCKS)
    went = np.bincount(inside, weights=bads, minlength=BLOCKS)
    return [
        {
            "from": _t(edges[place]),
            "to": _t(edges[place + 1]),
            "loans": int(loans[place]),
            "bads": int(went[place]),
        }
        for place in range(BLOCKS)
    ]


def _gain(bads: Floats) -> list[dict[str, Any]]:
    """Cut the loans into tenths from the riskiest on."""
    found, sum_, seen = [], 0, 0
    for part in np.array_split(np.arange(len(bads)), min(PARTS, len(bads))):
        count = int(bads[part].sum())
        sum_, seen = sum_ + count, seen + len(part)
        found.append(
            {
                "loans": len(part),
                "bads": count,
                "share_of_loans": _t(seen / len(bads)),
                "share_of_bads": _t(sum_ / bads.sum()),
            }
        )
    return found


def _thirds(values: Floats) -> list[tuple[str, Flags]]:
    known = values[~np.isnan(values)]
    if not len(known):
        return []
    if len(set(known[:1000].tolist())) <= 2:
        parts = [(f"= {value:g}", values == value) for value in sorted(set(known.tolist()))]
    else:
        low, high = (float(each) for each in np.quantile(known, [1 / 3, 2 / 3]))
        parts = [
            (f"≤ {low:g}", values <= low),
            (f"{low:g} – {high:g}", (values > low) & (values <= high)),
            (f"> {high:g}", values > high),
        ]
    return [*parts, ("missing", np.isnan(values))]


def _segment(
    of_what: tuple[str, str], part: Flags, pds: Floats, bads: Floats
) -> dict[str, Any] | None:
    pds, bads = pds[part], bads[part]
    loans, count = len(bads), int(bads.sum())
    if loans < SEGMENT_LOANS_MIN:
        return None
    plain: dict[str, Any] = {
        "by": of_what[0],
        "value": of_what[1],
        "loans": loans,
        "bads": count,
        "mean_pd": _t(pds.mean()),
        "bad_rate": _t(count / loans),
        "bad_rate_interval_95": metrics.wilson(count, loans).to_plain(),
        "auc": None,
        "auc_interval_95": None,
    }
    if 0 < count < loans:
        told = metrics.measure(pds, bads).to_plain()
        plain |= {"auc": told["auc"], "auc_interval_95": told["auc_interval_95"]}
    return plain


def _t(value: float) -> str:
    return f"{float(value):.6f}"
