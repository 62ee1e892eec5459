"""A trained model: the booster in UBJSON and its birth certificate, nothing that runs code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import xgboost
from numpy.typing import NDArray

from underwriting import canonical

FORMAT: Final = 1
GOLDEN_ROWS: Final = 100
"""Rows whose probabilities are worked out anew at every load."""

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """The bytes of a booster and of its manifest; both are kept and compared as bytes."""

    artifact: bytes
    manifest: bytes

    @property
    def model_id(self) -> str:
        """The spec's name and the beginning of the manifest's hash."""
        return f"{self.facts['spec']}-{canonical.sha256(self.manifest)[:12]}"

    @property
    def facts(self) -> dict[str, Any]:
        """What the manifest says."""
        return canonical.load(self.manifest)


def libraries() -> dict[str, str]:
    """Name the versions of the libraries that turn an artifact into numbers."""
    return {"numpy": np.__version__, "xgboost": xgboost.__version__}


def golden_rows(matrix: Matrix) -> Matrix:
    """Take rows spread evenly over the data, and last one in which everything is missing."""
    places = np.linspace(0, len(matrix) - 1, GOLDEN_ROWS - 1).astype(np.int64)
    blank = np.full((1, matrix.shape[1]), np.nan, dtype=np.float32)
    return np.concatenate([matrix[places], blank])


def spell_rows(matrix: Matrix) -> list[list[str | None]]:
    """Spell rows so that reading gives the same bits back."""
    return [[None if np.isnan(value) else repr(float(value)) for value in row] for row in matrix]


def read_rows(plain: list[list[str | None]], *, width: int) -> Matrix:
    """Read rows from their spelling.

    Raises:
        TypeError, ValueError: a row is of another width or holds no numbers.
    """
    values = [[np.nan if value is None else float(value) for value in row] for row in plain]
    if any(len(row) != width for row in values):
        raise ValueError("a golden row has another width")
    return np.array(values, dtype=np.float32).reshape(len(values), width)


def spell_manifest(facts: Mapping[str, Any]) -> bytes:
    """Spell a manifest canonically; it has no time in it, so equal training has equal bytes."""
    return canonical.dump({"format": FORMAT, **facts})
