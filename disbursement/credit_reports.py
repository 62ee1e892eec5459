"""Reporting a funder's loans to a credit bureau: prepared, looked at by another, written alike again.

A report freezes what it says of each loan, without the person. The file is written from that and
the borrowers as they are kept, each look leaving a row; its hash is compared every time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import borrowers, breaks, credit_file, credit_lines
from disbursement.credit_file import File, Head, Line, Period
from disbursement.credit_lines import Drawn
from disbursement.records.credit import (
    CreditReport,
    CreditReportExport,
    CreditReportLine,
    CreditReportStep,
    HoldReason,
    ReportStatus,
)
from disbursement.records.funders import Funder
from kernel import ids, moves
from kernel.actors import Actor, Role
from kernel.clock import business_day
from kernel.moves import Moves
from kernel.refusals import Refused

_EDGES: Final[Mapping[StrEnum, frozenset[StrEnum]]] = MappingProxyType(
    {ReportStatus.PREPARED: frozenset({ReportStatus.RELEASED, ReportStatus.REJECTED})}
)
MOVES: Final = Moves(step=CreditReportStep, start=frozenset({ReportStatus.PREPARED}), edges=_EDGES)
PURPOSE: Final = "report to the credit bureau"
LISTED_MAX: Final = 200


class NoSuchReport(Refused):
    """There is no report of this identity."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_credit_report"
    title = "There is no such credit report"
    title_zh = "没有该征信报送"


class PeriodNotOver(Refused):
    """The last day of the period is not over, so nobody knows how the accounts stood at its close."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "credit_period_not_over"
    title = "The period is not over"
    title_zh = "报送期间尚未结束"


class ReportWaits(Refused):
    """A report of the period waits for its second person."""

    status = HTTPStatus.CONFLICT
    code = "credit_report_waits"
    title = "A report of this period waits to be released or rejected"
    title_zh = "该期间已有待复核的报送"


class NothingToReport(Refused):
    """No line differs from what was reported of the period before, or there is no loan at all."""

    status = HTTPStatus.CONFLICT
    code = "nothing_to_report"
    title = "There is nothing to report"
    title_zh = "没有需要报送的内容"


class NotReleased(Refused):
    """The report was not released, so its file is not written."""

    status = HTTPStatus.CONFLICT
    code = "credit_report_not_released"
    title = "The report is not released"
    title_zh = "报送尚未复核放行"


class FileDiffers(Refused):
    """The file would not be the one that was released: what it is written from was changed."""

    status = HTTPStatus.CONFLICT
    code = "credit_file_differs"
    title = "The file would not be the one that was released"
    title_zh = "生成的文件与已放行的内容不一致"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The period a report is about."""

    period: Period
    first: date
    as_of: date


def span(period: Period, day: date) -> Span:
    """Give the day, or the month that holds the day, as a period."""
    if period is Period.DAY:
        return Span(period=period, first=day, as_of=day)
    after = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return Span(period=period, first=day.replace(day=1), as_of=after - timedelta(days=1))


def prepare(
    session: Session, funder: Funder, about: Span, *, by: Actor, at: datetime
) -> CreditReport:
    """Freeze what is reported of a funder's loans; a second time, only what must be corrected.

    Raises:
        NotYours: the role prepares no reports.
        PeriodNotOver: the period's last day is not over.
        ReportWaits: one of the period waits for its second person.
        NothingToReport: there is no loan, or nothing to correct.
        TooManyAccounts: the funder has more loans than a report holds.
    """
    breaks.require_role(by, breaks.FINANCE)
    if business_day(at) <= about.as_of:
        raise PeriodNotOver(f"{about.as_of} is not over")
    earlier = _of_period(session, funder.id, about)
    if any(report.status is ReportStatus.PREPARED for report in earlier):
        raise ReportWaits()
    drawn = credit_lines.draw(session, funder, about, earlier=earlier, on=business_day(at))
    if not drawn:
        raise NothingToReport()
    report = _row(funder, about, number=len(earlier) + 1, by=by, at=at)
    lines = [_line(report, one) for one in drawn]
    file = _file(session, report, funder, lines, by=by, at=at)
    report.lines = file.counts["lines"]
    report.held = sum(line.hold is not None for line in lines)
    report.counts = dict(file.counts)
    report.sha256 = file.sha256
    moves.begin(session, report, table=MOVES, by=by, at=at)
    session.add_all(lines)
    session.flush()
    return report


def release(session: Session, report_id: UUID, *, by: Actor, at: datetime) -> CreditReport:
    """Let a report that another person prepared be written.

    Raises:
        NoSuchReport: there is none.
        NotYours: only a finance checker releases.
        SamePerson: he prepared it himself.
        MoveRefused: it was decided before.
    """
    return _decide(session, report_id, ReportStatus.RELEASED, reason="", by=by, at=at)


def reject(
    session: Session, report_id: UUID, *, reason: str, by: Actor, at: datetime
) -> CreditReport:
    """Turn a report down that another person prepared; the period can be prepared anew.

    Raises:
        Refused: for the reasons of `release`.
    """
    return _decide(session, report_id, ReportStatus.REJECTED, reason=reason, by=by, at=at)


