"""The judge: the channel's own books against our legs, our loans and our ledger.

The invariants are those of a disbursement that survives its faults: nothing paid twice (I1), the
same on both sides (I2), books that balance and re-compute (I3, I7), nothing left undecided (I4),
evidence of every answer (I5), principal that is the money out (I6), moves along the edges (I8).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from disbursement import accounts, breaks, checking, ledger, legs
from disbursement.records.breaks import Break
from disbursement.records.channels import PayoutFreeze
from disbursement.records.loans import Loan, LoanStatus
from disbursement.records.payouts import LegStatus, PayoutLeg, PayoutStep
from kernel.money import ZERO
from tests.disbursement import builders as make
from tests.faults import collecting

SETTLED = frozenset({LegStatus.MATCHED, LegStatus.PAYOFF_VERIFIED})
ENDS: Mapping[str | None, frozenset[LegStatus]] = {
    "paid": SETTLED,
    "returned": frozenset({LegStatus.RETURNED}),
    "refused": frozenset({LegStatus.FAILED}),
    None: frozenset({LegStatus.FAILED, LegStatus.CANCELLED}),
}
"""How a leg must stand by what the channel's own books say of its order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the judge found; without complaints all is well."""

    complaints: tuple[str, ...]
    paid_fen: int
    returned_fen: int
    collected_fen: int


def judge(session: Session, books: Mapping[str, Any]) -> Verdict:
    """Hold every invariant against the database and the channel's books."""
    sent = session.scalars(select(PayoutLeg)).all()
    orders = {order["orderId"]: order for order in books["orders"]}
    complaints = [
        *_paid_twice(sent, orders),
        *_different(session, sent, orders),
        *(f"books: {one}" for one in checking.check_books(session)),
        *_undecided(sent),
        *collecting.complaints(session, books["collections"]["orders"]),
        *_without_evidence(session, sent),
        *_wrong_principal(session, sent, orders),
        *_off_the_edges(session),
        *_still_in_transit(session),
    ]
    return Verdict(
        complaints=tuple(complaints),
        paid_fen=int(books["paid_fen"]),
        returned_fen=int(books["returned_fen"]),
        collected_fen=int(books["collections"]["paid_fen"]),
    )


def plain_numbers(logs: str, cards: int) -> list[str]:
    """List the cards whose whole number stands in the logs, by their last four digits."""
    numbers = (make.card_number(serial) for serial in range(1, cards + 1))
    return [number.last4 for number in numbers if number.plain in logs] + (
        ["name"] if make.NAME in logs else []
    )


def _paid_twice(sent: Iterable[PayoutLeg], orders: Mapping[str, Any]) -> Iterable[str]:
    """I1: for each card of a loan at most one payment that was not returned."""
    kept: Counter[tuple[UUID, UUID]] = Counter()
    for leg in sent:
        order = orders.get(leg.order_no or "")
        if order is not None and order["state"] == "paid" and not order["returned"]:
            kept[leg.loan_id, leg.card_ref] += 1
    yield from (f"I1: paid {n} times: {card}" for (_, card), n in kept.items() if n > 1)
    by_card = Counter(
        order["card_last4"]
        for order in orders.values()
        if order["state"] == "paid" and not order["returned"]
    )
    yield from (f"I1: card …{last4} paid {n} times" for last4, n in by_card.items() if n > 1)


