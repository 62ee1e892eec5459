"""Pages of breaks: the list with its sums and ages, and one break from finding to its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from marshmallow.validate import Length, OneOf
from sqlalchemy.orm import Session

from disbursement import breaks, importing
from disbursement.breaks import AgeBucket
from disbursement.matching.kinds import BreakKind
from disbursement.records.breaks import BreakStatus, Resolution
from disbursement.records.debits import IncomingTransfer
from disbursement.web import break_list
from disbursement.web.break_list import NOBODY, BreakRow, Standing, Wanted
from disbursement.web.explanations import MEANINGS
from disbursement.web.payout_pages import FINANCE, issuer_name
from disbursement.web.words import ADVICE, WORDS, options
from kernel.actors import Role
from kernel.clock import business_day
from kernel.db import transaction
from kernel.refusals import Refused
from kernel.web import consoles, forms, lists
from kernel.web.access import actor, allow
from kernel.web.around import now, say
from kernel.web.fields import TextField
from kernel.web.idempotency import once_per_form

ME: Final = "me"
DONE: Final = {
    "assigned": ("已指定责任人。", "The owner is set."),
    "explained": (
        "说明已记录，等待另一位复核人员处理。",
        "The explanation is kept; another checker now decides.",
    ),
    "proposed": (
        "归属已提出，等待另一位复核人员确认。",
        "It is said whose the transfer is; another checker now agrees.",
    ),
    "consented": (
        "已按来账日记入该贷款，差异随之消除。",
        "It is booked on the loan for the day it came in, and the break is gone.",
    ),
    "turned_down": ("归属未获确认，款项仍待认领。", "Not agreed: it is nobody's again."),
    "resolved": (
        "差异已处理。对账任务会据此更新当日结果，也可在当日页面立即重新对账。",
        "The break is resolved. The day is reconciled anew by the job, or from its page at once.",
    ),
}
STANDINGS: Final = {
    Standing.LIVE: ("未了结", "Live"),
    Standing.OPEN: ("待说明", "Open"),
    Standing.EXPLAINED: ("待复核", "Explained"),
    Standing.RESOLVED: ("已处理", "Resolved"),
    Standing.CURED: ("自动消除", "Cured"),
    Standing.ALL: ("全部", "All"),
}
SAY_WHAT: Final = {
    "text": ("请写明差异的原因", "Say what happened"),
    "resolution": ("请选择处理方式", "Choose how it ends"),
    "owner": ("请选择责任人", "Choose who looks after it"),
}

blueprint = Blueprint("breaks", __name__, url_prefix="/breaks")


class ExplanationForm(Schema):
    """What one person says."""

    text = TextField(required=True, length_max=breaks.EXPLANATION_CHARACTERS_MAX)


class ResolutionForm(Schema):
    """How another lets it end."""

    resolution = fields.String(required=True, validate=OneOf([one.value for one in Resolution]))


class OwnerForm(Schema):
    """Who looks after it."""

    owner = fields.String(required=True, validate=Length(min=1, max=40))


@blueprint.get("")
@allow(*FINANCE)
def listed() -> ResponseReturnValue:
    """List breaks by the filters of the address."""
    filters = lists.Filters()
    wanted = _wanted(filters)
    today = business_day(now())
    if lists.wants_csv():
        return lists.reply(_export(wanted))
    with transaction() as session:
        part = _read(wanted)(session, lists.after(), lists.PAGE_ROWS)
        people = consoles.people(session)
        page = render_template(
            "disbursement/breaks.html",
            section="breaks",
            part=part,
            sums=break_list.sums(session, wanted, today=today),
            ageing=breaks.ageing(session, today=today),
            people=people,
            filters=filters.filled(),
            wanted=wanted,
            standings=STANDINGS,
            kinds=options(BreakKind, ("全部类型", "Any kind")),
            ages=options(AgeBucket, ("全部账龄", "Any age")),
            owners=_owners(people),
        )
    return page, filters.status


@blueprint.get("/<uuid:break_id>")
@allow(*FINANCE)
def break_page(break_id: UUID) -> ResponseReturnValue:
    """Show one break with both its sides."""
    with transaction() as session:
        return page(session, break_id)


@blueprint.post("/<uuid:break_id>/assign")
@allow(*FINANCE)
@once_per_form
def assign(break_id: UUID, session: Session) -> ResponseReturnValue:
    """Put the break into somebody's care."""
    filled = forms.read(OwnerForm(), {"owner": SAY_WHAT["owner"]})
    owner = consoles.people(session).actor(filled.values.get("owner", ""))
    if not filled.is_good or owner is None:
        filled = filled if filled.faults else filled.with_fault("owner", *SAY_WHAT["owner"])
        return page(session, break_id, filled=filled), 422
    verb = lambda: breaks.assign(session, break_id, owner=owner, by=actor())  # noqa: E731
    return _acted(session, break_id, verb, "assigned")


@blueprint.post("/<uuid:break_id>/explain")
@allow(*FINANCE)
@once_per_form
def explain(break_id: UUID, session: Session) -> ResponseReturnValue:
    """Keep what the signed-in person says about it."""
    filled = forms.read(ExplanationForm(), {"text": SAY_WHAT["text"]})
    if not filled.is_good:
        return page(session, break_id, filled=filled), 422
    said = filled.values["text"]
    return _acted(
        session,
        break_id,
        lambda: breaks.explain(session, break_id, text=said, by=actor(), at=now()),
        "explained",
    )


