"""The page of the agencies' commissions: each month of each agency, with its sheet."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

from disbursement import commission_statements
from disbursement.web.payout_pages import FINANCE
from kernel.clock import business_day
from kernel.db import transaction
from kernel.web import lists
from kernel.web.access import allow
from kernel.web.around import now

blueprint = Blueprint("commissions", __name__, url_prefix="/commissions")


@blueprint.get("")
@allow(*FINANCE)
def listed() -> ResponseReturnValue:
    """Show what each agency earned and gave back in a month."""
    filters = lists.Filters()
    month = filters.day("month") or business_day(now())
    with transaction() as session:
        statements = [
            commission_statements.of_month(session, ref, code, month=month)
            for ref, code in commission_statements.agencies(session)
        ]
    page = render_template(
        "disbursement/commissions.html",
        section="commissions",
        statements=statements,
        month=month.replace(day=1),
        before=_month_before(month),
        following=commission_statements.month_after(month),
        filters=filters.filled(),
    )
    return page, filters.status


@blueprint.get("/<uuid:agency_ref>.csv")
@allow(*FINANCE)
def sheet(agency_ref: UUID) -> ResponseReturnValue:
    """Give the sheet of one agency's month."""
    filters = lists.Filters()
    month = filters.day("month") or business_day(now())
    with transaction() as session:
        codes = dict(commission_statements.agencies(session))
        if agency_ref not in codes:
            raise lists.NoSuchPage("no such agency")
        made = commission_statements.of_month(session, agency_ref, codes[agency_ref], month=month)
    response = Response(commission_statements.as_csv(made), content_type="text/csv; charset=utf-8")
    name = f"commissions-{made.agency_code}-{made.month:%Y-%m}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _month_before(month: date) -> date:
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)