def _different(
    session: Session, sent: Sequence[PayoutLeg], orders: Mapping[str, Any]
) -> Iterable[str]:
    """I2: books and channel agree about every order, or an open break names it."""
    ours = {leg.order_no: leg for leg in sent}
    open_breaks = session.scalars(select(Break).where(Break.status.in_(breaks.LIVE)))
    broken = " ".join(f"{one.subject} {one.detail}" for one in open_breaks)
    forgotten = {legs.order_no(leg.id) for leg in sent if leg.order_no is None}
    # Refusals stand in no file: a lost one is sent again under its number, for what is owed by then.
    was_restored = session.scalar(select(PayoutFreeze.id).limit(1)) is not None
    for order_no in orders.keys() - ours.keys():
        if order_no in forgotten:
            yield f"I2: the order {order_no} of a payout of ours was sent, and we do not know it"
        elif order_no not in broken:
            yield f"I2: the channel's order {order_no} is in no book of ours"
    for leg in sent:
        stands = _stands(orders.get(leg.order_no or ""))
        if leg.status not in ENDS.get(stands, ()):
            yield f"I2: leg {leg.id} is {leg.status}, the channel says {stands}"
        order = orders.get(leg.order_no or "")
        if stands == "refused" and was_restored:
            continue
        if order is not None and (leg.amount is None or leg.amount.fen != order["fen"]):
            yield f"I2: leg {leg.id} of {leg.amount}, the channel has {order['fen']} fen"


def _undecided(sent: Iterable[PayoutLeg]) -> Iterable[str]:
    """I4: every leg is final, and no person has to look."""
    for leg in sent:
        if leg.status not in legs.FINAL or leg.parked or leg.contradicted_at:
            yield f"I4: leg {leg.id} is {leg.status}, parked {leg.parked}, code {leg.code}"


def _without_evidence(session: Session, sent: Iterable[PayoutLeg]) -> Iterable[str]:
    """I5: a decided order has a genuine answer, a notice or a line in a file to show for it."""
    heard = set(
        session.scalars(
            text(
                "SELECT order_no FROM channel_evidence WHERE is_genuine"
                " UNION SELECT order_no FROM settlement_row"
            )
        )
    )
    for leg in sent:
        if leg.status in SETTLED | {LegStatus.RETURNED} and leg.order_no not in heard:
            yield f"I5: leg {leg.id} is {leg.status} without evidence"


def _wrong_principal(
    session: Session, sent: Iterable[PayoutLeg], orders: Mapping[str, Any]
) -> Iterable[str]:
    """I6: a loan's principal is what the channel paid for it and did not get back."""
    kept: defaultdict[UUID, int] = defaultdict(int)
    for leg in sent:
        if _stands(orders.get(leg.order_no or "")) == "paid":
            kept[leg.loan_id] += orders[str(leg.order_no)]["fen"]
    for loan in session.scalars(select(Loan)):
        ended = set() if kept[loan.id] else {LoanStatus.CANCELLED, LoanStatus.UNDONE}
        running = {LoanStatus.ACTIVE, LoanStatus.SETTLED} if kept[loan.id] else set()
        if loan.status not in ended | running or loan.principal.fen != kept[loan.id]:
            yield f"I6: loan {loan.id} is {loan.status} at {loan.principal}, paid {kept[loan.id]}"
        owed = ledger.balance(session, accounts.loan_principal(loan.id)).fen
        repaid = collecting.principal_repaid(session, loan.id).fen
        if owed + repaid != kept[loan.id]:
            yield f"I6: the ledger has {owed} and {repaid} repaid, paid {kept[loan.id]} fen"


def _off_the_edges(session: Session) -> Iterable[str]:
    """I8: no leg ever moved along an edge that is not in its table."""
    last: dict[UUID, str] = {}
    for step in session.scalars(select(PayoutStep).order_by(PayoutStep.position)):
        present, to = last.get(step.subject_id), LegStatus(step.to_status)
        is_allowed = (
            to in legs.MOVES.start if present is None else legs.MOVES.allows(LegStatus(present), to)
        )
        if not is_allowed or step.from_status != present:
            yield f"I8: leg {step.subject_id} moved from {present} to {to}"
        last[step.subject_id] = step.to_status


def _still_in_transit(session: Session) -> Iterable[str]:
    """I3: what went through the channel has arrived on the bank's statement."""
    left = ledger.balance(session, accounts.in_transit(legs.UNIONPAY))
    if left != ZERO:
        yield f"I3: {left} still in transit"


def _stands(order: Mapping[str, Any] | None) -> str | None:
    if order is None:
        return None
    return "returned" if order["returned"] else str(order["state"])
