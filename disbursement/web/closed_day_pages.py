"""The page of business days that were closed, with what each came to."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from disbursement import business_days
from disbursement.business_days import DayView
from disbursement.delinquency import Bucket
from disbursement.web.payout_pages import FINANCE
from kernel.clock import SHANGHAI, business_day
from kernel.db import transaction
from kernel.web import lists
from kernel.web.access import allow
from kernel.web.around import now, say

blueprint = Blueprint("closed_days", __name__, url_prefix="/closed-days")

LATE: tuple[Bucket, ...] = tuple(bucket for bucket in Bucket if bucket is not Bucket.M0)


@blueprint.get("")
@allow(*FINANCE)
def listed() -> ResponseReturnValue:
    """List the days, the latest first, and say when yesterday is not closed yet."""
    if lists.wants_csv():
        return lists.reply(_export())
    yesterday = business_day(now()) - timedelta(days=1)
    with transaction() as session:
        part = _read(session, lists.after(), lists.PAGE_ROWS)
        waiting = business_days.waiting(session, through=yesterday)
    return render_template(
        "disbursement/closed_days.html",
        section="closed_days",
        part=part,
        waiting=waiting,
        yesterday=yesterday,
        late=LATE,
    )


def _read(session: Session, after: str | None, limit: int) -> lists.Part[DayView]:
    found = business_days.listed(session, before=_day(after), limit=limit + 1)
    return lists.cut(found, limit, lambda one: one.day)


def _day(after: str | None) -> date | None:
    if after is None:
        return None
    try:
        return date.fromisoformat(after)
    except ValueError:
        raise lists.NoSuchPage() from None


def _export() -> lists.Export[DayView]:
    return lists.Export(
        name="closed-days",
        heading=(
            say("营业日", "Day"),
            say("结束时间", "Closed at"),
            say("处理贷款", "Loans handled"),
            say("到期利息", "Interest due"),
            say("计提利息", "Accrued"),
            say("罚息", "Penalty"),
            say("在贷笔数", "Open loans"),
            *LATE,
            say("非应计", "Non-accrual"),
        ),
        read=_read,
        line=lambda one: (
            one.day.isoformat(),
            ""
            if one.closed_at is None
            else one.closed_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
            one.loans,
            one.amount("interest_due"),
            one.amount("accrued"),
            one.amount("penalty"),
            one.count("open"),
            *(one.count(f"bucket {bucket}") for bucket in LATE),
            one.count("non_accrual"),
        ),
    )
