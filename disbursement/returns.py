"""What came back, by the channel's own daily list: one of three ways in which a return is heard.

A notice has the payment asked about, the list and the settlement file tell it themselves; whichever
comes first is booked, and the others change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from disbursement import evidence
from disbursement.channels.channel import Outcome, Receipt, Returned, ReturnsOfDay
from disbursement.channels.days import settlement_day
from disbursement.records.channels import ReturnsPull
from disbursement.records.payouts import PayoutLeg
from kernel import events, ids
from kernel.money import Money

LOOK_BACK_DAYS: Final = 10
"""Days of which a list that was missed is still asked for; the file tells of older ones."""
AGAIN: Final = timedelta(hours=1)
"""How often the list of a day that is not over is asked for."""

_NAMESPACE: Final = UUID("2f6f1a2e-9be9-5c5c-8f3a-6b0d5a0a3f10")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a list says about one of our payouts."""

    leg_id: UUID
    receipt: Receipt


def days_due(session: Session, channel: str, *, at: datetime) -> Sequence[date]:
    """List the settlement days whose list is to be asked for, oldest first.

    From the first payout through the channel, but at most ten days back; a day that was asked
    about after it was over is done with.
    """
    first = session.scalar(
        select(PayoutLeg.txn_time)
        .where(PayoutLeg.channel == channel, PayoutLeg.txn_time.is_not(None))
        .order_by(PayoutLeg.txn_time)
        .limit(1)
    )
    if first is None:
        return ()
    today = settlement_day(at)
    begin = max(settlement_day(first), today - timedelta(days=LOOK_BACK_DAYS))
    days = [begin + timedelta(days=n) for n in range((today - begin).days + 1)]
    pulls = session.scalars(
        select(ReturnsPull).where(ReturnsPull.channel == channel, ReturnsPull.day >= begin)
    ).all()
    done = {one.day for one in pulls if one.is_final}
    lately = {one.day for one in pulls if at - one.pulled_at < AGAIN}
    return [day for day in days if day not in done and day not in lately]


def told(session: Session, channel: str, listed: ReturnsOfDay) -> list[Told]:
    """Give what a list says about payouts of ours; the caller books each by `payouts.record`."""
    by_order_no = {one.order_no: one for one in listed.items}
    known = session.execute(
        select(PayoutLeg.order_no, PayoutLeg.id).where(
            PayoutLeg.channel == channel, PayoutLeg.order_no.in_(by_order_no)
        )
    )
    return [
        Told(leg_id=leg_id, receipt=_receipt(by_order_no[order_no]))
        for order_no, leg_id in known
        if order_no is not None
    ]


def keep(
    session: Session, channel: str, day: date, listed: ReturnsOfDay, *, at: datetime
) -> ReturnsPull:
    """Keep the list as evidence, and tell of returns of orders that we do not know."""
    evidence.keep(session, listed.exchange, channel=channel, at=at)
    ours = {one.order_no for one in listed.items} & _ours(session, channel, listed)
    strange = [one for one in listed.items if one.order_no not in ours]
    for one in strange:
        body = {"channel": channel, "order_no": one.order_no, "amount": str(one.amount)}
        subject = ids.derived(_NAMESPACE, channel, one.order_no)
        events.append(session, "payout.return_unknown", subject=subject, at=at, body=body)
    # Another worker may have pulled at the very same instant: the first row stands, and both
    # answers are kept as evidence.
    session.execute(
        insert(ReturnsPull)
        .values(
            channel=channel,
            day=day,
            pulled_at=at,
            returns=len(listed.items),
            total=Money.total(one.amount for one in listed.items),
            unknown=len(strange),
            is_final=settlement_day(at) > day,
        )
        .on_conflict_do_nothing()
    )
    return session.get_one(ReturnsPull, (channel, day, at))


def _ours(session: Session, channel: str, listed: ReturnsOfDay) -> set[str]:
    named = {one.order_no for one in listed.items}
    found = select(PayoutLeg.order_no).where(
        PayoutLeg.channel == channel, PayoutLeg.order_no.in_(named)
    )
    return {order_no for order_no in session.scalars(found) if order_no is not None}


def _receipt(one: Returned) -> Receipt:
    return Receipt(
        outcome=Outcome.RETURNED,
        text="listed among the returns of the day",
        code=None,
        reference=one.reference,
        amount=one.amount,
        returned_on=one.returned_on,
    )
