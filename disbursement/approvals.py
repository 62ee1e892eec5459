"""Approving payouts: how many people, who they may be, and that no one counts twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import legs, loans, order_checks, payees
from disbursement.records.payouts import LegStatus, PayoutApproval, PayoutLeg
from disbursement.records.products import Product
from kernel import events, ids, law, moves, sealing
from kernel.actors import Actor, Role
from kernel.clock import business_day
from kernel.money import Money
from kernel.moves import MoveRefused
from kernel.refusals import Refused
from kernel.sealing import SealBroken

POLICIES: Final = Path(__file__).parent / "policies"

_WAITING: Final = frozenset({LegStatus.PLANNED, LegStatus.REQUOTE_NEEDED})


class NotAnApprover(Refused):
    """This role may not give this approval."""

    status = HTTPStatus.FORBIDDEN
    code = "not_an_approver"
    title = "You may not approve this payout"
    title_zh = "您无权审批该笔付款"


class ApprovedAlready(Refused):
    """The same person approved this payout before; another one must."""

    code = "approved_already"
    title = "You approved this payout already; another person must"
    title_zh = "您已审批该笔付款，须由另一人复核"


class PayeeChanged(Refused):
    """Card or name of the payout are not those it was planned with."""

    code = "payee_changed"
    title = "The payee is not the one this payout was planned for"
    title_zh = "收款信息与原计划不一致"


class PayeeUnreadable(Refused):
    """The sealed card or name of the payout cannot be opened."""

    code = "seal_broken"
    title = "Card or name of this payout cannot be opened"
    title_zh = "收款信息无法解密"


class CeilingTooLow(Refused):
    """The ceiling does not cover what the issuer asks for."""

    code = "ceiling_too_low"
    title = "The amount signed for does not cover the card's debt"
    title_zh = "签约金额不足以清偿该卡欠款"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What one payout needs: how many approvals, and who may give the first."""

    approvals: int
    first_by: frozenset[Role]


def policy(ceiling: Money, *, on: date) -> Policy:
    """Tell what a payout of at most this amount needs on a day."""
    values = law.rule("approval", on=on, folder=POLICIES).values
    tier = next(
        tier
        for tier in values["tier"]
        if "up_to" not in tier or ceiling <= Money.yuan(tier["up_to"])
    )
    return Policy(
        approvals=tier["approvals"], first_by=frozenset(Role(name) for name in values["first_by"])
    )


def approve(session: Session, leg_id: UUID, *, by: Actor, at: datetime) -> PayoutLeg:
    """Give one approval; the leg moves to approved with the last one it needs.

    The first is the maker's, every later one a checker's, and all are different people.

    Raises:
        NoSuchLeg: there is none.
        MoveRefused: the leg waits for no approval.
        CeilingTooLow: the issuer's latest quote is above the ceiling.
        NotAnApprover: the role may not give this approval.
        ApprovedAlready: the same person approved it before, in whatever role.
        PayeeChanged: card or name are not those the leg was planned with.
        PayeeUnreadable: they cannot be opened.
    """
    leg = legs.lock(session, leg_id)
    if leg.status not in _WAITING:
        raise MoveRefused("payout", leg.status, LegStatus.APPROVED)
    if leg.quoted is not None and leg.quoted > leg.ceiling:
        raise CeilingTooLow(f"the issuer asks for {leg.quoted}, signed for was {leg.ceiling}")
    wanted = policy(leg.ceiling, on=business_day(at))
    given = _given(session, leg)
    _require_approver(wanted, given, by)
    require_payee(session, leg, by=by, at=at)
    position = len(given) + 1
    session.add(
        PayoutApproval(
            id=ids.derived(leg.id, "approval", leg.approval_round, by.id),
            leg_id=leg.id,
            round=leg.approval_round,
            position=position,
            actor=str(by),
            ceiling=leg.ceiling,
            payee_digest=leg.payee_digest,
            at=at,
        )
    )
    session.flush()
    if position >= wanted.approvals:
        reason = f"{position} of {wanted.approvals} approvals"
        moves.advance(
            session, leg, LegStatus.APPROVED, table=legs.MOVES, by=by, at=at, reason=reason
        )
    return leg


