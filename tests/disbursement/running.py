"""Loans that run: paid to their cards and confirmed, without a channel in between."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from disbursement import legs, loans, matches, payoffs, payouts
from disbursement.channels.channel import Outcome, Receipt
from disbursement.records.loans import Loan
from disbursement.records.payouts import PayoutLeg
from kernel.actors import system
from kernel.db import transaction
from tests.disbursement.reconciliation import world
from tests.disbursement.statements import files

DAY = files.DAY
NOON = files.NOON
BY = system("tests")


@dataclass(frozen=True, slots=True)
class Running:
    """One loan over one card."""

    loan_id: UUID
    leg_id: UUID

    def loan(self) -> Loan:
        """Read the loan as it is."""
        with transaction() as session:
            return loans.get(session, self.loan_id)

    def leg(self) -> PayoutLeg:
        """Read its payout as it is."""
        with transaction() as session:
            return legs.lock(session, self.leg_id)

    def verify(self, *, at: datetime = NOON) -> None:
        """Let the payment be matched and the issuer say that the card is clear."""
        with transaction() as session:
            matches.match_all(session, [self.leg_id], by=BY, at=at)
            payoffs.verify(session, self.leg_id, letter_no="L1", by=BY, at=at)

    def come_back(self, *, at: datetime = NOON) -> None:
        """Let the channel say that the payment came back."""
        with transaction() as session:
            leg = legs.lock(session, self.leg_id)
            receipt = Receipt(
                outcome=Outcome.RETURNED, code="RT", text="returned", amount=leg.amount
            )
            payouts.record(session, leg.id, receipt, source=payouts.Source.FILE, at=at)


def running(serial: int = 1, *, fen: int = 800_000, at: datetime = NOON) -> Running:
    """Make a loan of an amount that was paid to its card on a day."""
    with transaction() as session:
        leg = world.paid(session, serial, fen=fen, on=at.date(), at=at)
        return Running(loan_id=leg.loan_id, leg_id=leg.id)
