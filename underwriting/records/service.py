"""Tables of models in service, of lots that were drawn, and of reviews that persons owe an answer."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from kernel.append_only import append_only
from kernel.db import Base
from kernel.money import Money
from underwriting.decisions import Outcome


class PromotionKind(StrEnum):
    """How a model came into service."""

    FIRST = "first"
    """Nothing served, so there was nothing to be better than."""
    GATE = "gate"
    OVERRIDE = "override"
    """Two risk officers, without or against the gate."""
    ROLL_BACK = "roll_back"
    """The champion before came back."""


class ReviewCause(StrEnum):
    """Why a person is to look."""

    RULES = "rules"
    DEBTOR = "debtor"
    """The debtor asked for it."""


class ReviewEnd(StrEnum):
    """How a review ended without a person's word on the assessment itself."""

    WITHDRAWN = "withdrawn"
    """The application was withdrawn or ran out."""
    ASSESSED_ANEW = "assessed_anew"
    """A new assessment answered."""
    CARRIED = "carried"
    """A new assessment asks for a person as well, and its review goes on with this one's time."""


class Routing(Base):
    """Which challenger decides on what share of the applications, from a time on."""

    __tablename__ = "routing"
    __table_args__ = (CheckConstraint("share BETWEEN 0 AND 0.5", name="share_at_most_half"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(unique=True)
    """1-based; of those that have begun, the last one holds."""
    since: Mapped[datetime]
    challenger_id: Mapped[UUID | None] = mapped_column(ForeignKey("model.id"))
    """None when the champion decides on everybody."""
    share: Mapped[Decimal] = mapped_column(Numeric(7, 6))
    set_by: Mapped[str]
    """Of a larger share the second officer; the identity is derived from the first one's request."""
    set_at: Mapped[datetime]
    reason: Mapped[str]


class ShadowScore(Base):
    """What a model that did not decide said of an assessment; nothing was decided by it."""

    __tablename__ = "shadow_score"
    __table_args__ = (
        Index("ix_shadow_score_model_id", "model_id", "scored_at"),
        CheckConstraint("(pd IS NULL) = (fault IS NOT NULL)", name="scored_or_faulty"),
    )

    assessment_id: Mapped[UUID] = mapped_column(ForeignKey("assessment.id"), primary_key=True)
    model_id: Mapped[UUID] = mapped_column(ForeignKey("model.id"), primary_key=True)
    pd: Mapped[Decimal | None] = mapped_column(Numeric(7, 6))
    fault: Mapped[str | None]
    """The name of what went wrong; it is not tried again."""
    scored_at: Mapped[datetime]


class PromotionRequest(Base):
    """One risk officer's wish that a model serve against the gate, or decide on a share."""

    __tablename__ = "promotion_request"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    model_id: Mapped[UUID] = mapped_column(ForeignKey("model.id"), index=True)
    champion_id: Mapped[UUID] = mapped_column(ForeignKey("model.id"))
    """The champion it is to replace or to decide beside, and no other."""
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Of a wish for a share it names the share as well."""
    reason: Mapped[str]
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]


class Promotion(Base):
    """One model that came into service, on what evidence and by whose word."""

    __tablename__ = "promotion"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(unique=True)
    """1-based; the way back is found in this order."""
    kind: Mapped[PromotionKind]
    model_id: Mapped[UUID] = mapped_column(ForeignKey("model.id"), index=True)
    before_id: Mapped[UUID | None] = mapped_column(ForeignKey("model.id"))
    """The champion that it replaced."""
    request_id: Mapped[UUID | None] = mapped_column(ForeignKey("promotion_request.id"), unique=True)
    """Of an override: what the first officer asked for."""
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    reason: Mapped[str]
    by: Mapped[str]
    """Of an override: the second officer."""
    at: Mapped[datetime]


class ExplorationMonth(Base):
    """What the approvals at random of one month may cost at most; whoever adds locks the row."""

    __tablename__ = "exploration_month"
    __table_args__ = (CheckConstraint("loss >= 0 AND loans >= 0", name="never_negative"),)

    month: Mapped[date] = mapped_column(primary_key=True)
    """Its first day, in Shanghai."""
    loss: Mapped[Money]
    loans: Mapped[int]


class ExplorationLot(Base):
    """One application whose lot fell on an approval at random, and whether there was budget left."""

    __tablename__ = "exploration_lot"
    __table_args__ = (
        Index("ix_exploration_lot_month", "month", "drawn_at"),
        CheckConstraint("loss >= 0 AND principal >= 0", name="never_negative"),
    )

    assessment_id: Mapped[UUID] = mapped_column(ForeignKey("assessment.id"), primary_key=True)
    application_ref: Mapped[UUID] = mapped_column(index=True)
    month: Mapped[date]
    place: Mapped[int]
    share: Mapped[Decimal] = mapped_column(Numeric(7, 6))
    """With the place: how likely this approval was, for weighing it in reject inference."""
    pd: Mapped[Decimal] = mapped_column(Numeric(7, 6))
    principal: Mapped[Money]
    loss: Mapped[Money]
    """The whole loss if the loan defaults at once; charged to the month where it was granted."""
    granted: Mapped[bool]
    """False when the month had not enough left, and the decline stood."""
    drawn_at: Mapped[datetime]


class ReviewRequest(Base):
    """One assessment that a person owes an answer, since when and until when."""

    __tablename__ = "review_request"
    __table_args__ = (
        Index("ix_review_request_application_ref", "application_ref", "opened_at"),
        Index("ix_review_request_opened_at", "opened_at"),
        Index("ix_review_request_due_at", "due_at"),
    )

    assessment_id: Mapped[UUID] = mapped_column(ForeignKey("assessment.id"), primary_key=True)
    application_ref: Mapped[UUID]
    cause: Mapped[ReviewCause]
    opened_at: Mapped[datetime]
    warn_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    """None where the policy of the day said no time."""


class ReviewClosing(Base):
    """The end of a review that no person's word on the assessment ended."""

    __tablename__ = "review_closing"

    assessment_id: Mapped[UUID] = mapped_column(
        ForeignKey("review_request.assessment_id"), primary_key=True
    )
    how: Mapped[ReviewEnd]
    closed_at: Mapped[datetime]


class ReviewBreach(Base):
    """A review that was not answered in time, told once."""

    __tablename__ = "review_breach"

    assessment_id: Mapped[UUID] = mapped_column(
        ForeignKey("review_request.assessment_id"), primary_key=True
    )
    due_at: Mapped[datetime]
    told_at: Mapped[datetime]


class ReviewProposal(Base):
    """What one officer would decide against the model; another one's word makes it a review."""

    __tablename__ = "review_proposal"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    assessment_id: Mapped[UUID] = mapped_column(ForeignKey("assessment.id"), index=True)
    outcome: Mapped[Outcome]
    note: Mapped[str]
    proposed_by: Mapped[str]
    proposed_at: Mapped[datetime]


class ReviewProposalEnd(Base):
    """What became of a proposal: confirmed by another officer, or set aside."""

    __tablename__ = "review_proposal_end"

    proposal_id: Mapped[UUID] = mapped_column(ForeignKey("review_proposal.id"), primary_key=True)
    is_confirmed: Mapped[bool]
    by: Mapped[str]
    at: Mapped[datetime]


for _table in (
    Routing,
    ShadowScore,
    PromotionRequest,
    Promotion,
    ExplorationLot,
    ReviewRequest,
    ReviewClosing,
    ReviewBreach,
    ReviewProposal,
    ReviewProposalEnd,
):
    append_only(_table)