def raise_ceiling(
    session: Session,
    leg_id: UUID,
    *,
    ceiling: Money,
    contract_sha256: str,
    by: Actor,
    at: datetime,
) -> PayoutLeg:
    """Take the higher amount a debtor signed for after a new quote; approvals begin anew.

    `contract_sha256` is of the addendum he signed; the event keeps it.

    Raises:
        NoSuchLeg: there is none.
        MoveRefused: no new amount was asked for.
        CeilingTooLow: it does not cover the issuer's latest quote.
        AmountOutsideProduct: the loan would become larger than product or law allow.
    """
    loan = loans.lock_for_leg(session, leg_id)
    leg = legs.lock(session, leg_id)
    if leg.status is not LegStatus.REQUOTE_NEEDED:
        raise MoveRefused("payout", leg.status, "raised")
    if ceiling == leg.ceiling and leg.quoted is not None and leg.quoted <= ceiling:
        return leg
    if ceiling <= leg.ceiling or (leg.quoted is not None and ceiling < leg.quoted):
        raise CeilingTooLow(f"the issuer asks for {leg.quoted}")
    total = loan.ceiling - leg.ceiling + ceiling
    product = session.get_one(Product, loan.product_id)
    order_checks.require_amount(total, product, on=business_day(at))
    loan.ceiling = total
    leg.ceiling = ceiling
    leg.approval_round += 1
    events.append(
        session,
        "payout.ceiling_raised",
        subject=leg.id,
        at=at,
        body={"ceiling": str(ceiling), "contract_sha256": contract_sha256, "by": str(by)},
    )
    return leg


def require_payee(session: Session, leg: PayoutLeg, *, by: Actor, at: datetime) -> payees.Payee:
    """Open card and name of a leg and see that they are those it was planned with.

    Raises:
        PayeeChanged: they are not.
        PayeeUnreadable: they cannot be opened.
    """
    purpose = "check the payee of the payout"
    try:
        card = sealing.reveal(session, leg.card, subject=leg.id, purpose=purpose, by=by, at=at)
        name = sealing.reveal(session, leg.payee, subject=leg.id, purpose=purpose, by=by, at=at)
    except SealBroken:
        raise PayeeUnreadable(f"the payee of payout {leg.id} does not open") from None
    if payees.digest(leg.id, card, name) != leg.payee_digest:
        raise PayeeChanged(f"payout {leg.id} was planned for another payee")
    return payees.Payee(card, name)


def require_complete(session: Session, leg: PayoutLeg, *, on: date) -> None:
    """See that the approvals on record are enough for what is about to be sent.

    Raises:
        NotAnApprover: one is missing, or was given for another payee or a lower ceiling.
    """
    fitting = [
        approval
        for approval in _given(session, leg)
        if approval.payee_digest == leg.payee_digest and approval.ceiling == leg.ceiling
    ]
    if len(fitting) < policy(leg.ceiling, on=on).approvals:
        raise NotAnApprover(f"payout {leg.id} is not approved as it stands")


def _given(session: Session, leg: PayoutLeg) -> list[PayoutApproval]:
    return list(
        session.scalars(
            select(PayoutApproval)
            .where(PayoutApproval.leg_id == leg.id, PayoutApproval.round == leg.approval_round)
            .order_by(PayoutApproval.position)
        )
    )


def _require_approver(wanted: Policy, given: list[PayoutApproval], by: Actor) -> None:
    allowed = {Role.FINANCE_CHECKER} if given else wanted.first_by
    if by.role not in allowed:
        raise NotAnApprover(f"a {by.role} may not give approval {len(given) + 1}")
    if any(approval.actor.partition(":")[2] == by.id for approval in given):
        raise ApprovedAlready(f"{by.id} approved this payout before")
