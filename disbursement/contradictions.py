"""Deciding what a payout really came to when its channel said two things: by two persons.

A contradiction is never booked by itself: a payment the books hold for failed was paid after all,
or one they hold for paid was not, or the amount is another. Two different persons who have looked
into it must say the same; the second is a checker.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import approvals, legs, loans, outcomes
from disbursement.channels.channel import Outcome, Receipt
from disbursement.records.channels import PayoutRuling, Verdict
from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel import ids
from kernel.actors import Actor, Role
from kernel.refusals import FieldFault, Refused

REASON_CHARACTERS_MAX: Final = 500

_FITS: Final = {
    Verdict.WAS_PAID: legs.IN_FLIGHT | {LegStatus.FAILED},
    Verdict.WAS_NOT_PAID: legs.IN_FLIGHT | legs.LIVE,
    Verdict.BOOKS_STAND: frozenset(LegStatus),
}


class NothingToRule(Refused):
    """The channel did not contradict itself about this payout, or that was decided."""

    status = HTTPStatus.CONFLICT
    code = "nothing_to_rule"
    title = "There is nothing to decide about this payout"
    title_zh = "该笔付款没有待裁定的矛盾"


class VerdictDoesNotFit(Refused):
    """The verdict cannot be carried out on a payout and a loan that stand as these do."""

    status = HTTPStatus.CONFLICT
    code = "verdict_does_not_fit"
    title = "This verdict does not fit the payout as it stands"
    title_zh = "该裁定与付款现状不符"


class RuledAlready(Refused):
    """The same person said the same before; another one must."""

    status = HTTPStatus.CONFLICT
    code = "ruled_already"
    title = "You said so already; another person must agree"
    title_zh = "您已作出该裁定，须由另一人复核"


class NoRulingReason(Refused):
    """It was not said what was found out, or at too great length."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "ruling_reason_needed"
    title = "Say what you found out"
    title_zh = "请填写核实情况"


def rule(
    session: Session, leg_id: UUID, *, verdict: Verdict, reason: str, by: Actor, at: datetime
) -> bool:
    """Give one person's verdict; carry it out when another one gave the same; tell whether it was.

    A person may change his mind: his latest word counts. Of the two who agree one is a checker.

    Raises:
        NoSuchLeg: there is none.
        NotAnApprover: only finance staff may.
        NothingToRule: the channel did not contradict itself, or that was decided.
        VerdictDoesNotFit: the payout is not in a state of which the verdict could be true.
        NoRulingReason: nothing was said, or too much.
        RuledAlready: the same person said the same before.
    """
    if by.role not in {Role.FINANCE_MAKER, Role.FINANCE_CHECKER}:
        raise approvals.NotAnApprover(f"a {by.role} may not decide about payouts")
    said = reason.strip()
    if not 0 < len(said) <= REASON_CHARACTERS_MAX:
        fault = FieldFault("/reason", f"between 1 and {REASON_CHARACTERS_MAX} characters")
        raise NoRulingReason(faults=(fault,))
    loan = loans.lock_for_leg(session, leg_id)
    leg = legs.lock(session, leg_id)
    if leg.contradicted_at is None:
        raise NothingToRule(f"payout {leg.id} has no open contradiction")
    _require_fit(session, leg, verdict, loan.status)
    given = rulings(session, leg)
    latest = {_person(one.actor): one for one in given}
    own = latest.get(by.id)
    if own is not None and own.verdict is verdict:
        raise RuledAlready(f"{by.id} said so before")
    _keep(session, leg, verdict, said, position=len(given) + 1, by=by, at=at)
    if not any(_agree(one, verdict, by) for person, one in latest.items() if person != by.id):
        return False
    _carry_out(session, leg, verdict, said, by=by, at=at)
    return True


def rulings(session: Session, leg: PayoutLeg) -> Sequence[PayoutRuling]:
    """List what was said about the open contradiction of a leg, oldest first."""
    return session.scalars(
        select(PayoutRuling)
        .where(PayoutRuling.leg_id == leg.id, PayoutRuling.contradicted_at == leg.contradicted_at)
        .order_by(PayoutRuling.position)
    ).all()


def _require_fit(
    session: Session, leg: PayoutLeg, verdict: Verdict, loan_status: LoanStatus
) -> None:
    if leg.status not in _FITS[verdict]:
        raise VerdictDoesNotFit(f"payout {leg.id} is {leg.status}")
    if verdict is not Verdict.WAS_PAID:
        return
    if loan_status is LoanStatus.CANCELLED:
        # There is no loan to book it to: the money is claimed back, by entries of its own.
        raise VerdictDoesNotFit(f"the loan of payout {leg.id} was cancelled")
    successor = session.scalar(select(PayoutLeg).where(PayoutLeg.predecessor_id == leg.id))
    if successor is not None and successor.status is not LegStatus.CANCELLED:
        # The card would be paid twice: the second payment is given up or claimed back first.
        raise VerdictDoesNotFit(f"payout {leg.id} has a successor that is {successor.status}")


def _agree(other: PayoutRuling, verdict: Verdict, by: Actor) -> bool:
    roles = {by.role.value, other.actor.partition(":")[0]}
    return other.verdict is verdict and Role.FINANCE_CHECKER.value in roles


def _keep(
    session: Session,
    leg: PayoutLeg,
    verdict: Verdict,
    reason: str,
    *,
    position: int,
    by: Actor,
    at: datetime,
) -> None:
    assert leg.contradicted_at is not None, "there is something to rule about"
    session.add(
        PayoutRuling(
            id=ids.derived(leg.id, "ruling", leg.contradicted_at.isoformat(), position),
            leg_id=leg.id,
            contradicted_at=leg.contradicted_at,
            position=position,
            verdict=verdict,
            reason=reason,
            actor=str(by),
            at=at,
        )
    )
    session.flush()


def _carry_out(
    session: Session, leg: PayoutLeg, verdict: Verdict, reason: str, *, by: Actor, at: datetime
) -> None:
    leg.contradicted_at = None
    leg.parked = False
    body = {"verdict": verdict.value, "by": str(by)}
    outcomes.tell(session, leg, "payout.ruled", at=at, more=body)
    if verdict is Verdict.BOOKS_STAND:
        outcomes.follow(session, leg, by=by, at=at)
    elif leg.status is LegStatus.FAILED:
        outcomes.pay_after_all(session, leg, reason=f"ruled: {reason}", by=by, at=at)
    else:
        receipt = Receipt(outcome=_told(leg, verdict), text=f"ruled {verdict}: {reason}")
        outcomes.apply(session, leg, receipt, by=by, at=at)
        leg.next_query_at = outcomes.next_query_at(leg, at=at)


def _told(leg: PayoutLeg, verdict: Verdict) -> Outcome:
    """Give the answer of a channel that would have said the same of a leg as it stands."""
    if verdict is Verdict.WAS_PAID:
        return Outcome.PAID
    return Outcome.REFUSED if leg.status in legs.IN_FLIGHT else Outcome.RETURNED


def _person(actor: str) -> str:
    return actor.partition(":")[2]
