"""One loan with everything that hangs on it, as its console page reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from disbursement import (
    amendments,
    commissions,
    credit_disputes,
    credit_notices,
    debit_orders,
    loans,
    settlement_letters,
)
from disbursement.records.commissions import Commission
from disbursement.records.credit import AdverseNotice, CreditDispute
from disbursement.records.debits import DebitOrder
from disbursement.records.funders import Funder
from disbursement.records.letters import LoanLetter
from disbursement.records.life import Amendment, AmendmentStatus
from disbursement.records.loans import Loan
from disbursement.records.payouts import PayoutLeg
from disbursement.settlement_letters import NoSuchLetter, Standing
from kernel.actors import Actor, Role
from kernel.money import Money

DEBITS_SHOWN_MAX: Final = 24

_ACCOUNTS: Final = text(
    """
    SELECT a.code, coalesce(d.fen, 0) - coalesce(c.fen, 0) AS fen
    FROM account a
    LEFT JOIN LATERAL (SELECT sum(amount) AS fen FROM transfer
        WHERE debit_id = a.id AND state = 'posted') d ON true
    LEFT JOIN LATERAL (SELECT sum(amount) AS fen FROM transfer
        WHERE credit_id = a.id AND state = 'posted') c ON true
    WHERE a.code = ANY(:codes) ORDER BY a.code
    """
)
_FIRSTS: Final = (
    "loan_principal",
    "loan_interest",
    "loan_penalty",
    "loan_fees",
    "loan_credit",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanAccount:
    """One ledger account of a loan; what the debtor has with us is negative."""

    code: str
    first: str
    owed: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanWhole:
    """A loan and what hangs on it."""

    loan: Loan
    funder: Funder
    legs: Sequence[Any]
    accounts: tuple[LoanAccount, ...]
    amendments: Sequence[Amendment]
    debits: Sequence[DebitOrder]
    commissions: Sequence[Commission]
    notices: Sequence[AdverseNotice]
    dispute: CreditDispute | None
    letter: LoanLetter | None
    letter_stands: bool

    def may_confirm(self, by: Actor) -> set[UUID]:
        """List the requests that a person may confirm: a checker, and not his own."""
        if by.role is not Role.FINANCE_CHECKER:
            return set()
        return {
            one.id
            for one in self.amendments
            if one.status is AmendmentStatus.REQUESTED
            and one.requested_by.partition(":")[2] != by.id
        }


def of(session: Session, loan_id: UUID) -> LoanWhole:
    """Read a loan with everything that hangs on it.

    Raises:
        NoSuchLoan: there is none.
    """
    loan = loans.get(session, loan_id)
    letter = _letter(session, loan_id)
    return LoanWhole(
        loan=loan,
        funder=session.get_one(Funder, loan.funder_id),
        legs=_legs(session, loan_id),
        accounts=_accounts(session, loan_id),
        amendments=amendments.of_loan(session, loan_id),
        debits=debit_orders.of_loan(session, loan_id, limit=DEBITS_SHOWN_MAX),
        commissions=commissions.of_loan(session, loan_id),
        notices=credit_notices.of_loan(session, loan_id),
        dispute=credit_disputes.of_loan(session, loan_id),
        letter=letter,
        letter_stands=letter is not None
        and settlement_letters.standing(session, letter) is Standing.STANDS,
    )


def _legs(session: Session, loan_id: UUID) -> Sequence[Any]:
    return session.execute(
        select(
            PayoutLeg.id,
            PayoutLeg.issuer_code,
            PayoutLeg.card_masked,
            PayoutLeg.status,
            PayoutLeg.ceiling,
            PayoutLeg.amount,
        )
        .where(PayoutLeg.loan_id == loan_id)
        .order_by(PayoutLeg.attempt, PayoutLeg.id)
    ).all()


def _accounts(session: Session, loan_id: UUID) -> tuple[LoanAccount, ...]:
    codes = [f"{first}/{loan_id}" for first in _FIRSTS]
    rows = session.execute(_ACCOUNTS, {"codes": codes})
    return tuple(
        LoanAccount(code=row.code, first=row.code.partition("/")[0], owed=Money(int(row.fen)))
        for row in rows
    )


def _letter(session: Session, loan_id: UUID) -> LoanLetter | None:
    try:
        return settlement_letters.of_loan(session, loan_id)
    except NoSuchLetter:
        return None
