"""The finance console: its blueprint with every page in it, and the overview."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from disbursement import breaks
from disbursement.records.days import DayStatus
from disbursement.web import (
    amendment_pages,
    break_pages,
    cash,
    closed_day_pages,
    commission_pages,
    credit_pages,
    day_pages,
    ledger_pages,
    loan_pages,
    payout_pages,
    statement_pages,
    transfer_pages,
)
from disbursement.web.payout_pages import FINANCE
from disbursement.web.words import WORDS, reason, subject, tone
from kernel.actors import Role
from kernel.clock import business_day
from kernel.db import transaction
from kernel.money import Money
from kernel.web import consoles, lists
from kernel.web.access import allow
from kernel.web.around import now
from kernel.web.consoles import Section
from kernel.web.pages import money

HOMES: Final[Mapping[Role, str]] = {
    Role.FINANCE_MAKER: "/finance/",
    Role.FINANCE_CHECKER: "/finance/",
}
"""Where finance staff land after signing in."""

SPANS: Final = (7, 31, 92)
"""Days that the overview may look back over."""
UNSIGNED_SHOWN_MAX: Final = 10
DAYS_LOOKED_AT_MAX: Final = 60

SECTIONS: Final = (
    Section(key="overview", endpoint="finance.overview", zh="总览", en="Overview"),
    Section(key="payouts", endpoint="finance.payouts.queue", zh="放款", en="Payouts"),
    Section(key="loans", endpoint="finance.loans.listed", zh="贷款", en="Loans"),
    Section(key="breaks", endpoint="finance.breaks.listed", zh="差异", en="Breaks"),
    Section(key="days", endpoint="finance.days.listed", zh="日终", en="End of day"),
    Section(key="closed_days", endpoint="finance.closed_days.listed", zh="关账", en="Closed days"),
    Section(key="ledger", endpoint="finance.ledger.balances", zh="账本", en="Ledger"),
    Section(key="statements", endpoint="finance.statements.listed", zh="对账文件", en="Files"),
    Section(key="commissions", endpoint="finance.commissions.listed", zh="佣金", en="Commissions"),
    Section(key="credit", endpoint="finance.credit.listed", zh="征信", en="Credit reports"),
)

blueprint = Blueprint("finance", __name__, url_prefix="/finance", template_folder="templates")
for _pages in (
    payout_pages,
    break_pages,
    day_pages,
    closed_day_pages,
    ledger_pages,
    loan_pages,
    amendment_pages,
    statement_pages,
    transfer_pages,
    commission_pages,
    credit_pages,
):
    blueprint.register_blueprint(_pages.blueprint)
consoles.furnish(blueprint, SECTIONS, WORDS)


@blueprint.context_processor
def _words() -> dict[str, Any]:
    return {
        "tone": tone,
        "transfer_reason": reason,
        "subject": subject,
        "yuan": lambda text: money(Money.yuan(text)),
    }


@blueprint.get("/")
@allow(*FINANCE)
def overview() -> ResponseReturnValue:
    """Show where the cash stands on its three sides, and what waits for somebody."""
    filters = lists.Filters()
    asked = filters.number("days", most=max(SPANS))
    span = asked if asked in SPANS else SPANS[1]
    today = business_day(now())
    first = today - timedelta(days=span - 1)
    with transaction() as session:
        days = day_pages.rows(session, last=today - timedelta(days=1), limit=DAYS_LOOKED_AT_MAX)
        unsigned = [one for one in days if one.view.status is not DayStatus.SIGNED]
        page = render_template(
            "disbursement/overview.html",
            section="overview",
            sides=cash.three_sides(session, first, today),
            standing=cash.standing(session),
            ageing=breaks.ageing(session, today=today),
            unsigned=unsigned[-UNSIGNED_SHOWN_MAX:],
            unsigned_count=len(unsigned),
            span=span,
            spans=SPANS,
            first=first,
            today=today,
        )
    return page, filters.status
