"""The pages of reports to the credit bureau: prepare, look, release or reject, write the file."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import credit_disputes, credit_reports, funders
from disbursement.credit_file import Period
from disbursement.records.credit import CreditReport, ReportStatus
from disbursement.records.funders import Funder
from disbursement.web.payout_pages import FINANCE
from disbursement.web.words import ADVICE, WORDS
from kernel.actors import Actor, Role
from kernel.db import transaction
from kernel.refusals import Refused
from kernel.web import consoles, forms
from kernel.web.access import actor, allow
from kernel.web.around import now, say
from kernel.web.forms import Filled
from kernel.web.idempotency import once_per_form, repeatable

blueprint = Blueprint("credit", __name__, url_prefix="/credit-reports")

FORM_WORDS: Final = {
    "funder": ("请选择放款机构", "Choose the funder"),
    "period": ("请选择日报或月报", "Choose day or month"),
    "day": ("请填写日期，例如 2026-11-30", "Enter a day, such as 2026-11-30"),
}
DONE: Final = {
    "prepared": ("已生成，须由另一位复核人员放行。", "Prepared; another checker releases it."),
    "released": ("已放行，可以导出文件。", "Released; the file can be written."),
    "rejected": ("已驳回，可重新生成。", "Rejected; it can be prepared anew."),
}


class PrepareForm(Schema):
    """What is to be reported."""

    funder = fields.String(required=True)
    period = fields.Enum(Period, by_value=True, required=True)
    day = fields.Date(required=True)


@blueprint.get("")
@allow(*FINANCE)
def listed() -> ResponseReturnValue:
    """List the reports and the open objections."""
    with transaction() as session:
        return _list(session, Filled())


@blueprint.post("")
@allow(*FINANCE)
@once_per_form
def prepare(session: Session) -> ResponseReturnValue:
    """Freeze what is reported of a funder's loans in a period."""
    filled = forms.read(PrepareForm(), FORM_WORDS)
    if not filled.is_good:
        return _list(session, filled), HTTPStatus.UNPROCESSABLE_ENTITY
    lender = funders.get(session, filled.values["funder"])
    about = credit_reports.span(filled.values["period"], filled.values["day"])
    made: list[UUID] = []
    refused = consoles.tried(
        session,
        lambda: made.append(
            credit_reports.prepare(session, lender, about, by=actor(), at=now()).id
        ),
    )
    if refused is not None:
        return _list(session, filled, refused), refused.status
    return redirect(url_for(".report", report_id=made[0], done="prepared"), 303)


@blueprint.get("/<uuid:report_id>")
@allow(*FINANCE)
def report(report_id: UUID) -> ResponseReturnValue:
    """Show one report with its counts and what is held back; no person stands on the page."""
    with transaction() as session:
        return _page(session, report_id)


@blueprint.post("/<uuid:report_id>/release")
@allow(*FINANCE)
@once_per_form
def release(report_id: UUID, session: Session) -> ResponseReturnValue:
    """Let a report that another person prepared be written."""
    refused = consoles.tried(
        session, lambda: credit_reports.release(session, report_id, by=actor(), at=now())
    )
    return _after(session, report_id, refused, "released")


@blueprint.post("/<uuid:report_id>/reject")
@allow(*FINANCE)
@once_per_form
def reject(report_id: UUID, session: Session) -> ResponseReturnValue:
    """Turn a report down that another person prepared."""
    reason = request.form.get("reason", "").strip()[:200]
    refused = consoles.tried(
        session,
        lambda: credit_reports.reject(session, report_id, reason=reason, by=actor(), at=now()),
    )
    return _after(session, report_id, refused, "rejected")


@blueprint.post("/<uuid:report_id>/file")
@allow(*FINANCE)
@repeatable("the same bytes each time, and each reading is to leave its rows")
def write(report_id: UUID) -> ResponseReturnValue:
    """Write the file of a released report."""
    with transaction() as session:
        file = credit_reports.export(session, report_id, by=actor(), at=now())
    response = Response(file.content, content_type="text/csv; charset=utf-8")
    name = f"credit-report-{file.sha256[:12]}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _after(
    session: Session, report_id: UUID, refused: Refused | None, done: str
) -> ResponseReturnValue:
    if refused is not None:
        return _page(session, report_id, refused), refused.status
    return redirect(url_for(".report", report_id=report_id, done=done), 303)


def _list(session: Session, filled: Filled, refused: Refused | None = None) -> str:
    lenders = session.scalars(select(Funder).order_by(Funder.code)).all()
    return render_template(
        "disbursement/credit_reports.html",
        section="credit",
        reports=credit_reports.listed(session),
        disputes=credit_disputes.waiting(session),
        people=consoles.people(session),
        lenders=[(one.code, one.name) for one in lenders],
        names={one.id: one.name for one in lenders},
        periods=[(one.value, say(*WORDS[Period][one])) for one in Period],
        form=filled,
        refused=refused,
        advice=ADVICE,
    )


def _page(session: Session, report_id: UUID, refused: Refused | None = None) -> str:
    found = credit_reports.get(session, report_id)
    return render_template(
        "disbursement/credit_report.html",
        section="credit",
        report=found,
        funder=session.get_one(Funder, found.funder_id),
        held=credit_reports.held(session, report_id),
        exports=credit_reports.exports(session, report_id),
        people=consoles.people(session),
        may_decide=_may_decide(found, actor()),
        refused=refused,
        advice=ADVICE,
        done=DONE,
    )


def _may_decide(found: CreditReport, by: Actor) -> bool:
    waits = found.status is ReportStatus.PREPARED
    return waits and by.role is Role.FINANCE_CHECKER and found.prepared_by != str(by)
