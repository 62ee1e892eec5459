"""Pages of the end of day: the list of days, and one day that two persons sign."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, Flask, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.routing import BaseConverter, ValidationError

from disbursement import days, reconciliation, signoff
from disbursement.records.breaks import Break
from disbursement.records.days import DayStatus
from disbursement.records.settlement import FileKind, FileStatus, StatementFile
from disbursement.signoff import DayView
from disbursement.web import cash
from disbursement.web.payout_pages import FINANCE
from disbursement.web.words import ADVICE, WORDS, objection
from kernel import moves
from kernel.actors import Role
from kernel.clock import business_day
from kernel.db import transaction
from kernel.refusals import Refused
from kernel.web import consoles, lists
from kernel.web.access import actor, allow
from kernel.web.around import now, say
from kernel.web.idempotency import once_per_form

FILES_SHOWN_MAX: Final = 50
BREAKS_SHOWN_MAX: Final = 50
DONE: Final = {
    "reconciled": ("已重新对账，下方为最新结果。", "Reconciled anew; below is what was found."),
    "prepared": ("已制单，等待另一位复核人员签核。", "Prepared; another checker signs it."),
    "signed": ("已签核，该日锁定。", "Signed; the day is locked."),
}

blueprint = Blueprint("days", __name__, url_prefix="/days")


class DayConverter(BaseConverter):
    """A day in an address, as 2026-11-20."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        """Read it; what is no day is no address."""
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValidationError from None

    def to_url(self, value: Any) -> str:  # noqa: ANN401 - werkzeug's own
        """Write it."""
        return date.isoformat(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    """A day as the list shows it."""

    view: DayView
    have: frozenset[FileKind]
    figures: Mapping[str, Any]
    """Of the last run; empty before the first."""


@blueprint.record_once
def _know_days(state: Any) -> None:  # noqa: ANN401 - flask's own
    app: Flask = state.app
    app.url_map.converters["day"] = DayConverter


@blueprint.get("")
@allow(*FINANCE)
def listed() -> ResponseReturnValue:
    """List the days, the latest first."""
    if lists.wants_csv():
        return lists.reply(_export())
    with transaction() as session:
        part = _read(session, lists.after(), lists.PAGE_ROWS)
        people = consoles.people(session)
    return render_template("disbursement/days.html", section="days", part=part, people=people)


@blueprint.get("/<day:day>")
@allow(*FINANCE)
def day_page(day: date) -> ResponseReturnValue:
    """Show one day."""
    with transaction() as session:
        return _page(session, day)


@blueprint.post("/<day:day>/reconcile")
@allow(*FINANCE)
@once_per_form
def reconcile(day: date, session: Session) -> ResponseReturnValue:
    """Reconcile the day anew with the files that are there."""
    return _acted(
        session,
        day,
        lambda: reconciliation.reconcile(session, day, by=actor(), at=now()),
        "reconciled",
    )


@blueprint.post("/<day:day>/prepare")
@allow(*FINANCE)
@once_per_form
def prepare(day: date, session: Session) -> ResponseReturnValue:
    """Say that the day can be signed."""
    return _acted(
        session, day, lambda: signoff.prepare(session, day, by=actor(), at=now()), "prepared"
    )


@blueprint.post("/<day:day>/sign")
@allow(*FINANCE)
@once_per_form
def sign(day: date, session: Session) -> ResponseReturnValue:
    """Sign the day that another person prepared."""
    return _acted(session, day, lambda: signoff.sign(session, day, by=actor(), at=now()), "signed")


def rows(session: Session, *, last: date, limit: int) -> list[DayRow]:
    """List days up to one, the latest first, with their files and figures."""
    views = signoff.listed(session, last=last, limit=limit)
    wanted = [view.day for view in views]
    have: dict[date, set[FileKind]] = {}
    for day, kind in session.execute(
        select(StatementFile.day, StatementFile.kind).where(
            StatementFile.day.in_(wanted), StatementFile.status == FileStatus.TAKEN
        )
    ):
        have.setdefault(day, set()).add(kind)
    return [
        DayRow(
            view=view,
            have=frozenset(have.get(view.day, ())),
            figures=_figures(session, view.day),
        )
        for view in views
    ]


def _acted(
    session: Session, day: date, verb: Callable[[], object], done: str
) -> ResponseReturnValue:
    _require_begun(day)
    refused = consoles.tried(session, verb)
    if refused is not None:
        return _page(session, day, refused), refused.status
    return redirect(url_for(".day_page", day=day, done=done), HTTPStatus.SEE_OTHER)


def _require_begun(day: date) -> None:
    if day > business_day(now()):
        raise NotFound


def _page(session: Session, day: date, refused: Refused | None = None) -> str:
    _require_begun(day)
    found = days.find(session, day)
    is_signed = found is not None and found.status is DayStatus.SIGNED
    run = days.latest_run(session, day)
    return render_template(
        "disbursement/day.html",
        section="days",
        day=day,
        found=found,
        is_signed=is_signed,
        is_over=day < business_day(now()),
        run=run,
        figures={} if run is None else run.figures,
        sides=cash.three_sides(session, day, day),
        against=() if is_signed else [objection(one) for one in signoff.objections(session, day)],
        why_not=_why_not(None if found is None else found.prepared_by),
        have=_have(session, day),
        files=_files(session, day),
        breaks=session.scalars(
            select(Break)
            .where(Break.day == day)
            .order_by(Break.status.desc(), Break.opened_at, Break.id)
            .limit(BREAKS_SHOWN_MAX)
        ).all(),
        steps=() if found is None else moves.history(session, found, table=days.MOVES),
        people=consoles.people(session),
        refused=refused,
        refused_because=[objection(one) for one in getattr(refused, "objections", ())],
        advice=ADVICE,
        done=DONE,
        kinds=list(FileKind),
        one_day=timedelta(days=1),
        status_word=lambda value: say(*WORDS[DayStatus][DayStatus(value)]),
    )


def _why_not(prepared_by: str | None) -> tuple[str, str] | None:
    """Say why the person may not sign a prepared day; None when he may."""
    if actor().role is not Role.FINANCE_CHECKER:
        return (
            "签核由财务复核人员进行，请复核人员登录后签核。",
            "A finance checker signs the day.",
        )
    if prepared_by == actor().id:
        return (
            "您已为该日制单，须由另一位复核人员签核。",
            "You prepared this day; another checker must sign it.",
        )
    return None


def _have(session: Session, day: date) -> frozenset[FileKind]:
    return frozenset(
        session.scalars(
            select(StatementFile.kind).where(
                StatementFile.day == day, StatementFile.status == FileStatus.TAKEN
            )
        )
    )


def _files(session: Session, day: date) -> Sequence[StatementFile]:
    return session.scalars(
        select(StatementFile)
        .where(StatementFile.day == day)
        .order_by(StatementFile.imported_at, StatementFile.id)
        .limit(FILES_SHOWN_MAX)
    ).all()


def _figures(session: Session, day: date) -> Mapping[str, Any]:
    run = days.latest_run(session, day)
    return {} if run is None else run.figures


def _read(session: Session, after: str | None, limit: int) -> lists.Part[DayRow]:
    try:
        last = business_day(now()) if after is None else date.fromisoformat(after)
    except ValueError:
        raise lists.NoSuchPage() from None
    limit = min(limit, signoff.LISTED_MAX - 1)
    found = rows(session, last=last, limit=limit + 1)
    # Days are listed up to one, so the next page begins at the day before this one's last.
    return lists.cut(found, limit, lambda row: row.view.day - timedelta(days=1))


def _export() -> lists.Export[DayRow]:
    with transaction() as session:
        people = consoles.people(session)
    return lists.Export(
        name="days",
        heading=(
            say("结算日", "Day"),
            say("状态", "State"),
            say("渠道文件", "Channel file"),
            say("银行对账单", "Bank statement"),
            say("渠道已付", "Paid by the channel"),
            say("三方相符", "Matched"),
            say("待说明差异", "Breaks open"),
            say("待复核差异", "Breaks explained"),
            say("制单", "Prepared by"),
            say("签核", "Signed by"),
            say("签核时间", "Signed at"),
        ),
        read=_read,
        line=lambda row: (
            row.view.day.isoformat(),
            say(*WORDS[DayStatus][row.view.status]),
            _there(FileKind.SETTLEMENT in row.have),
            _there(FileKind.BANK in row.have),
            row.figures.get("paid"),
            row.figures.get("matched_paid"),
            row.view.breaks_open,
            row.view.breaks_explained,
            people.name(row.view.prepared_by),
            people.name(row.view.signed_by),
            _instant(row.view.signed_at),
        ),
    )


def _instant(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(timespec="seconds")


def _there(is_there: bool) -> str:  # noqa: FBT001 - one fact, put into words
    return say("已到", "there") if is_there else say("缺", "missing")
