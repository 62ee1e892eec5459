"""The store for tests of fairness: who belongs to which group, kept apart from every decision.

Nothing that scores, decides or explains may read this table: an import contract holds that only
`underwriting/watching` knows this module.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from kernel.append_only import append_only
from kernel.db import Base
from underwriting.watched import AgeBand, Sex


class FairnessGroup(Base):
    """The groups of one application's debtor."""

    __tablename__ = "fairness_group"

    application_ref: Mapped[UUID] = mapped_column(primary_key=True)
    sex: Mapped[Sex]
    age_band: Mapped[AgeBand]
    noted_at: Mapped[datetime]


append_only(FairnessGroup)
