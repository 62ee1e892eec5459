"""What a telling of the demo amounts to, each sum read from the store that owns it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from demo.debtors import Applicant
from demo.town import Town
from disbursement import reconciliation
from disbursement.records.ledger import Account, Transfer, TransferState
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel.money import Money
from underwriting import assessments
from underwriting.decisions import Decision, Outcome
from underwriting.reasons import Reason
from underwriting.records.assessments import Assessment

EVER_PAID: Final = (
    LegStatus.PAID,
    LegStatus.MATCHED,
    LegStatus.PAYOFF_VERIFIED,
    LegStatus.RETURNED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FourSides:
    """The same money seen from four stores that do not read each other."""

    paid: Money
    """Sum of the payout legs that were ever paid."""
    returned: Money
    ledger: Money
    """What the ledger's transfers say all debtors owe as principal."""
    channel: Money
    """What the channel's own books say it paid and did not get back."""
    reconciled: Money
    """What was matched between books, settlement files and bank statements."""

    @property
    def agree(self) -> bool:
        """Whether all four are the same to the fen."""
        return self.paid - self.returned == self.ledger == self.channel == self.reconciled


@dataclass(frozen=True, slots=True, kw_only=True)
class Lending:
    """What was decided, and what became of the people elsewhere."""

    approved: int
    declined: int
    in_review: int
    reasons: Mapping[Reason, int]
    """First reasons of declines."""
    limit_average: Money
    principal_average: Money
    rate_average: Decimal
    """Mean nominal annual rate of approvals, percent."""
    bad_rate_approved: Decimal | None
    bad_rate_declined: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payouts:
    """How the payments went."""

    legs: int
    unknown_at_first: int
    paid: int
    failed: int
    returned: int


def four_sides(session: Session, town: Town) -> FourSides:
    """Read the money from its four stores."""
    books = town.books()
    return FourSides(
        paid=_sum_of_legs(session, EVER_PAID),
        returned=_sum_of_legs(session, (LegStatus.RETURNED,)),
        ledger=_owed_by_the_ledger(session),
        channel=Money(int(books["paid_fen"]) - int(books["returned_fen"])),
        reconciled=reconciliation.matched_total(session),
    )


def lending(session: Session, applicants: Sequence[Applicant]) -> Lending:
    """Read the decisions and set the outcomes beside them."""
    decided = {
        record.application_ref: assessments.decision_of(record)
        for record in session.scalars(select(Assessment))
    }
    approved = [d for d in decided.values() if d.outcome is Outcome.APPROVE]
    declined = [d for d in decided.values() if d.outcome is Outcome.DECLINE]
    bad = {one.application_id: one.person.turned_bad for one in applicants}
    return Lending(
        approved=len(approved),
        declined=len(declined),
        in_review=len(decided) - len(approved) - len(declined),
        reasons=Counter(decision.reasons[0] for decision in declined),
        limit_average=_average([decision.limit for decision in approved]),
        principal_average=_average([decision.principal for decision in approved]),
        rate_average=_mean(
            [Decimal(str(d.annual_rate)) for d in approved if d.annual_rate is not None]
        ),
        bad_rate_approved=_bad_rate(approved, bad),
        bad_rate_declined=_bad_rate(declined, bad),
    )


def payouts(session: Session, *, unknown_at_first: int) -> Payouts:
    """Count the payout legs by how they ended."""
    query = select(PayoutLeg.status, func.count()).group_by(PayoutLeg.status)
    counts = {status: int(count) for status, count in session.execute(query).tuples()}
    return Payouts(
        legs=sum(counts.values()),
        unknown_at_first=unknown_at_first,
        paid=sum(counts.get(status, 0) for status in EVER_PAID),
        failed=counts.get(LegStatus.FAILED, 0),
        returned=counts.get(LegStatus.RETURNED, 0),
    )


def as_mapping(sides: FourSides, lent: Lending, paid: Payouts) -> dict[str, Any]:
    """Give the figures for a machine: fen as integers, rates as numbers."""
    return {
        "fen_paid": sides.paid.fen,
        "fen_returned": sides.returned.fen,
        "fen_ledger": sides.ledger.fen,
        "fen_channel": sides.channel.fen,
        "fen_reconciled": sides.reconciled.fen,
        "money_agrees": sides.agree,
        "approved": lent.approved,
        "declined": lent.declined,
        "in_review": lent.in_review,
        "declined_by_reason": {reason.value: count for reason, count in lent.reasons.items()},
        "limit_average": str(lent.limit_average),
        "principal_average": str(lent.principal_average),
        "annual_rate_average_pct": str(lent.rate_average),
        "bad_rate_approved": _number(lent.bad_rate_approved),
        "bad_rate_declined": _number(lent.bad_rate_declined),
        "payouts": paid.legs,
        "payouts_unknown_at_first": paid.unknown_at_first,
        "payouts_paid": paid.paid,
        "payouts_failed": paid.failed,
        "payouts_returned": paid.returned,
    }


def _sum_of_legs(session: Session, statuses: Iterable[LegStatus]) -> Money:
    query = select(func.coalesce(func.sum(PayoutLeg.amount), 0)).where(
        PayoutLeg.status.in_(tuple(statuses))
    )
    return _as_money(session.scalar(query))


def _owed_by_the_ledger(session: Session) -> Money:
    def posted(side: Any) -> Money:  # noqa: ANN401 - a mapped column
        query = (
            select(func.coalesce(func.sum(Transfer.amount), 0))
            .join(Account, Account.id == side)
            .where(
                Account.code.like("loan_principal/%"),
                Transfer.state == TransferState.POSTED,
            )
        )
        return _as_money(session.scalar(query))

    return posted(Transfer.debit_id) - posted(Transfer.credit_id)


def _as_money(value: object) -> Money:
    return value if isinstance(value, Money) else Money(int(str(value)))


def _bad_rate(decisions: Sequence[Decision], bad: Mapping[UUID, bool | None]) -> Decimal | None:
    known = [outcome for d in decisions if (outcome := bad.get(d.application_ref)) is not None]
    return Decimal(sum(known)) / len(known) if known else None


def _average(amounts: Sequence[Money]) -> Money:
    return Money(round(sum(a.fen for a in amounts) / len(amounts))) if amounts else Money(0)


def _mean(numbers: Sequence[Decimal]) -> Decimal:
    mean = sum(numbers, Decimal(0)) / len(numbers) if numbers else Decimal(0)
    return mean.quantize(Decimal("0.01"))


def _number(rate: Decimal | None) -> float | None:
    return None if rate is None else round(float(rate), 6)
