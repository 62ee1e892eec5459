"""The gate a challenger passes to become the champion: all conditions hold, or nothing changes.

Both models score the same loans, so the loans are drawn anew in pairs: what is hard about a loan is
hard for both, and only the difference is judged. The judge is told what it must see (the loans are
later than anything either model learnt from), and what was not measured does not hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from underwriting.models import metrics, stability
from underwriting.models.calibration import Floats
from underwriting.models.metrics import TAIL, Interval, Metrics

DRAWS: Final = 1000
DRAWS_MIN: Final = 200
"""Fewer draws do not carry the outer fortieth of a distribution."""
DRAWS_MAX: Final = 10_000


SHARE_CHECKS: Final = frozenset({"calibration_error", "signs"})
"""What holds of a challenger that decides on a share; that it is better, the share is to show."""
SHARE_LOANS_MIN: Final = 100
SHARE_BADS_MIN: Final = 20
"""Without an interval to be passed, fewer loans of a kind would pass by luck."""


class Form(StrEnum):
    """What the comparison must show."""

    BETTER = "better"
    """Both intervals of the difference leave nothing out on the challenger's side of 0."""
    NOT_WORSE = "not_worse"
    """No interval of the difference reaches beyond its margin on the champion's side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How strict the gate is, and what is known of the challenger beside its scores."""

    form: Form = Form.BETTER
    auc_margin: Decimal = Decimal("0.005")
    log_loss_margin: Decimal = Decimal("0.001")
    calibration_error_max: Decimal = Decimal("0.02")
    psi_max: Decimal = Decimal("0.10")
    training_pds: Floats | None = None
    """What the challenger says of the loans it learnt from; None: its stability is unknown."""
    broken_signs: tuple[str, ...] | None = None
    """Features whose declared sign the shipped artefact breaks; None: they were not probed."""


STRICT: Final = Conditions()
"""Nothing is known of stability and signs, so nothing passes: whoever knows says so."""


class Difference(NamedTuple):
    """The challenger's figure less the champion's, with its 95 % interval over paired draws."""

    value: float
    interval: Interval

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:+.4f} ({low:+.4f} to {high:+.4f})"


