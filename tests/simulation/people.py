"""What people do in a simulation: place, approve, cancel, sign anew, look after what went wrong.

Each is one transaction by a real verb; a refusal is an answer like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final
from uuid import UUID

from disbursement import approvals, breaks, holding, legs, loans, payouts, signoff
from disbursement.orders import LoanOrder
from disbursement.records.breaks import Resolution
from kernel.actors import Actor, Role
from kernel.clock import Clock
from kernel.db import transaction
from kernel.money import Money
from kernel.refusals import Refused
from tests.simulation.state import LegState, State
from tests.simulation.storage import Storage

MAKER: Final = Actor(Role.FINANCE_MAKER, "li.na")
CHECKER: Final = Actor(Role.FINANCE_CHECKER, "wang.fang")
SECOND: Final = Actor(Role.FINANCE_CHECKER, "zhao.min")
DEBTOR: Final = Actor(Role.DEBTOR, "debtor-1")
STAFF: Final = (MAKER, CHECKER, SECOND)

Act = Callable[[], object]


@dataclass(slots=True)
class People:
    """Everybody who decides something about the loans of a seed."""

    storage: Storage
    random: Random
    clock: Clock
    orders: Sequence[LoanOrder]
    state: State
    unfit: set[UUID] = field(default_factory=set)
    """Legs that cannot be approved, since card or name are not what was signed for."""

    def begin(self, *, approved: bool) -> None:
        """Place every order, and approve every leg if that is where the seed begins."""
        for order in self.orders:
            self._place(order)()
        self.state.look(self.storage)
        for leg in self.state.legs if approved else ():
            for who in (MAKER, CHECKER):
                self._approve(leg.id, who)()

    def acts(self) -> list[tuple[str, Act]]:
        """List what somebody could do now, looking at what is committed."""
        found = [("place", self._place(order)) for order in self.state.unplaced(self.orders)]
        for leg in self.state.legs:
            found += self._about(leg)
        return found

    def cure(self) -> list[tuple[str, Act]]:
        """List what somebody must do so that everything comes to an end, one thing for each leg."""
        found = [("place", self._place(order)) for order in self.state.unplaced(self.orders)]
        for leg in self.state.legs:
            leg_id, parked = leg.id, leg.parked
            match leg.status:
                case "failed" if parked:
                    found.append(("give up", self._unpark(leg_id)))
                case "approved" | "planned" | "requote_needed" if parked or leg_id in self.unfit:
                    found += [("call off", self._call_off(leg_id, who)) for who in STAFF]
                case "planned":
                    found += [("approve", self._approve(leg_id, who)) for who in STAFF]
                case "requote_needed":
                    found.append(("cancel leg", self._cancel_leg(leg_id)))
                case _ if parked:
                    found.append(("unpark", self._unpark(leg_id)))
        return found

    def settle_breaks(self) -> list[tuple[str, Act]]:
        """List how two persons end the breaks that nothing cured."""
        live = self.storage.rows(
            "SELECT id, kind FROM reconciliation_break WHERE status IN ('open', 'explained') "
            "AND kind NOT IN ('unresolved', 'file_missing', 'file_refused') ORDER BY id"
        )
        return [(f"resolve {kind}", self._resolve(break_id)) for break_id, kind in live]

    def sign(self, day: Any) -> Act:
        """Prepare and sign a day."""

        def act(session: Any, at: Any) -> object:
            signoff.prepare(session, day, by=MAKER, at=at)
            return signoff.sign(session, day, by=CHECKER, at=at).status

        return self._in_transaction(act)

    def _about(self, leg: LegState) -> list[tuple[str, Act]]:
        leg_id, status, chance = leg.id, leg.status, self.random.random()
        found: list[tuple[str, Act]] = []
        if status in {"planned", "requote_needed"}:
            who = self.random.choice(STAFF)
            found += [("approve", self._approve(leg_id, who))] * 3
        if status == "requote_needed":
            found.append(("raise ceiling", self._raise_ceiling(leg_id)))
        if status in {"failed", "returned"} and chance < 0.5:
            found.append(("succeed", self._succeed(leg_id)))
        if leg.parked:
            found.append(("unpark", self._unpark(leg_id)))
        if leg_id in self.unfit and leg.order_no is None and status != "cancelled":
            found += [("call off", self._call_off(leg_id, self.random.choice(STAFF)))] * 3
        if chance < 0.03:
            found.append(("cancel loan", self._cancel(leg.loan_id)))
        elif chance < 0.06 and leg.order_no is None:
            found.append(("cancel leg", self._cancel_leg(leg_id)))
            found.append(("call off", self._call_off(leg_id, self.random.choice(STAFF))))
        elif chance < 0.09:
            found.append(("hold", self._hold(leg_id)))
            found.append(("call off", self._call_off(leg_id, self.random.choice(STAFF))))
        elif chance < 0.14:
            order = self.random.choice(self.orders)
            changed = replace(order, months=24)
            found.append(("place again", self._place(order)))
            found.append(("place otherwise", self._place(changed)))
        return found

    def _place(self, order: LoanOrder) -> Act:
        return self._in_transaction(
            lambda session, at: loans.place(session, order, by=DEBTOR, at=at).status
        )

    def _approve(self, leg_id: UUID, who: Actor) -> Act:
        def act(session: Any, at: Any) -> object:
            try:
                return approvals.approve(session, leg_id, by=who, at=at).status
            except (approvals.PayeeChanged, approvals.PayeeUnreadable):
                self.unfit.add(leg_id)
                raise

        return self._in_transaction(act)

    def _cancel(self, loan_id: UUID) -> Act:
        return self._in_transaction(
            lambda session, at: (
                loans.cancel(session, loan_id, reason="withdrawn", by=DEBTOR, at=at).status
            )
        )

    def _cancel_leg(self, leg_id: UUID) -> Act:
        return self._in_transaction(
            lambda session, at: payouts.cancel_leg(
                session, leg_id, reason="given_up", by=DEBTOR, at=at
            )
        )

    def _call_off(self, leg_id: UUID, who: Actor) -> Act:
        return self._in_transaction(
            lambda session, at: holding.call_off(session, leg_id, reason="unfit", by=who, at=at)
        )

    def _succeed(self, leg_id: UUID) -> Act:
        return self._in_transaction(
            lambda session, at: payouts.succeed_leg(session, leg_id, by=MAKER, at=at).attempt
        )

    def _unpark(self, leg_id: UUID) -> Act:
        return self._in_transaction(
            lambda session, at: payouts.unpark(session, leg_id, by=MAKER, at=at)
        )

    def _hold(self, leg_id: UUID) -> Act:
        return self._in_transaction(
            lambda session, at: holding.park(session, leg_id, reason="look", by=MAKER, at=at).parked
        )

    def _raise_ceiling(self, leg_id: UUID) -> Act:
        def act(session: Any, at: Any) -> object:
            leg = session.get_one(legs.PayoutLeg, leg_id)
            ceiling = max(leg.quoted or leg.ceiling, leg.ceiling) + Money.yuan("50.00")
            return approvals.raise_ceiling(
                session, leg_id, ceiling=ceiling, contract_sha256="cd" * 32, by=DEBTOR, at=at
            ).ceiling

        return self._in_transaction(act)

    def _resolve(self, break_id: UUID) -> Act:
        def act(session: Any, at: Any) -> object:
            breaks.explain(session, break_id, text="looked into", by=MAKER, at=at)
            return breaks.resolve(
                session, break_id, resolution=Resolution.BOOKS_STAND, by=CHECKER, at=at
            ).status

        return self._in_transaction(act)

    def _in_transaction(self, act: Callable[[Any, Any], object]) -> Act:
        return in_transaction(self.clock, act)


def in_transaction(clock: Clock, act: Callable[[Any, Any], object]) -> Act:
    """Make one transaction of a verb; that it refuses is an answer."""

    def run() -> object:
        try:
            with transaction() as session:
                return act(session, clock.now())
        except Refused as refusal:
            return f"refused: {refusal.code}"

    return run
