"""Clearing what all three sides agree on: the row is marked, the ledger moves, the leg is matched.

In transit nets to zero for each payout: paid credits it, the bank's settlement debits it; a
return debits it, and the money back at the bank credits it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from disbursement import accounts, ledger, payouts
from disbursement.ledger import Posting
from disbursement.records.funders import Funder
from disbursement.records.ledger import Transfer
from disbursement.records.loans import Loan
from disbursement.records.payouts import LegStatus, PayoutLeg
from disbursement.records.settlement import MatchedRow
from disbursement.statements.lines import LineKind
from disbursement.transfers import ROWS_MAX
from kernel import ids
from kernel.actors import Actor
from kernel.money import ZERO, Money

AT_ONCE: Final = 1_000
"""Legs looked up by one statement."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """One row of the channel's file that books and bank agree with."""

    leg_id: UUID
    row_id: int
    kind: LineKind
    fee: Money
    """To be booked with it; zero when there is none, or none that was agreed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """When the bank settled what of a settlement day; None for what it has not."""

    day: date
    paid_on: date | None
    fees_on: date | None
    returned_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paid:
    """What the ledger needs to know about a leg."""

    amount: Money
    status: LegStatus
    funder_code: str
    channel: str


def clear(
    session: Session, agreed: Sequence[Agreed], settled: Settled, *, by: Actor, at: datetime
) -> int:
    """Clear what the bank settled of a day and count the rows that were not cleared before."""
    on = {LineKind.PAID: settled.paid_on, LineKind.RETURNED: settled.returned_on}
    wanted = [one for one in agreed if on[one.kind] is not None]
    done = 0
    for part in _parts(sorted(wanted, key=lambda one: (one.leg_id, one.kind)), AT_ONCE):
        found = _legs(session, [one.leg_id for one in part])
        fresh = _mark(session, part, found, day=settled.day, at=at)
        new = [one for one in part if one.row_id in fresh]
        postings = [
            *(_settlement(one, found[one.leg_id], on=on[one.kind] or settled.day) for one in new),
            *_charges(session, part, found, settled),
        ]
        codes = {code for posting in postings for code in (posting.debit, posting.credit)}
        accounts.open_all(session, codes, at=at)
        for batch in _parts(postings, ROWS_MAX):
            ledger.post_many(session, batch, at=at)
        for one in new:
            if one.kind is LineKind.PAID and found[one.leg_id].status is LegStatus.PAID:
                payouts.match(session, one.leg_id, by=by, at=at)
        done += len(new)
    return done


def matched_sum(session: Session, *, first: date | None = None, last: date | None = None) -> Money:
    """Add up matched payments less matched returns of the settlement days from first to last."""
    query = select(MatchedRow.kind, func.sum(MatchedRow.amount)).group_by(MatchedRow.kind)
    if first is not None:
        query = query.where(MatchedRow.day >= first)
    if last is not None:
        query = query.where(MatchedRow.day <= last)
    total = ZERO
    for kind, amount in session.execute(query):
        total += amount if kind is LineKind.PAID else -amount
    return total


def _legs(session: Session, leg_ids: Sequence[UUID]) -> dict[UUID, _Paid]:
    found = session.execute(
        select(PayoutLeg.id, PayoutLeg.amount, PayoutLeg.status, PayoutLeg.channel, Funder.code)
        .join(Loan, Loan.id == PayoutLeg.loan_id)
        .join(Funder, Funder.id == Loan.funder_id)
        .where(PayoutLeg.id.in_(leg_ids))
    )
    return {
        leg_id: _Paid(amount=amount, status=status, funder_code=code, channel=channel)
        for leg_id, amount, status, channel, code in found
        if amount is not None
    }


def _mark(
    session: Session,
    agreed: Sequence[Agreed],
    found: dict[UUID, _Paid],
    *,
    day: date,
    at: datetime,
) -> set[int]:
    """Write rows down as matched and give the numbers of those that were not before."""
    rows = [
        {
            "row_id": one.row_id,
            "leg_id": one.leg_id,
            "kind": one.kind,
            "day": day,
            "amount": found[one.leg_id].amount,
            "at": at,
        }
        for one in agreed
    ]
    marked = insert(MatchedRow).on_conflict_do_nothing().returning(MatchedRow.row_id)
    return set(session.scalars(marked, rows))


def _settlement(one: Agreed, leg: _Paid, *, on: date) -> Posting:
    bank, transit = accounts.funding_bank(leg.funder_code), accounts.in_transit(leg.channel)
    is_paid = one.kind is LineKind.PAID
    return Posting(
        id=ids.derived(one.leg_id, "settled" if is_paid else "returned"),
        debit=transit if is_paid else bank,
        credit=bank if is_paid else transit,
        amount=leg.amount,
        reason="payout_settled" if is_paid else "return_settled",
        event_ref=one.leg_id,
        value_date=on,
    )


def _charges(
    session: Session, agreed: Iterable[Agreed], found: dict[UUID, _Paid], settled: Settled
) -> list[Posting]:
    """Give the fees that are not booked yet: one may be agreed on later than its payment."""
    if settled.fees_on is None:
        return []
    fees = {ids.derived(one.leg_id, "fee"): one for one in agreed if one.fee > ZERO}
    booked = set(session.scalars(select(Transfer.id).where(Transfer.id.in_(fees))))
    return [
        Posting(
            id=fee_id,
            debit=accounts.channel_fees(found[one.leg_id].channel),
            credit=accounts.funding_bank(found[one.leg_id].funder_code),
            amount=one.fee,
            reason="channel_fee",
            event_ref=one.leg_id,
            value_date=settled.fees_on,
        )
        for fee_id, one in fees.items()
        if fee_id not in booked
    ]


def _parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    following = iter(items)
    while part := list(islice(following, size)):
        yield part