@dataclass(frozen=True, slots=True)
class Check:
    """One condition: what was found, what was asked, and whether it holds."""

    name: str
    holds: bool
    found: str
    asked: str

    def __str__(self) -> str:
        return f"{self.name}: {self.found}, asked is {self.asked}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the challenger may become the champion, with every reason."""

    form: Form
    loans: int
    draws: int
    seed: int
    champion: Metrics
    challenger: Metrics
    auc: Difference
    log_loss: Difference
    checks: tuple[Check, ...]

    @property
    def is_passed(self) -> bool:
        """Whether every condition holds."""
        return all(check.holds for check in self.checks)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Say of each condition that does not hold what was found and what was asked."""
        return tuple(str(check) for check in self.checks if not check.holds)

    @property
    def against_a_share(self) -> tuple[str, ...]:
        """Say what keeps the challenger from deciding on a share: the weaker gate of SHARE_CHECKS."""
        loans, bads = self.challenger.loans, self.challenger.bads
        few = loans < SHARE_LOANS_MIN or not SHARE_BADS_MIN <= bads <= loans - SHARE_BADS_MIN
        asked = f"{SHARE_LOANS_MIN} with {SHARE_BADS_MIN} bad and {SHARE_BADS_MIN} good"
        return ((f"loans: {loans}, {bads} of them bad, asked are {asked}",) if few else ()) + tuple(
            str(check) for check in self.checks if check.name in SHARE_CHECKS and not check.holds
        )

    def to_plain(self) -> dict[str, Any]:
        """Spell the verdict with everything it stands on."""
        return {
            "passed": self.is_passed,
            "form": self.form.value,
            "loans": self.loans,
            "draws": self.draws,
            "seed": self.seed,
            "champion": self.champion.to_plain(),
            "challenger": self.challenger.to_plain(),
            "auc_difference": f"{self.auc.value:.6f}",
            "auc_difference_interval_95": self.auc.interval.to_plain(),
            "log_loss_difference": f"{self.log_loss.value:.6f}",
            "log_loss_difference_interval_95": self.log_loss.interval.to_plain(),
            "checks": [
                {"name": each.name, "holds": each.holds, "found": each.found, "asked": each.asked}
                for each in self.checks
            ],
        }


def compare(
    champion_pds: Floats,
    challenger_pds: Floats,
    bads: Floats,
    *,
    seed: int,
    draws: int = DRAWS,
    conditions: Conditions = STRICT,
) -> Verdict:
    """Compare two models on the same loans, and judge the challenger.

    Raises:
        ValueError: only one kind of loan, rows that do not pair, a number that is no probability,
            or too few or too many draws.
    """
    if not champion_pds.shape == challenger_pds.shape == bads.shape:
        raise ValueError("both models score the same loans")
    if not DRAWS_MIN <= draws <= DRAWS_MAX:
        raise ValueError(f"between {DRAWS_MIN} and {DRAWS_MAX} draws are made")
    champion, challenger = (metrics.measure(pds, bads) for pds in (champion_pds, challenger_pds))
    aucs, losses = _drawn(champion_pds, challenger_pds, bads, seed=seed, draws=draws)
    auc = Difference(challenger.auc - champion.auc, _interval(aucs))
    log_loss = Difference(challenger.log_loss - champion.log_loss, _interval(losses))
    return Verdict(
        form=conditions.form,
        loans=len(bads),
        draws=draws,
        seed=seed,
        champion=champion,
        challenger=challenger,
        auc=auc,
        log_loss=log_loss,
        checks=(
            _auc_check(auc, conditions),
            _log_loss_check(log_loss, conditions),
            _calibration_check(challenger, conditions),
            _stability_check(challenger_pds, conditions),
            _signs_check(conditions),
        ),
    )


def _auc_check(found: Difference, conditions: Conditions) -> Check:
    margin = _margin(conditions.auc_margin, conditions)
    return Check("auc", found.interval.low > -margin, str(found), f"all above {0.0 - margin:+.4f}")


def _log_loss_check(found: Difference, conditions: Conditions) -> Check:
    margin = _margin(conditions.log_loss_margin, conditions)
    return Check("log_loss", found.interval.high < margin, str(found), f"all below {margin:+.4f}")


def _margin(margin: Decimal, conditions: Conditions) -> float:
    return 0.0 if conditions.form is Form.BETTER else float(margin)


def _calibration_check(challenger: Metrics, conditions: Conditions) -> Check:
    found, most = challenger.calibration_error, conditions.calibration_error_max
    return Check("calibration_error", found <= float(most), f"{found:.4f}", f"at most {most}")


def _stability_check(pds: Floats, conditions: Conditions) -> Check:
    asked = f"below {conditions.psi_max}"
    if conditions.training_pds is None:
        return Check("psi", holds=False, found="not measured", asked=asked)
    found = stability.psi(conditions.training_pds, pds).value
    return Check("psi", found < float(conditions.psi_max), f"{found:.4f}", asked)


def _signs_check(conditions: Conditions) -> Check:
    broken, asked = conditions.broken_signs, "every declared sign"
    if broken is None:
        return Check("signs", holds=False, found="not probed", asked=asked)
    return Check("signs", not broken, f"broken: {', '.join(broken) or 'none'}", asked)


def _interval(drawn: Floats) -> Interval:
    low, high = np.quantile(drawn, (TAIL, 1.0 - TAIL))
    return Interval(float(low), float(high))


@dataclass(frozen=True, slots=True)
class _Ranking:
    """A score's loans by level, so that an AUC of drawn loans is two sums."""

    levels: NDArray[np.int64]
    count: int

    def auc(self, bads: Floats, goods: Floats) -> float:
        """Give the AUC of loans that were drawn so many times; ties count half."""
        bads_at = np.bincount(self.levels, weights=bads, minlength=self.count)
        goods_at = np.bincount(self.levels, weights=goods, minlength=self.count)
        wins = bads_at @ (np.cumsum(goods_at) - goods_at / 2.0)
        return float(wins / (bads_at.sum() * goods_at.sum()))


def _ranking(pds: Floats) -> _Ranking:
    levels, places = np.unique(pds, return_inverse=True)
    return _Ranking(places.astype(np.int64), len(levels))


def _drawn(
    champion_pds: Floats, challenger_pds: Floats, bads: Floats, *, seed: int, draws: int
) -> tuple[Floats, Floats]:
    """Draw the loans anew, with their bads and goods, and give both differences of each draw.

    Bads and goods are drawn apart: every draw has both kinds, and the share of bads, which says
    nothing of either model, stays what it was.
    """
    # In the champion's order the sums below run through memory and not across it.
    order = np.argsort(champion_pds, kind="stable")
    champion_pds, challenger_pds, bads = champion_pds[order], challenger_pds[order], bads[order]
    rankings = _ranking(champion_pds), _ranking(challenger_pds)
    losses = _losses(challenger_pds, bads) - _losses(champion_pds, bads)
    kinds = [np.flatnonzero(bads > 0), np.flatnonzero(bads <= 0)]
    draw = np.random.default_rng(seed)
    found = np.empty((2, draws))
    for place in range(draws):
        weights = np.zeros((2, len(bads)))
        for kind, rows in enumerate(kinds):
            picked = rows[draw.integers(0, len(rows), len(rows))]
            weights[kind] = np.bincount(picked, minlength=len(bads))
        champion, challenger = (ranking.auc(weights[0], weights[1]) for ranking in rankings)
        found[:, place] = challenger - champion, float(weights.sum(axis=0) @ losses) / len(bads)
    return found[0], found[1]


def _losses(pds: Floats, bads: Floats) -> Floats:
    found: Floats = -(bads * np.log(pds) + (1.0 - bads) * np.log1p(-pds))
    return found
