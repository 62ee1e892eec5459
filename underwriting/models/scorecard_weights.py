"""Logistic regression with a ridge and no negative weight, by Newton's method on the free weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from underwriting.models.calibration import Floats

_STEPS_MAX: Final = 100
_CLOSE: Final = 1e-9
_HALVINGS: Final = 40


class DoesNotSettle(ArithmeticError):
    """The regression found no resting place; the data are not what they should be."""


@dataclass(frozen=True, slots=True)
class _Problem:
    rows: Floats
    """The last column is the intercept's."""
    bads: Floats
    ridges: Floats

    def loss(self, weights: Floats) -> float:
        margins = self.rows @ weights
        losses = np.logaddexp(0.0, margins).sum() - self.bads @ margins
        return float(losses + self.ridges @ weights**2 / 2.0)

    def step(self, weights: Floats) -> Floats:
        """Give Newton's step of the free weights; one at 0 that would go below is bound to 0."""
        fitted = 1.0 / (1.0 + np.exp(-(self.rows @ weights)))
        gradient = self.rows.T @ (fitted - self.bads) + self.ridges * weights
        free = (weights > _CLOSE) | (gradient <= 0.0)
        free[-1] = True
        used = self.rows[:, free]
        curvature = used.T @ (used * (fitted * (1.0 - fitted))[:, None])
        curvature[np.diag_indices_from(curvature)] += self.ridges[free] + _CLOSE
        step = -weights
        step[free] = -np.linalg.solve(curvature, gradient[free])
        return step

    def moved(self, weights: Floats, step: Floats) -> Floats:
        """Go the step, or the longest of its halves that raises no loss; weights stop at 0."""
        loss = self.loss(weights)
        for halving in range(_HALVINGS):
            moved = weights + step / 2.0**halving
            moved[:-1] = np.maximum(moved[:-1], 0.0)
            if self.loss(moved) <= loss:
                return moved
        return weights


def fit(design: Floats, bads: Floats, *, ridge: float) -> tuple[Floats, float]:
    """Give the weights, none below 0, and the intercept of the log-odds of default.

    Minimises the sum of log-losses plus `ridge` / 2 times the sum of squared weights; the intercept
    is free. Source: Bertsekas 1982, projected Newton methods.

    Raises:
        DoesNotSettle: after a hundred steps the weights still move.
    """
    count = design.shape[1]
    problem = _Problem(
        np.column_stack([design, np.ones(len(design))]), bads, np.append(np.full(count, ridge), 0.0)
    )
    rate = float(bads.mean())
    weights = np.append(np.zeros(count), np.log(rate / (1.0 - rate)))
    for _ in range(_STEPS_MAX):
        moved = problem.moved(weights, problem.step(weights))
        distance = float(np.abs(moved - weights).max())
        weights = moved
        if distance < _CLOSE:
            return weights[:-1], float(weights[-1])
    raise DoesNotSettle("the weights still move after a hundred steps")
