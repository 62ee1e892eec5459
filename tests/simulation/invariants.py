"""What must hold after every step, whoever died where: I1 to I8, told by two ledgers.

The tables are read as they are committed; the channel's side is the sandbox's own ledger. The
edges allowed and the sums expected are written here a second time, from the design and not from
the code that they judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import UUID

from sandbox.channel.orders import Order, OrderState, Way, is_returned, state_of
from tests.simulation import collections
from tests.simulation.outside import Outside
from tests.simulation.storage import Storage

IN_FLIGHT: Final = {"submitted", "accepted", "unknown"}
LIVE: Final = {"paid", "matched", "payoff_verified"}
UNSENT: Final = {"planned", "approved", "requote_needed", "cancelled"}
WAIT_MAX: Final = timedelta(hours=8)
"""Nothing that somebody must do is put off for longer."""

EDGES: Final[dict[str, set[str]]] = {
    "planned": {"approved", "requote_needed", "cancelled"},
    "approved": {"submitted", "requote_needed", "cancelled"},
    "requote_needed": {"approved", "cancelled"},
    "submitted": {"accepted", "unknown", "paid", "failed"},
    "accepted": {"paid", "failed"},
    "unknown": {"paid", "failed"},
    "paid": {"matched", "returned"},
    "matched": {"payoff_verified", "returned"},
    "payoff_verified": {"returned"},
}

_LEGS: Final = """
SELECT l.id, l.loan_id, l.card_ref, l.attempt, l.status, l.order_no, l.amount, l.ceiling, l.parked,
    l.claimed_until, l.next_query_at, l.contradicted_at, l.approval_round, l.predecessor_id,
    (SELECT count(*) FROM payout_approval a
        WHERE a.leg_id = l.id AND a.round = l.approval_round AND a.ceiling = l.ceiling),
    (SELECT coalesce(sum(CASE WHEN d.code = 'loan_principal/' || l.loan_id
            THEN t.amount ELSE -t.amount END), 0)
        FROM transfer t JOIN account d ON d.id = t.debit_id JOIN account c ON c.id = t.credit_id
        WHERE t.event_ref = l.id AND t.state = 'posted'
            AND 'loan_principal/' || l.loan_id IN (d.code, c.code)),
    (SELECT coalesce(sum(t.amount), 0) FROM transfer t
        WHERE t.event_ref = l.id AND t.state = 'pending'
            AND NOT EXISTS (SELECT 1 FROM transfer r WHERE r.resolves = t.id)),
    (SELECT coalesce(sum(CASE WHEN d.code LIKE 'in_transit/%' THEN t.amount ELSE -t.amount END), 0)
        FROM transfer t JOIN account d ON d.id = t.debit_id JOIN account c ON c.id = t.credit_id
        WHERE t.event_ref = l.id AND t.state = 'posted'
            AND (d.code LIKE 'in_transit/%') <> (c.code LIKE 'in_transit/%')),
    (SELECT string_agg(s.to_status, ' ' ORDER BY s.position) FROM payout_step s
        WHERE s.subject_id = l.id),
    (SELECT count(*) FROM payout_step s WHERE s.subject_id = l.id AND s.latest),
    (SELECT count(*) FROM transfer t WHERE t.event_ref = l.id),
    l.channel
FROM payout_leg l ORDER BY l.id
"""
_LOANS: Final = """
SELECT n.id, n.status, n.principal, n.value_date,
    (SELECT coalesce(sum(i.principal), 0) FROM instalment i
        WHERE i.loan_id = n.id AND i.schedule_version = n.schedule_version),
    (SELECT coalesce(sum(CASE WHEN t.debit_id = a.id THEN t.amount ELSE -t.amount END), 0)
        FROM account a JOIN transfer t ON a.id IN (t.debit_id, t.credit_id)
        WHERE a.code = 'loan_principal/' || n.id AND t.state = 'posted'),
    (SELECT string_agg(s.to_status, ' ' ORDER BY s.position) FROM loan_step s
        WHERE s.subject_id = n.id),
    (SELECT count(*) FROM loan_event e WHERE e.loan_id = n.id
        AND e.kind NOT IN ('begun', 'disbursed', 'returned')),
    (SELECT count(*) FROM closed_day)
