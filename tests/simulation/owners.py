"""What people do with a loan that runs: pay it by card, prepay, settle, change it by four eyes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final
from uuid import UUID

from disbursement import amendments, debit_orders, debits, loan_events, servicing
from disbursement.allocation import Part
from disbursement.orders import LoanOrder
from disbursement.records.debits import DebitPurpose
from disbursement.schedule.events import Charged, Event, Waived
from kernel.clock import Clock, business_day
from kernel.money import Money
from kernel.personal import CardNumber, PersonName
from tests.disbursement import builders as make
from tests.simulation.people import CHECKER, DEBTOR, MAKER, SECOND, Act, in_transaction
from tests.simulation.state import DebitState, State
from tests.simulation.storage import identity

PURPOSES: Final = (
    DebitPurpose.PREPAY_SHORTEN,
    DebitPurpose.PREPAY_LOWER,
    DebitPurpose.PREPAY_LOWER,
    DebitPurpose.PAYOFF,
)


@dataclass(slots=True)
class Owners:
    """Debtors and finance staff around the loans that run."""

    seed: int
    random: Random
    clock: Clock
    state: State
    asked: int = 0

    def bind(self, order: LoanOrder, card: CardNumber) -> None:
        """Have a debtor name the debit card from which we may collect."""
        self._act(
            lambda session, at: debit_orders.bind_card(
                session,
                debtor_ref=order.debtor_ref,
                card=card,
                name=PersonName(make.NAME),
                mandate_sha256="cd" * 32,
                by=DEBTOR,
                at=at,
            )
        )()

    def acts(self) -> list[tuple[str, Act]]:
        """List what somebody could do now."""
        found: list[tuple[str, Act]] = []
        for loan_id in self.state.running():
            chance = self.random.random()
            if chance < 0.15:
                found.append(("request", self._request(loan_id)))
            elif chance < 0.25:
                found.append(("request again", self._request(loan_id, again=True)))
            elif chance < 0.6:
                found.append(("ask change", self._ask(loan_id)))
        found += [("decide change", self._decide(one)) for one in self.state.amendments]
        for debit in self.state.debits:
            if debit.parked:
                found.append(("unpark debit", self._unpark(debit)))
            elif debit.status == "planned" and self.random.random() < 0.2:
                found.append(("cancel debit", self._cancel(debit)))
        return found

    def cure(self) -> list[tuple[str, Act]]:
        """List what somebody must do so that everything comes to an end."""
        found = [("decline change", self._decline(one)) for one in self.state.amendments]
        for debit in self.state.debits:
            if debit.in_suspense:
                found.append(("rebook debit", self._rebook(debit)))
            elif debit.parked:
                found.append(("unpark debit", self._unpark(debit)))
        return found

    def _request(self, loan_id: UUID, *, again: bool = False) -> Act:
        self.asked += 0 if again else 1
        key = identity(self.seed, "key", self.asked)
        purpose = PURPOSES[self.asked % len(PURPOSES)]
        share = self.random.randint(10, 60)

        def act(session: Any, at: Any) -> object:
            quote = servicing.payoff_quote(session, loan_id, on=business_day(at)).total
            amount = quote if purpose is DebitPurpose.PAYOFF else Money(quote.fen * share // 100)
            return debit_orders.request(
                session,
                loan_id=loan_id,
                amount=amount,
                purpose=purpose,
                key=key,
                by=DEBTOR,
                at=at,
            ).status

        return self._act(act)

    def _ask(self, loan_id: UUID) -> Act:
        self.asked += 1
        which, number = self.random.randrange(4), str(identity(self.seed, "change", self.asked))

        def act(session: Any, at: Any) -> object:
            today = business_day(at)
            owing = servicing.owed(session, loan_id, on=today)
            wanted: Event
            match which:
                case 0 if owing.next_due is not None:
                    due_on = owing.next_due[0]
                    wanted = Charged(id=number, on=today, due_on=due_on, amount=Money(500))
                case 1 if owing.penalty.fen:
                    wanted = Waived(id=number, on=today, amount=owing.penalty, part=Part.PENALTY)
                case 2 if owing.interest.fen:
                    wanted = Waived(id=number, on=today, amount=Money(1), part=Part.INTEREST)
                case _:
                    wanted = loan_events.WrittenOff(id=number, on=today)
            return amendments.request(
                session, loan_id, wanted, reason="asked for", by=MAKER, at=at
            ).kind

        return self._act(act)

    def _decide(self, amendment_id: UUID) -> Act:
        who = self.random.choice((MAKER, CHECKER, CHECKER, SECOND))
        if self.random.random() < 0.3:
            return self._decline(amendment_id)
        return self._act(
            lambda session, at: amendments.confirm(session, amendment_id, by=who, at=at).kind
        )

    def _decline(self, amendment_id: UUID) -> Act:
        return self._act(
            lambda session, at: (
                amendments.decline(session, amendment_id, reason="no", by=CHECKER, at=at).status
            )
        )

    def _cancel(self, debit: DebitState) -> Act:
        return self._act(
            lambda session, at: (
                debit_orders.cancel(session, debit.id, reason="withdrawn", by=DEBTOR, at=at).status
            )
        )

    def _unpark(self, debit: DebitState) -> Act:
        return self._act(
            lambda session, at: debit_orders.unpark(session, debit.id, by=MAKER, at=at).status
        )

    def _rebook(self, debit: DebitState) -> Act:
        return self._act(
            lambda session, at: debits.rebook(session, debit.id, by=MAKER, at=at).in_suspense
        )

    def _act(self, act: Callable[[Any, Any], object]) -> Act:
        return in_transaction(self.clock, act)
