"""One set, one honest split, every model on the same columns: who ranks and who is calibrated."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.models_rivals import NotInstalled
from underwriting.models import gate, metrics
from underwriting.models.calibration import PD_MIN, Floats
from underwriting.models.gate import Difference
from underwriting.models.metrics import Metrics
from underwriting.models.reading import Loans

DRAWS: Final = 500
SEED: Final = 20261124
OURS: Final = "ours: tuned, monotone"

Fit = Callable[[Loans, Loans], Floats]
"""Learn from the first loans and give the probabilities of the second."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one model came to; None where it could not run, and the note says why."""

    model: str
    measured: Metrics | None
    pds: Floats | None
    cpu_seconds: float
    note: str = ""

    def __str__(self) -> str:
        found = self.measured
        return self.note if found is None else f"AUC {found.auc:.4f} ± {found.auc_error:.4f}"

    def as_plain(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "measured": None if self.measured is None else self.measured.to_plain(),
            "auc_error": None if self.measured is None else f"{self.measured.auc_error:.6f}",
            "cpu_seconds": round(self.cpu_seconds, 1),
            "note": self.note,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """All models on one set."""

    name: str
    taught: int
    judged: int
    columns: int
    entries: tuple[Entry, ...]
    behind: Difference | None
    """Our AUC less that of the best other; None when nobody else ran."""
    best: str

    @property
    def is_level(self) -> bool | None:
        """Whether ours is at most one standard error of the best one's AUC behind it."""
        errors = [
            entry.measured.auc_error
            for entry in self.entries
            if entry.model == self.best and entry.measured is not None
        ]
        return None if self.behind is None else self.behind.value >= -errors[0]

    def as_plain(self) -> dict[str, Any]:
        return {
            "set": self.name,
            "taught": self.taught,
            "judged": self.judged,
            "columns": self.columns,
            "models": [entry.as_plain() for entry in self.entries],
            "best_other": self.best,
            "difference": None if self.behind is None else str(self.behind),
            "is_level": self.is_level,
        }


def hold(name: str, sides: tuple[Loans, Loans], models: Mapping[str, Fit], say: Say) -> Contest:
    """Let every model learn from the same loans and be judged on the same others."""
    teaching, judging = sides
    entries = []
    for model, fit in models.items():
        say(f"{name}: {model} ...")
        entries.append(entered(model, fit, teaching, judging))
        say(f"{name}: {model}: {entries[-1]}")
    others = [entry for entry in entries if entry.model != OURS and entry.measured is not None]
    best = max(others, key=lambda entry: entry.measured.auc, default=None)  # type: ignore[union-attr]
    ours = next((entry for entry in entries if entry.model == OURS), None)
    return Contest(
        name=name,
        taught=len(teaching),
        judged=len(judging),
        columns=len(teaching.columns) + len(teaching.words),
        entries=tuple(entries),
        behind=difference(best, ours, judging.bads),
        best="" if best is None else best.model,
    )


def difference(one: Entry | None, other: Entry | None, bads: Floats) -> Difference | None:
    """Give how much the other's AUC is above the one's, over paired draws of the loans."""
    if one is None or other is None or one.pds is None or other.pds is None:
        return None
    return gate.compare(one.pds, other.pds, bads, seed=SEED, draws=DRAWS).auc


def entered(model: str, fit: Fit, teaching: Loans, judging: Loans) -> Entry:
    begun = time.process_time()
    try:
        pds = np.clip(fit(teaching, judging), PD_MIN, 1.0 - PD_MIN)
    except NotInstalled as fault:
        return Entry(model=model, measured=None, pds=None, cpu_seconds=0.0, note=str(fault))
    taken = time.process_time() - begun
    measured = metrics.measure(pds, judging.bads)
    return Entry(model=model, measured=measured, pds=pds, cpu_seconds=taken)