FROM loan n ORDER BY n.id
"""
_EVIDENCE: Final = """
SELECT is_genuine, verdict, reply FROM channel_evidence WHERE kind = 'notice' AND is_genuine
"""
_COUNTS: Final = """
SELECT (SELECT count(*) FROM channel_evidence), (SELECT count(*) FROM transfer)
"""


class Broken(AssertionError):
    """An invariant does not hold."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One payout leg with what the ledger and its steps say of it."""

    id: UUID
    loan_id: UUID
    card_ref: UUID
    attempt: int
    status: str
    order_no: str | None
    amount: int | None
    ceiling: int
    parked: bool
    claimed_until: datetime | None
    next_query_at: datetime | None
    contradicted_at: datetime | None
    approval_round: int
    predecessor_id: UUID | None
    approvals: int
    owed: int
    held: int
    transit: int
    steps: str
    latest: int
    transfers: int
    channel: str

    @property
    def is_by_file(self) -> bool:
        """Tell whether it goes by file: taken with its file, its own row may be left open."""
        return self.channel == "bank_direct"


@dataclass(slots=True)
class Watch:
    """Compares the books with the channel's ledger, and remembers what may only grow."""

    storage: Storage
    outside: Outside
    cards: dict[UUID, str]
    """The card number that each card was signed for."""
    debit_cards: set[str]
    counts: Counter[str]
    """What was compared, by invariant."""
    evidence: int = 0
    transfers: int = 0

    def after_step(self, at: datetime) -> None:
        """See that every invariant holds now.

        Raises:
            Broken: one does not.
        """
        self.after_call()
        leg_rows, loans, evidence, counts, debits = self.storage.many(
            _LEGS, _LOANS, _EVIDENCE, _COUNTS, collections.DEBITS
        )
        legs = [Leg(*row) for row in leg_rows]
        taken = {order.order_id: order for order in self.outside.orders(Way.COLLECTION)}
        orders = {order.order_id: order for order in self.outside.orders()}
        faults = [
            *(fault for leg in legs for fault in _of_leg(leg, orders.get(leg.order_no or ""), at)),
            *self._of_orders(legs, orders),
            *_of_loans(loans, legs),
            *self._of_evidence(evidence, counts[0]),
            *_of_successors(legs),
            *collections.faults(debits, taken, self.debit_cards, at),
        ]
        self._count(legs, loans, orders=orders, debits=debits, taken=taken)
        self.counts["checked I5"] += 2 + len(evidence)
        if faults:
            raise Broken("; ".join(faults))

    def _count(
        self,
        legs: list[Leg],
        loans: list[Any],
        *,
        orders: dict[str, Order],
        debits: list[Any],
        taken: dict[str, Order],
    ) -> None:
        """Count what was just compared, by rows: nobody takes a check of nothing for a check."""
        every = len(legs) + len(debits)
        self.counts.update(
            {
                "checked I1": every,
                "checked I2": every + len(orders) + len(taken),
                "checked I3": len(legs),
                "checked I4": every,
                "checked I6": len(loans) + len(debits),
                "checked I7": sum(
                    row[1] == "active" and not row[7] and not row[8] for row in loans
                ),
                "checked I8": every + len(loans),
                "checked F23": len(orders) + len(taken),
                "checked F25": sum(leg.status in IN_FLIGHT | LIVE for leg in legs),
            }
        )

    def after_call(self) -> None:
        """See that no card is paid twice, whatever our tables say.

        Raises:
            Broken: one is.
        """
        self.counts["checked I1"] += len(self.cards)
        for card_ref, number in self.cards.items():
            live = self.outside.live_on(number)
            if len(live) > 1:
                raise Broken(f"I1: card {card_ref} is paid {len(live)} times")

    def legs(self) -> list[Leg]:
        """Read every leg."""
        return [Leg(*row) for row in self.storage.rows(_LEGS)]

    def _of_orders(self, legs: list[Leg], orders: dict[str, Order]) -> Iterator[str]:
        known = {leg.order_no: leg for leg in legs if leg.order_no is not None}
        for order_no, order in orders.items():
            leg = known.get(order_no)
            if leg is None:
                yield f"I2: the channel has order {order_no[:8]}, the books do not"
            elif leg.amount != order.content.fen:
                yield f"I2: order {order_no[:8]} has another amount at the channel"
            elif self.cards[leg.card_ref] != order.content.card_number:
                yield f"F23: order {order_no[:8]} went to another card"

    def _of_evidence(
        self, notices: list[tuple[Any, ...]], counts: tuple[int, int]
    ) -> Iterator[str]:
        evidence, transfers = counts
        if evidence < self.evidence or transfers < self.transfers:
            yield "I5: rows of evidence or of the ledger are gone"
        self.evidence, self.transfers = evidence, transfers
        for is_genuine, verdict, reply in notices:
            if is_genuine and _signature(bytes(reply)) not in self.outside.genuine:
                yield f"I5: a forged notice counts as genuine ({verdict})"


