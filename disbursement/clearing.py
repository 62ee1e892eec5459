"""Clearing what all three sides agree on: the row is marked, the ledger moves, the leg is matched.

In transit nets to zero for each payout: paid credits it, the bank's settlement debits it; a
return debits it, and the money back at the bank credits it. Collection does so for each debit order
with both sides changed.
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

from disbursement import accounts, ledger, matches
from disbursement.ledger import Posting
from disbursement.matching import fees
from disbursement.matching.flows import COLLECTION, PAYOUT, Flow
from disbursement.records.debits import DebitOrder
from disbursement.records.funders import Funder
from disbursement.records.ledger import Transfer
from disbursement.records.loans import Loan
from disbursement.records.payouts import PayoutLeg
from disbursement.records.settlement import MatchedRow
from disbursement.transfers import ROWS_MAX
from kernel import ids
from kernel.actors import Actor
from kernel.money import ZERO, Money

AT_ONCE: Final = 1_000
"""Orders looked up by one statement."""
_REASONS: Final = {
    PAYOUT: ("payout_settled", "return_settled"),
    COLLECTION: ("collection_settled", "charge_back_settled"),
}
"""Of what went, and of what came back."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """One row of the channel's file that books and bank agree with."""

    order_id: UUID
    """The leg's or the debit order's."""
    row_id: int
    is_back: bool
    """Whether it is the return of what went before."""
    fee: Money
    """To be booked with it; zero when there is none, or none that was agreed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """When the bank settled what of a settlement day, one way; None for what it has not."""

    flow: Flow
    day: date
    paid_on: date | None
    fees_on: date | None
    returned_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paid:
    """What the ledger needs to know about an order."""

    amount: Money
    funder_code: str
    channel: str


def clear(
    session: Session, agreed: Sequence[Agreed], settled: Settled, *, by: Actor, at: datetime
) -> int:
    """Clear what the bank settled of a day and count the rows that were not cleared before."""
    on = {False: settled.paid_on, True: settled.returned_on}
    wanted = [one for one in agreed if on[one.is_back] is not None]
    done = 0
    for part in _parts(sorted(wanted, key=lambda one: (one.order_id, one.is_back)), AT_ONCE):
        found = _orders(session, settled.flow, [one.order_id for one in part])
        fresh = _mark(session, part, found, settled, at=at)
        new = [one for one in part if one.row_id in fresh]
        postings = [
            *(
                _settlement(
                    one,
                    found[one.order_id],
                    flow=settled.flow,
                    on=on[one.is_back] or settled.day,
                )
                for one in new
            ),
            *_charges(session, part, found, settled),
        ]
        codes = {code for posting in postings for code in (posting.debit, posting.credit)}
        accounts.open_all(session, codes, at=at)
        for batch in _parts(postings, ROWS_MAX):
            ledger.post_many(session, batch, at=at)
        if settled.flow is PAYOUT:
            paid = [one.order_id for one in new if not one.is_back]
            matches.match_all(session, paid, by=by, at=at)
        done += len(new)
    return done


def matched_sum(
    session: Session, flow: Flow, *, first: date | None = None, last: date | None = None
) -> Money:
    """Add up what matched one way, less returns, of the settlement days from first to last."""
    query = (
        select(MatchedRow.kind, func.sum(MatchedRow.amount))
        .where(MatchedRow.kind.in_([flow.went, flow.came_back]))
        .group_by(MatchedRow.kind)
    )
    if first is not None:
        query = query.where(MatchedRow.day >= first)
    if last is not None:
        query = query.where(MatchedRow.day <= last)
    total = ZERO
    for kind, amount in session.execute(query):
        total += amount if kind is flow.went else -amount
    return total


def _orders(session: Session, flow: Flow, order_ids: Sequence[UUID]) -> dict[UUID, _Paid]:
    order: type[PayoutLeg | DebitOrder] = PayoutLeg if flow is PAYOUT else DebitOrder
    found = session.execute(
        select(order.id, order.amount, order.channel, Funder.code)
        .join(Loan, Loan.id == order.loan_id)
        .join(Funder, Funder.id == Loan.funder_id)
        .where(order.id.in_(order_ids))
    )
    return {
        order_id: _Paid(amount=amount, funder_code=code, channel=channel)
        for order_id, amount, channel, code in found
        if amount is not None
    }


def _mark(
    session: Session,
    agreed: Sequence[Agreed],
    found: dict[UUID, _Paid],
    settled: Settled,
    *,
    at: datetime,
) -> set[int]:
    """Write rows down as matched and give the numbers of those that were not before."""
    flow = settled.flow
    rows = [
        {
            "row_id": one.row_id,
            "leg_id": one.order_id if flow is PAYOUT else None,
            "debit_id": None if flow is PAYOUT else one.order_id,
            "kind": flow.came_back if one.is_back else flow.went,
            "day": settled.day,
            "amount": found[one.order_id].amount,
            "at": at,
        }
        for one in agreed
    ]
    marked = insert(MatchedRow).on_conflict_do_nothing().returning(MatchedRow.row_id)
    return set(session.scalars(marked, rows))


def _settlement(one: Agreed, order: _Paid, *, flow: Flow, on: date) -> Posting:
    is_payout = flow is PAYOUT
    bank = accounts.funding_bank(order.funder_code)
    between = (accounts.in_transit if is_payout else accounts.collection)(order.channel)
    reaches_bank = is_payout is one.is_back
    return Posting(
        id=ids.derived(one.order_id, "returned" if one.is_back else "settled"),
        debit=bank if reaches_bank else between,
        credit=between if reaches_bank else bank,
        amount=order.amount,
        reason=_REASONS[flow][one.is_back],
        event_ref=one.order_id,
        value_date=on,
    )


def _charges(
    session: Session, agreed: Iterable[Agreed], found: dict[UUID, _Paid], settled: Settled
) -> list[Posting]:
    """Give the fees that are not booked yet: one may be agreed on later than its payment."""
    if settled.fees_on is None:
        return []
    charged = {fees.booking_id(one.order_id): one for one in agreed if one.fee > ZERO}
    booked = set(session.scalars(select(Transfer.id).where(Transfer.id.in_(charged))))
    return [
        Posting(
            id=identity,
            debit=accounts.channel_fees(found[one.order_id].channel),
            credit=accounts.funding_bank(found[one.order_id].funder_code),
            amount=one.fee,
            reason="channel_fee",
            event_ref=one.order_id,
            value_date=settled.fees_on,
        )
        for identity, one in charged.items()
        if identity not in booked
    ]


def _parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    following = iter(items)
    while part := list(islice(following, size)):
        yield part
