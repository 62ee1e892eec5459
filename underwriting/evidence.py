"""Evidence for a promotion: both models on the same loans whose end is known, judged by the gate.

There are two kinds. Matured loans of our own come first: what was known when they were decided is
scored anew by both models. Where there are too few of them, a file of loans later than everything
either model learnt from may be given. What evidence there is, and what was lacking, is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

import numpy as np
import polars as pl
from sqlalchemy import text
from sqlalchemy.orm import Session

from kernel.clock import business_day
from underwriting import budget, dossier, policy
from underwriting.canonical import Unreadable
from underwriting.features import catalogue
from underwriting.features.declaration import Figures
from underwriting.models import gate, probing, registry, training
from underwriting.models.calibration import Floats
from underwriting.models.gate import Conditions, Verdict
from underwriting.models.scoring import Model
from underwriting.models.training_file import MONTH, TARGET
from underwriting.policy import NoSuchPolicy
from underwriting.records.models import ModelRecord
from underwriting.watching import bars as watching_bars

LOANS_MAX: Final = 5_000
"""Each is a dossier to be read; more narrow no interval that matters."""
SEED: Final = 20261124


class Kind(StrEnum):
    """What the models were compared on."""

    MATURED = "matured"
    """Our own loans whose end is known."""
    FILE = "file"
    """Loans of a file, later than everything either model learnt from."""
    NONE = "none"
    """There is nothing to compare on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What speaks for a challenger, or that nothing does."""

    kind: Kind
    champion: str
    challenger: str
    detail: str
    """What it rests on, in words."""
    verdict: Verdict | None

    @property
    def is_passed(self) -> bool:
        """Whether the gate lets the challenger pass."""
        return self.verdict is not None and self.verdict.is_passed

    @property
    def reasons(self) -> tuple[str, ...]:
        """Say what stands in the way."""
        return (self.detail,) if self.verdict is None else self.verdict.reasons

    @property
    def against_a_share(self) -> tuple[str, ...]:
        """Say what keeps the challenger from deciding on a share of the applications."""
        return (self.detail,) if self.verdict is None else self.verdict.against_a_share

    def to_plain(self) -> dict[str, Any]:
        """Spell it for keeping."""
        return {
            "kind": self.kind.value,
            "champion": self.champion,
            "challenger": self.challenger,
            "detail": self.detail,
            "verdict": None if self.verdict is None else self.verdict.to_plain(),
        }


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two models, with its manifest."""

    model: Model
    facts: dict[str, Any]

    @property
    def learnt_until(self) -> date:
        """Give the first day after the newest month that it learnt from."""
        newest = max(
            date.fromisoformat(month)
            for months in self.facts["windows"].values()
            for month in months
        )
        return date(newest.year + newest.month // 12, newest.month % 12 + 1, 1)


@dataclass(frozen=True, slots=True)
class Contest:
    """A champion and who would succeed it."""

    champion: Side
    challenger: Side

    @property
    def since(self) -> date:
        """Give the first day that neither of them learnt from."""
        return max(self.champion.learnt_until, self.challenger.learnt_until)


_MATURED: Final = text(
    """
    SELECT told.dossier, told.policy_version,
           EXISTS (SELECT 1 FROM loan_mark AS m
                    WHERE m.loan_id = l.id AND m.mark IN ('late_90', 'written_off')
                      AND m."on" <= :day) AS bad
      FROM loan AS l
     CROSS JOIN LATERAL (
           SELECT a.dossier, a.policy_version FROM assessment AS a
            WHERE a.application_ref = l.application_ref AND a.pd IS NOT NULL
              AND a.decided_at <= l.signed_at
            ORDER BY a.decided_at DESC, a.id DESC LIMIT 1) AS told
     WHERE l.status NOT IN ('pending', 'cancelled', 'undone')
       AND l.value_date >= :since
       AND l.value_date + make_interval(months => l.months + :after) <= :day
     ORDER BY md5(l.id::text)
     LIMIT :most
    """
)


def contest(session: Session, champion: ModelRecord, challenger: ModelRecord) -> Contest:
    """Load both models with their manifests.

    Raises:
        ModelUnusable: one of them is not what its manifest says.
    """
    return Contest(
        *(
            Side(registry.loaded(session, each), registry.intact(session, each).facts)
            for each in (champion, challenger)
        )
    )


def matured(session: Session, models: Contest, *, at: datetime) -> Evidence:
    """Compare two models on our own loans whose end is known.

    Every loan here was approved, most of them by the champion: the comparison is of approved loans
    alone, and says so.
    """
    day = business_day(at)
    bars = watching_bars.in_force(day).loans
    rows = session.execute(
        _MATURED,
        {
            "day": day,
            "since": models.since,
            "after": bars.after_term_months,
            "most": LOANS_MAX,
        },
    ).all()
    told = [(_figures(row.dossier, row.policy_version), row.bad) for row in rows]
    known = [(figures, bad) for figures, bad in told if figures is not None]
    bads = np.array([float(bad) for _, bad in known], dtype=np.float64)
    found = (
        f"{len(known)} own loans have matured since {models.since} that neither model learnt from, "
        f"{int(bads.sum())} of them bad; approved loans alone"
    )
    if len(known) < bars.loans_min or not bars.bads_min <= bads.sum() <= len(known) - bars.bads_min:
        asked = f"asked are {bars.loans_min} with {bars.bads_min} bad and {bars.bads_min} good"
        return _nothing(models, f"{found}; {asked}")
    figures = [each for each, _ in known]
    pds = [_scored(side.model, figures) for side in (models.champion, models.challenger)]
    return _judged(models, Kind.MATURED, detail=found, pds=pds, bads=bads)


def of_file(frame: pl.DataFrame, models: Contest, *, name: str) -> Evidence:
    """Compare two models on the rows of a file that are later than everything either learnt from.

    The challenger's manifest says how its scores were spread over what it learnt from.
    """
    later = frame.filter(pl.col(MONTH) >= models.since)
    bads = later[TARGET].cast(pl.Float64).to_numpy()
    found = f"{later.height} loans of {name} since {models.since}, {int(bads.sum())} of them bad"
    needed = {*models.champion.model.features, *models.challenger.model.features}
    missing = sorted(needed - set(frame.columns))
    if missing:
        return _nothing(models, f"{found}; the file lacks: {', '.join(missing)}")
    if not 0 < bads.sum() < later.height:
        return _nothing(models, f"{found}; both kinds of loan are needed")
    pds = [
        side.model.probabilities(training.matrix(later, side.model.features))
        for side in (models.champion, models.challenger)
    ]
    return _judged(models, Kind.FILE, detail=found, pds=pds, bads=bads)


def _judged(
    models: Contest, kind: Kind, *, detail: str, pds: Sequence[Floats], bads: Floats
) -> Evidence:
    challenger = models.challenger
    return Evidence(
        kind=kind,
        champion=models.champion.model.model_id,
        challenger=challenger.model.model_id,
        detail=detail,
        verdict=gate.compare(
            pds[0],
            pds[1],
            bads,
            seed=SEED,
            conditions=Conditions(
                training_pds=probing.read_scores(challenger.facts),
                broken_signs=probing.broken_signs(challenger.model, challenger.facts),
            ),
        ),
    )


def _nothing(models: Contest, detail: str) -> Evidence:
    said = models.challenger.facts.get("out_of_time", {}).get("auc", "not recorded")
    return Evidence(
        kind=Kind.NONE,
        champion=models.champion.model.model_id,
        challenger=models.challenger.model.model_id,
        detail=f"{detail}; the challenger's own AUC when it was made: {said}",
        verdict=None,
    )


def _figures(spelled: str, policy_version: str) -> Figures | None:
    try:
        told = dossier.from_bytes(spelled.encode())
        income = budget.counted_income(told, policy.load(policy_version).income)
    except (Unreadable, NoSuchPolicy):
        return None
    return catalogue.figures(told, monthly_income=income.monthly)


def _scored(model: Model, figures: Sequence[Figures]) -> Floats:
    return model.probabilities(np.concatenate([model.row(each) for each in figures]))