def export(session: Session, report_id: UUID, *, by: Actor, at: datetime) -> File:
    """Write the file of a released report, leaving a row of it and of every person opened.

    Raises:
        NoSuchReport: there is none.
        NotYours: the role may not.
        NotReleased: no second person released it.
        FileDiffers: a borrower or a line is not what it was.
    """
    breaks.require_role(by, breaks.FINANCE)
    report = get(session, report_id)
    if report.status is not ReportStatus.RELEASED:
        raise NotReleased(f"the report is {report.status}")
    funder = session.get_one(Funder, report.funder_id)
    lines = session.scalars(
        select(CreditReportLine).where(CreditReportLine.report_id == report.id)
    ).all()
    file = _file(session, report, funder, lines, by=by, at=at)
    if file.sha256 != report.sha256:
        raise FileDiffers(f"released as {report.sha256}, now {file.sha256}")
    session.add(
        CreditReportExport(
            id=ids.new(), report_id=report.id, actor=str(by), sha256=file.sha256, at=at
        )
    )
    session.flush()
    return file


def get(session: Session, report_id: UUID) -> CreditReport:
    """Find a report.

    Raises:
        NoSuchReport: there is none.
    """
    found = session.get(CreditReport, report_id)
    if found is None:
        raise NoSuchReport(f"no report {report_id}")
    return found


def listed(session: Session, *, limit: int = LISTED_MAX) -> Sequence[CreditReport]:
    """List the reports, newest first."""
    return session.scalars(
        select(CreditReport)
        .order_by(CreditReport.prepared_at.desc(), CreditReport.id)
        .limit(min(limit, LISTED_MAX))
    ).all()


def held(session: Session, report_id: UUID) -> Sequence[CreditReportLine]:
    """List the lines of a report that are held back."""
    return session.scalars(
        select(CreditReportLine)
        .where(CreditReportLine.report_id == report_id, CreditReportLine.hold.is_not(None))
        .order_by(CreditReportLine.loan_id)
    ).all()


def exports(session: Session, report_id: UUID) -> Sequence[CreditReportExport]:
    """List when and by whom the file of a report was written."""
    return session.scalars(
        select(CreditReportExport)
        .where(CreditReportExport.report_id == report_id)
        .order_by(CreditReportExport.at)
    ).all()


def _row(funder: Funder, about: Span, *, number: int, by: Actor, at: datetime) -> CreditReport:
    return CreditReport(
        id=ids.derived(
            funder.id, "credit report", about.period.value, about.first.isoformat(), number
        ),
        funder_id=funder.id,
        period=about.period,
        first_day=about.first,
        as_of=about.as_of,
        number=number,
        status=ReportStatus.PREPARED,
        prepared_by=str(by),
        prepared_at=at,
    )


def _line(report: CreditReport, one: Drawn) -> CreditReportLine:
    return CreditReportLine(
        id=ids.derived(report.id, "line", str(one.loan_id)),
        report_id=report.id,
        loan_id=one.loan_id,
        debtor_ref=one.debtor_ref,
        mark=one.mark,
        facts=dict(one.facts),
        hold=one.hold,
    )


def _file(
    session: Session,
    report: CreditReport,
    funder: Funder,
    lines: Sequence[CreditReportLine],
    *,
    by: Actor,
    at: datetime,
) -> File:
    head = Head(
        funder_code=funder.code,
        period=report.period,
        first=report.first_day,
        as_of=report.as_of,
        number=report.number,
    )
    return credit_file.write(head, _named(session, report, lines, by=by, at=at))


def _named(
    session: Session,
    report: CreditReport,
    lines: Sequence[CreditReportLine],
    *,
    by: Actor,
    at: datetime,
) -> Iterator[Line]:
    """Put the person to each line that is not held back."""
    for line in lines:
        if line.hold is not None:
            continue
        who = borrowers.reveal(
            session, line.debtor_ref, subject=report.id, purpose=PURPOSE, by=by, at=at
        )
        assert who is not None, f"{HoldReason.NOT_IDENTIFIED} holds the others back"
        yield Line(
            mark=line.mark,
            name=who.name.plain,
            id_number=who.national_id.plain,
            facts=line.facts,
        )


def _of_period(session: Session, funder_id: UUID, about: Span) -> list[CreditReport]:
    """List the reports of a period, the funder locked so that they come one after another."""
    session.get_one(Funder, funder_id, with_for_update={"key_share": True})
    return list(
        session.scalars(
            select(CreditReport)
            .where(
                CreditReport.funder_id == funder_id,
                CreditReport.period == about.period,
                CreditReport.first_day == about.first,
            )
            .order_by(CreditReport.number)
        )
    )


def _decide(
    session: Session,
    report_id: UUID,
    to: ReportStatus,
    *,
    reason: str,
    by: Actor,
    at: datetime,
) -> CreditReport:
    breaks.require_role(by, {Role.FINANCE_CHECKER})
    report = get(session, report_id)
    session.refresh(report, with_for_update=True)
    if report.prepared_by == str(by):
        raise breaks.SamePerson("whoever prepared a report does not decide on it")
    moves.advance(session, report, to, table=MOVES, by=by, at=at, reason=reason)
    report.decided_by = str(by)
    session.flush()
    return report