@lru_cache(maxsize=256)
def _signature(reply: bytes) -> str:
    return dict(parse_qsl(reply.decode())).get("signature", "")


def _of_loans(rows: list[tuple[Any, ...]], legs: list[Leg]) -> Iterator[str]:
    for loan_id, status, principal, _, planned, booked, steps, events, closed in rows:
        mine = [leg for leg in legs if leg.loan_id == loan_id]
        paid = sum(leg.amount or 0 for leg in mine if leg.status in LIVE)
        if status in {"active", "settled"} and principal != paid:
            yield f"I6: loan {loan_id} has principal {principal}, paid was {paid}"
        is_young = not events and not closed
        if is_young and status == "active" and not principal == planned == booked:
            yield f"I7: loan {loan_id}: stored {principal}, planned {planned}, booked {booked}"
        if status in {"cancelled", "undone"} and (principal or booked):
            yield f"I6: loan {loan_id} is {status} and still owes {principal or booked}"
        if steps.split()[-1] != status:
            yield f"I8: loan {loan_id} is {status} without a step to it"


def _of_leg(leg: Leg, order: Order | None, at: datetime) -> Iterator[str]:
    name = f"leg {leg.id} ({leg.status})"
    if leg.owed != (leg.amount if leg.status in LIVE else 0):
        yield f"I3: {name} is booked at {leg.owed}, amount {leg.amount}"
    if leg.held != (leg.amount if leg.status in IN_FLIGHT else 0):
        yield f"I3: {name} has {leg.held} set aside"
    steps = leg.steps.split()
    edges = EDGES | {"accepted": {"paid", "failed", "unknown"}} if leg.is_by_file else EDGES
    if steps[0] != "planned" or any(b not in edges.get(a, ()) for a, b in pairwise(steps)):
        yield f"I8: {name} went {leg.steps}"
    if steps[-1] != leg.status or leg.latest != 1:
        yield f"I8: {name} has no step to where it stands"
    yield from _of_channel(leg, order, at, name)
    yield from _of_task(leg, at, name)


def _of_channel(leg: Leg, order: Order | None, at: datetime, name: str) -> Iterator[str]:
    if leg.status in UNSENT:
        if order is not None:
            yield f"I2: {name} was never sent, and the channel has it"
        return
    if leg.status in LIVE and (order is None or state_of(order, at) is not OrderState.PAID):
        yield f"I2: {name} is not paid at the channel"
    if leg.status == "returned" and (order is None or not is_returned(order, at)):
        yield f"I2: {name} has not come back at the channel"
    if leg.status == "failed" and order is not None and order.verdict == "00":
        yield f"I2: {name} is paid, or will be, at the channel"
    if leg.status in IN_FLIGHT | LIVE and leg.approvals == 0:
        yield f"F25: {name} was sent without approval"


def _of_task(leg: Leg, at: datetime, name: str) -> Iterator[str]:
    if leg.status in IN_FLIGHT and not leg.parked:
        if leg.next_query_at is None:
            yield f"I4: {name} is asked about by nobody"
        elif leg.next_query_at > at + WAIT_MAX:
            yield f"I4: {name} is put off until {leg.next_query_at}"
    if leg.claimed_until is not None and leg.claimed_until > at + WAIT_MAX:
        yield f"I4: {name} is claimed until {leg.claimed_until}"


def _of_successors(legs: list[Leg]) -> Iterator[str]:
    by_id = {leg.id: leg for leg in legs}
    followed: set[UUID] = set()
    for leg in legs:
        if leg.predecessor_id is None:
            continue
        if leg.predecessor_id in followed:
            yield f"I1: leg {leg.predecessor_id} has two successors"
        followed.add(leg.predecessor_id)
        if by_id[leg.predecessor_id].status not in {"failed", "returned"}:
            yield f"I1: leg {leg.id} follows one that is neither failed nor returned"
