"""A payout from placing to the end, told in a few words for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from disbursement import approvals, legs, loans, sending
from disbursement.orders import LegOrder
from disbursement.records.loans import Loan
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel.clock import SetClock
from kernel.db import transaction
from kernel.money import Money
from kernel.surroundings import Surroundings
from tests.disbursement import builders as make
from tests.disbursement.partners import Partners

NOBODY = UUID(int=0)


@dataclass(slots=True)
class Saga:
    """One loan with its legs, the outside world, and the clock they share."""

    surroundings: Surroundings
    clock: SetClock
    partners: Partners
    loan_id: UUID = NOBODY

    def place(self, *orders: LegOrder, **changed: object) -> UUID:
        """Place a loan over the given cards."""
        with transaction() as session:
            make.lender(session)
            order = make.loan_order(*orders, **changed)
            at = self.clock.now()
            self.loan_id = loans.place(session, order, by=make.DEBTOR, at=at).id
        return self.loan_id

    def approve(self) -> None:
        """Approve every leg that waits, by as many people as it needs."""
        with transaction() as session:
            for leg in legs.of_loan(session, self.loan_id):
                for person in (make.MAKER, make.CHECKER):
                    if leg.status in {LegStatus.PLANNED, LegStatus.REQUOTE_NEEDED}:
                        approvals.approve(session, leg.id, by=person, at=self.clock.now())

    def start(self, *orders: LegOrder, **changed: object) -> None:
        """Place a loan and approve its legs."""
        self.place(*orders, **changed)
        self.approve()

    def send(self) -> int:
        """Run the sending loop once."""
        return sending.send_due(self.surroundings)

    def ask(self, **later: float) -> int:
        """Let time pass and run the asking loop once."""
        self.clock.advance(timedelta(**later))
        return sending.query_due(self.surroundings)

    def legs(self) -> Sequence[PayoutLeg]:
        """Read the legs as they are."""
        with transaction() as session:
            return legs.of_loan(session, self.loan_id)

    def leg(self) -> PayoutLeg:
        """Read the newest leg of a loan over one card."""
        return self.legs()[-1]

    def status(self) -> LegStatus:
        """Tell where the newest leg stands."""
        return self.leg().status

    def loan(self) -> Loan:
        """Read the loan as it is."""
        with transaction() as session:
            return loans.get(session, self.loan_id)

    def due(self) -> list[tuple[Any, Money]]:
        """List the due dates in force with their principal."""
        with transaction() as session:
            loan = loans.get(session, self.loan_id)
            return [(row.due_on, row.principal) for row in loans.instalments(session, loan)]

    def facts(self) -> list[str]:
        """List the kinds of the facts that were told, in order; but for what treasury stated."""
        with transaction() as session:
            return list(
                session.scalars(
                    text("SELECT kind FROM event WHERE kind NOT LIKE 'funding.%' ORDER BY id")
                )
            )

    def evidence(self) -> list[tuple[str, bool, str]]:
        """List the exchanges on record: kind, genuine or not, and how they were read."""
        with transaction() as session:
            rows = session.execute(
                text("SELECT kind, is_genuine, verdict FROM channel_evidence ORDER BY at, id")
            )
            return [(kind, genuine, verdict) for kind, genuine, verdict in rows]

    def steps(self) -> list[str]:
        """List the statuses that the first leg went through."""
        with transaction() as session:
            first = session.scalars(select(PayoutLeg).order_by(PayoutLeg.attempt)).first()
            assert first is not None
            query = text(
                "SELECT to_status FROM payout_step WHERE subject_id = :id ORDER BY position"
            )
            return list(session.scalars(query, {"id": first.id}))
