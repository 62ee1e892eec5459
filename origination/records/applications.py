"""Tables of an application: the record, its cards, and every step it took."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from disbursement.issuing_banks import CardKind
from kernel.claims import Claimable
from kernel.db import Base
from kernel.money import Money
from kernel.moves import Moves, Step
from kernel.personal import CardNumber
from kernel.sealing import Sealed, SealedColumn
from origination.records.referrals import Locale


class ApplicationStatus(StrEnum):
    """How far an application has come."""

    STARTED = "started"
    IDENTIFIED = "identified"
    CONSENTED = "consented"
    CARDS_ENTERED = "cards_entered"
    BUDGET_ENTERED = "budget_entered"
    SUBMITTED = "submitted"
    ASSESSING = "assessing"
    REVIEW = "review"
    """A person decides."""
    DECLINED = "declined"
    OFFERED = "offered"
    SIGNED = "signed"
    PAYING = "paying"
    REQUOTE = "requote"
    """A card costs more than was signed for: the debtor is asked again."""
    ACTIVE = "active"
    """The cards were paid and the loan runs."""
    FAILED = "failed"
    """No card was paid, or every payment came back."""
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class IncomeSource(StrEnum):
    """Where the debtor says his income comes from."""

    SALARY = "salary"
    SELF_EMPLOYED = "self_employed"
    PENSION = "pension"
    BENEFITS = "benefits"
    OTHER = "other"
    NONE = "none"


CLOSED: Final = frozenset(
    {
        ApplicationStatus.DECLINED,
        ApplicationStatus.ACTIVE,
        ApplicationStatus.FAILED,
        ApplicationStatus.EXPIRED,
        ApplicationStatus.WITHDRAWN,
    }
)
"""Nothing is asked of the debtor any more, and his cards may stand in another application."""

FILLING_IN: Final = frozenset(
    {
        ApplicationStatus.STARTED,
        ApplicationStatus.IDENTIFIED,
        ApplicationStatus.CONSENTED,
        ApplicationStatus.CARDS_ENTERED,
        ApplicationStatus.BUDGET_ENTERED,
    }
)
"""The debtor has not submitted yet."""

_CLOSED_SQL: Final = ", ".join(f"'{status.value}'" for status in sorted(CLOSED))


class Application(Claimable, Base):
    """One debtor's request for one balance-transfer loan."""

    __tablename__ = "application"
    __table_args__ = (
        Index(
            "uq_application_referral_live",
            "referral_id",
            unique=True,
            postgresql_where=text(f"status NOT IN ({_CLOSED_SQL})"),
        ),
        Index(
            "uq_application_debtor_live",
            "debtor_id",
            unique=True,
            postgresql_where=text(f"status NOT IN ({_CLOSED_SQL})"),
        ),
        Index(
            "ix_application_to_assess",
            "claimed_until",
            postgresql_where=text("status IN ('submitted', 'assessing') AND NOT parked"),
        ),
        CheckConstraint("stated_monthly_income >= 0", name="income_not_negative"),
        CheckConstraint("essential_costs >= 0", name="costs_not_negative"),
    )

    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"))
    debtor_id: Mapped[UUID | None] = mapped_column(ForeignKey("debtor.id"))
    status: Mapped[ApplicationStatus] = mapped_column(index=True)
    locale: Mapped[Locale]
    started_at: Mapped[datetime]
    touched_at: Mapped[datetime]
    """When the debtor last did something; what lies untouched too long lapses."""
    stated_monthly_income: Mapped[Money | None]
    income_source: Mapped[IncomeSource | None]
    employment_months: Mapped[int | None]
    essential_costs: Mapped[Money | None]
    """A month's rent, food, care and support, as the debtor states them."""
    submitted_at: Mapped[datetime | None]
    reviewed_at: Mapped[datetime | None]
    """When a person decided; his decision is not reviewed again."""
    assessment_id: Mapped[UUID | None] = mapped_column(ForeignKey("assessment.id"))
    loan_id: Mapped[UUID | None] = mapped_column(ForeignKey("loan.id"), unique=True)

    paid_off_at: Mapped[datetime | None]
    """When the issuer's own word said that the agency's case is clear."""

    @property
    def is_live(self) -> bool:
        """Whether something may still happen without a new application."""
        return self.status not in CLOSED


class ApplicationStep(Step, Base):
    """One move of an application."""

    __tablename__ = "application_step"
    subject_table = "application"


S = ApplicationStatus
APPLICATION_MOVES: Final = Moves(
    step=ApplicationStep,
    start=frozenset({S.STARTED}),
    edges=MappingProxyType(
        {
            S.STARTED: frozenset({S.IDENTIFIED, S.EXPIRED, S.WITHDRAWN}),
            S.IDENTIFIED: frozenset({S.CONSENTED, S.EXPIRED, S.WITHDRAWN}),
            S.CONSENTED: frozenset({S.CARDS_ENTERED, S.EXPIRED, S.WITHDRAWN}),
            S.CARDS_ENTERED: frozenset({S.BUDGET_ENTERED, S.EXPIRED, S.WITHDRAWN}),
            S.BUDGET_ENTERED: frozenset({S.SUBMITTED, S.EXPIRED, S.WITHDRAWN}),
            S.SUBMITTED: frozenset({S.ASSESSING, S.WITHDRAWN}),
            # Back to submitted: a source was silent and nothing was decided.
            S.ASSESSING: frozenset({S.SUBMITTED, S.OFFERED, S.DECLINED, S.REVIEW, S.WITHDRAWN}),
            # Back to submitted: a person wants it assessed anew.
            S.REVIEW: frozenset({S.OFFERED, S.DECLINED, S.SUBMITTED, S.WITHDRAWN}),
            # A person's review is always available on request (个人信息保护法 24).
            S.DECLINED: frozenset({S.REVIEW}),
            S.OFFERED: frozenset({S.SIGNED, S.EXPIRED, S.WITHDRAWN}),
            S.SIGNED: frozenset({S.PAYING, S.WITHDRAWN, S.FAILED}),
            S.PAYING: frozenset({S.ACTIVE, S.FAILED, S.REQUOTE}),
            # Back to paying: the debtor leaves out the dearer card and others were paid.
            S.REQUOTE: frozenset({S.SIGNED, S.PAYING, S.WITHDRAWN, S.EXPIRED}),
            # Every payment came back.
            S.ACTIVE: frozenset({S.FAILED}),
        }
    ),
)
del S


class ApplicationCard(Base):
    """One card the debtor asks to have cleared; he alone entered its number."""

    __tablename__ = "application_card"
    __table_args__ = (
        Index(
            "uq_application_card_number_live",
            "number_index",
            unique=True,
            postgresql_where=text("live"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("application.id"), index=True)
    number: Mapped[Sealed[CardNumber]] = mapped_column(SealedColumn(CardNumber))
    number_index: Mapped[str] = mapped_column(String(64))
    bin: Mapped[str] = mapped_column(String(6))
    last4: Mapped[str] = mapped_column(String(4))
    issuer_code: Mapped[str | None]
    """Recognised from the number, else chosen by the debtor."""
    kind: Mapped[CardKind]
    passes_luhn: Mapped[bool]
    needs_verification: Mapped[bool]
    """The number alone does not say that this is an issuer's credit card: the issuer is asked."""
    position: Mapped[int]
    """0-based order of entry."""
    entered_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    live: Mapped[bool]
    """Whether it stands in a live application: one card, one live application."""

    @property
    def masked(self) -> str:
        """The first six and last four digits, which may be shown."""
        return f"{self.bin}******{self.last4}"
