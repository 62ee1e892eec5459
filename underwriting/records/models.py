"""Tables of the trained models and what became of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base
from kernel.moves import Moves, Step


class ModelStatus(StrEnum):
    """Whether a model scores."""

    CANDIDATE = "candidate"
    CHALLENGER = "challenger"
    """It scores beside the champion, and decides on the share that the routing gives it."""
    SERVING = "serving"
    """The champion: it scores new applications."""
    RETIRED = "retired"
    """It served before; it may serve again."""


class ModelRecord(Base):
    """One trained model: the artifact's bytes and its birth certificate."""

    __tablename__ = "model"
    __table_args__ = (
        Index(
            "uq_model_serving", "status", unique=True, postgresql_where=text("status = 'serving'")
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from the manifest's hash, so the same model is kept once."""
    name: Mapped[str] = mapped_column(unique=True)
    """What decisions call it: the spec's name and the beginning of the manifest's hash."""
    status: Mapped[ModelStatus]
    artifact: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    manifest: Mapped[str] = mapped_column(deferred=True)
    """Canonical text."""
    manifest_sha256: Mapped[str]
    registered_at: Mapped[datetime]


class ModelStep(Step, Base):
    """One move of one model."""

    __tablename__ = "model_step"
    subject_table = "model"


MODEL_MOVES: Final = Moves(
    step=ModelStep,
    start=frozenset({ModelStatus.CANDIDATE}),
    edges=MappingProxyType(
        {
            ModelStatus.CANDIDATE: frozenset(
                {ModelStatus.CHALLENGER, ModelStatus.SERVING, ModelStatus.RETIRED}
            ),
            ModelStatus.CHALLENGER: frozenset({ModelStatus.SERVING, ModelStatus.RETIRED}),
            ModelStatus.SERVING: frozenset({ModelStatus.RETIRED}),
            ModelStatus.RETIRED: frozenset({ModelStatus.CHALLENGER, ModelStatus.SERVING}),
        }
    ),
)
