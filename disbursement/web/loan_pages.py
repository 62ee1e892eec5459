"""The page of one loan: what was paid, what is owed when."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from disbursement import legs, loans
from disbursement.records.funders import Funder
from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import PayoutLeg
from disbursement.web.payout_pages import FINANCE, issuer_name
from disbursement.web.words import WORDS
from kernel import moves
from kernel.db import transaction
from kernel.web import consoles
from kernel.web.access import allow
from kernel.web.around import say

blueprint = Blueprint("loans", __name__, url_prefix="/loans")


@blueprint.get("/<uuid:loan_id>")
@allow(*FINANCE)
def loan_page(loan_id: UUID) -> ResponseReturnValue:
    """Show one loan with its payouts and instalments."""
    with transaction() as session:
        loan = loans.get(session, loan_id)
        return render_template(
            "disbursement/loan.html",
            section="payouts",
            loan=loan,
            funder=session.get_one(Funder, loan.funder_id),
            legs=session.execute(
                select(
                    PayoutLeg.id,
                    PayoutLeg.issuer_code,
                    PayoutLeg.card_masked,
                    PayoutLeg.status,
                    PayoutLeg.ceiling,
                    PayoutLeg.amount,
                )
                .where(PayoutLeg.loan_id == loan.id)
                .order_by(PayoutLeg.attempt, PayoutLeg.id)
            ).all(),
            instalments=loans.instalments(session, loan),
            steps=moves.history(session, loan, table=loans.MOVES),
            people=consoles.people(session),
            issuer=issuer_name,
            live=legs.LIVE,
            status_word=lambda value: say(*WORDS[LoanStatus][LoanStatus(value)]),
        )
