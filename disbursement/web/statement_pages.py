"""The page of statement files: what came, what became of it, and handing one in."""

from __future__ import annotations

from datetime import date, timedelta
from http import HTTPStatus
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from marshmallow.validate import OneOf
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from disbursement import fetching
from disbursement.importing import Imported
from disbursement.records.settlement import FileKind, FileStatus, StatementFile
from disbursement.web.payout_pages import FINANCE
from disbursement.web.words import ADVICE, WORDS
from kernel.clock import SHANGHAI, business_day
from kernel.db import transaction
from kernel.refusals import Refused
from kernel.web import consoles, forms, lists
from kernel.web.access import actor, allow
from kernel.web.around import now, say, surroundings
from kernel.web.bodies import takes
from kernel.web.idempotency import once_per_form

UPLOAD_BYTES_MAX: Final = 32 * 1024 * 1024
"""A larger file is imported by the command line, which streams it."""

DONE: Final = {
    "taken": ("文件完整，已采用。", "The file is whole and was taken."),
    "again": (
        "同样的文件之前已收到，没有任何变化。",
        "The same file came before; nothing changed.",
    ),
}
NOT_TAKEN: Final = {
    "held": (
        "该日已有另一份文件或已签核，此文件待两人裁定，见差异清单。",
        "The day has another file or is signed; two persons decide. See the breaks.",
    ),
    "refused": (
        "文件不完整或合计不符，未采用。原因见下表，差异已列入清单。",
        "The file is not whole and was not taken. The table says why; a break was opened.",
    ),
}
WORDS_OF_FORM: Final = {
    "kind": ("请选择文件类型", "Choose what kind of file it is"),
    "day": ("请输入结算日，不晚于今天", "Enter the settlement day, today at the latest"),
    "file": ("请选择文件", "Choose the file"),
}

blueprint = Blueprint("statements", __name__, url_prefix="/statements")


class UploadForm(Schema):
    """Whose statement a file is, and of which day."""

    kind = fields.String(required=True, validate=OneOf([one.value for one in FileKind]))
    day = fields.Date(required=True)
    file = fields.Raw()


@blueprint.get("")
@allow(*FINANCE)
def listed() -> ResponseReturnValue:
    """List the files, the latest first."""
    if lists.wants_csv():
        return lists.reply(_export())
    with transaction() as session:
        return _page(session, forms.Filled())


@blueprint.post("")
@allow(*FINANCE)
@takes(bytes_max=UPLOAD_BYTES_MAX + 64 * 1024, kinds=("multipart/form-data",))
@once_per_form
def upload(session: Session) -> ResponseReturnValue:
    """Import a file that a person hands in."""
    filled = forms.read(UploadForm(), WORDS_OF_FORM)
    day: date | None = filled.values.get("day")
    if day is not None and day > business_day(now()):
        filled = filled.with_fault("day", *WORDS_OF_FORM["day"])
    sent = request.files.get("file")
    content = sent.read(UPLOAD_BYTES_MAX + 1) if sent is not None else b""
    if not content:
        filled = filled.with_fault("file", *WORDS_OF_FORM["file"])
    elif len(content) > UPLOAD_BYTES_MAX:
        filled = filled.with_fault(
            "file", "文件超过 32 MB，请用命令行导入", "Above 32 MB: import it by the command line"
        )
    if not filled.is_good or day is None:
        return _page(session, filled), HTTPStatus.UNPROCESSABLE_ENTITY
    taken: list[Imported] = []
    refused = consoles.tried(
        session,
        lambda: taken.append(
            fetching.take(
                session,
                surroundings(),
                day,
                kind=FileKind(filled.values["kind"]),
                content=content,
                by=actor(),
            )
        ),
    )
    if refused is not None:
        return _page(session, filled, refused), refused.status
    return redirect(url_for(".listed", done=_done(taken[0])), HTTPStatus.SEE_OTHER)


def _done(imported: Imported) -> str:
    if not imported.is_new:
        return "again"
    return imported.status.value


def _page(session: Session, filled: forms.Filled, refused: Refused | None = None) -> str:
    return render_template(
        "disbursement/statements.html",
        section="statements",
        part=_read(session, lists.after(), lists.PAGE_ROWS),
        form=filled,
        kinds=[(one.value, say(*WORDS[FileKind][one])) for one in FileKind],
        yesterday=request.args.get("day") or (business_day(now()) - timedelta(days=1)).isoformat(),
        refused=refused,
        advice=ADVICE,
        done=DONE,
        not_taken=NOT_TAKEN,
    )


def _read(session: Session, after: str | None, limit: int) -> lists.Part[StatementFile]:
    query = select(StatementFile)
    begin = lists.place(after)
    key = (StatementFile.imported_at, StatementFile.id)
    if begin is not None:
        query = query.where(tuple_(*key) < tuple_(begin.at, begin.id))
    query = query.order_by(*(one.desc() for one in key)).limit(limit + 1)
    found = session.scalars(query).all()
    return lists.cut(found, limit, lambda one: lists.Place(one.imported_at, one.id))


def _export() -> lists.Export[StatementFile]:
    return lists.Export(
        name="statements",
        heading=(
            say("收到时间", "Received at"),
            say("类型", "Kind"),
            say("结算日", "Day"),
            say("状态", "State"),
            say("行数", "Rows"),
            "SHA-256",
            say("拒收原因", "Fault"),
        ),
        read=_read,
        line=lambda one: (
            one.imported_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
            say(*WORDS[FileKind][one.kind]),
            one.day.isoformat(),
            say(*WORDS[FileStatus][one.status]),
            one.rows,
            one.sha256,
            one.fault,
        ),
    )