@blueprint.post("/<uuid:break_id>/resolve")
@allow(*FINANCE)
@once_per_form
def resolve(break_id: UUID, session: Session) -> ResponseReturnValue:
    """Let it end as the signed-in checker says."""
    filled = forms.read(ResolutionForm(), {"resolution": SAY_WHAT["resolution"]})
    if not filled.is_good:
        return page(session, break_id, filled=filled), 422
    chosen = Resolution(filled.values["resolution"])
    if chosen not in break_list.whole(session, break_id, today=business_day(now())).ends:
        filled = filled.with_fault("resolution", *SAY_WHAT["resolution"])
        return page(session, break_id, filled=filled), 422
    return _acted(session, break_id, lambda: _end(session, break_id, chosen), "resolved")


def _end(session: Session, break_id: UUID, chosen: Resolution) -> None:
    by, at = actor(), now()
    if chosen is Resolution.OTHER_FILE_TAKEN:
        importing.take_held(session, break_id, by=by, at=at)
    elif chosen is Resolution.FIRST_FILE_STANDS:
        importing.keep_first(session, break_id, by=by, at=at)
    else:
        breaks.resolve(session, break_id, resolution=chosen, by=by, at=at)


def _acted(
    session: Session, break_id: UUID, verb: Callable[[], object], done: str
) -> ResponseReturnValue:
    refused = consoles.tried(session, verb)
    if refused is not None:
        return page(session, break_id, refused=refused), refused.status
    return redirect(url_for(".break_page", break_id=break_id, done=done), 303)


def page(
    session: Session,
    break_id: UUID,
    *,
    filled: forms.Filled | None = None,
    refused: Refused | None = None,
) -> str:
    """Write the page of one break."""
    whole = break_list.whole(session, break_id, today=business_day(now()))
    people = consoles.people(session)
    return render_template(
        "disbursement/break.html",
        section="breaks",
        whole=whole,
        found=whole.found,
        form=filled or _as_typed(refused),
        why_not=_why_not(whole.found.explained_by),
        why_no_consent=_why_no_consent(whole.transfer),
        people=people,
        finance=people.of_roles(breaks.FINANCE),
        ends=[(one.value, say(*WORDS[Resolution][one])) for one in whole.ends],
        meaning=say(*MEANINGS[whole.found.kind]),
        refused=refused,
        advice=ADVICE,
        done=DONE,
        issuer=issuer_name,
        status_word=lambda value: say(*WORDS[BreakStatus][BreakStatus(value)]),
    )


def _as_typed(refused: Refused | None) -> forms.Filled:
    """Keep what was typed when the verb refused it."""
    if refused is None:
        return forms.Filled()
    return forms.Filled(typed=request.form.to_dict())


def _why_not(explained_by: str | None) -> tuple[str, str] | None:
    """Say why the person may not resolve the break; None when he may."""
    if actor().role is not Role.FINANCE_CHECKER:
        return (
            "处理方式由财务复核人员决定，请复核人员登录后处理。",
            "A finance checker decides how it ends.",
        )
    if explained_by == actor().id:
        return (
            "您已说明该差异，须由另一位复核人员处理。",
            "You explained this break; another checker must resolve it.",
        )
    return None


def _why_no_consent(transfer: IncomingTransfer | None) -> tuple[str, str] | None:
    """Say why the person may not agree whose a transfer is; None when he may."""
    if actor().role is not Role.FINANCE_CHECKER:
        return ("由财务复核人员确认归属。", "A finance checker agrees whose it is.")
    if transfer is not None and transfer.proposed_by == actor().id:
        return (
            "归属由您提出，须由另一位复核人员确认。",
            "You said whose it is; another checker must agree.",
        )
    return None


def _wanted(filters: lists.Filters) -> Wanted:
    owner = filters.text("owner")
    return Wanted(
        standing=filters.one_of("standing", Standing) or Standing.LIVE,
        kind=filters.one_of("kind", BreakKind),
        day=filters.day("day"),
        owner=actor().id if owner == ME else owner,
        age=filters.one_of("age", AgeBucket),
    )


def _owners(people: consoles.People) -> Sequence[tuple[str, str]]:
    return [
        ("", say("全部责任人", "Anybody")),
        (ME, say("我负责的", "Mine")),
        (NOBODY, say("尚无责任人", "Nobody yet")),
        *people.of_roles(breaks.FINANCE),
    ]


def _read(wanted: Wanted) -> Callable[[Session, str | None, int], lists.Part[BreakRow]]:
    today = business_day(now())
    return lambda session, after, limit: break_list.listed(
        session, wanted, after=lists.place(after), limit=limit, today=today
    )


def _export(wanted: Wanted) -> lists.Export[BreakRow]:
    with transaction() as session:
        people = consoles.people(session)
    return lists.Export(
        name="breaks",
        heading=(
            say("差异编号", "Break"),
            say("结算日", "Day"),
            say("类型", "Kind"),
            say("对象", "Subject"),
            say("账本", "Ours"),
            say("对方", "Theirs"),
            say("差异", "Difference"),
            say("账龄（工作日）", "Age (working days)"),
            say("责任人", "Owner"),
            say("状态", "State"),
        ),
        read=_read(wanted),
        line=lambda row: (
            row.id,
            row.day.isoformat(),
            say(*WORDS[BreakKind][row.kind]),
            row.subject,
            row.ours,
            row.theirs,
            row.difference,
            row.age_days,
            people.name(row.owner),
            say(*WORDS[BreakStatus][row.status]),
        ),
    )
