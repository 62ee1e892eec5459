"""Pages of assessments: the list, one decision with all it rests on, its replay and its review."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from marshmallow.validate import OneOf
from sqlalchemy.orm import Session

from disbursement import issuing_banks
from kernel.actors import Role
from kernel.clock import SHANGHAI
from kernel.db import transaction
from kernel.refusals import Refused
from kernel.web import consoles, forms, lists
from kernel.web.access import actor, allow
from kernel.web.around import now, say
from kernel.web.fields import TextField
from kernel.web.idempotency import once_per_form
from underwriting import anew, assessments, replays, reviews
from underwriting.decisions import Outcome
from underwriting.features.catalogue import BUREAU
from underwriting.limits import Constraint
from underwriting.plates import Plate
from underwriting.reasons import BOOK
from underwriting.replays import Replay
from underwriting.web import assessment_list, decision_plates, plate_files
from underwriting.web.assessment_list import AssessmentRow, AssessmentWhole, Pile, Wanted
from underwriting.web.words import ADVICE, WORDS, feature

PILES: Final = {
    Pile.WAITING: ("待人工审核", "To review"),
    Pile.ALL: ("全部", "All"),
    Pile.APPROVE: ("通过", "Approved"),
    Pile.DECLINE: ("拒绝", "Declined"),
    Pile.REVIEW: ("转人工", "Sent to review"),
}
DONE: Final = {
    "reviewed": (
        "审核结论已记录，申请随后按此继续。",
        "The review is kept; the application goes on by it.",
    ),
    "proposed": (
        "该结论推翻了模型或此前的评估，须由另一名风控人员确认。",
        "It turns the model or an earlier assessment round: another officer has to say the same.",
    ),
    "anew": (
        "已登记，系统将重新查询各来源并评估；答复时限不变。",
        "The sources are asked once more; the answer is due when it was.",
    ),
}
SAY_WHAT: Final = {
    "outcome": ("请选择通过或拒绝", "Choose to approve or to decline"),
    "note": ("请写明理由", "Give the reason"),
    "reason": ("请写明重新评估的理由", "Say why it is to be assessed anew"),
}

blueprint = Blueprint("assessments", __name__, url_prefix="/assessments")


class ReviewForm(Schema):
    """What a person decides, and why."""

    outcome = fields.String(required=True, validate=OneOf([Outcome.APPROVE, Outcome.DECLINE]))
    note = TextField(required=True, length_max=reviews.NOTE_LENGTH_MAX)


class AnewForm(Schema):
    """Why an application is to be assessed anew."""

    reason = TextField(required=True, length_max=anew.REASON_LENGTH_MAX)


@blueprint.get("")
@allow(Role.RISK_OFFICER)
def listed() -> ResponseReturnValue:
    """List assessments by the filters of the address."""
    filters = lists.Filters()
    wanted = Wanted(
        pile=filters.one_of("pile", Pile) or Pile.ALL,
        first=filters.day("first"),
        last=filters.day("last"),
    )
    if lists.wants_csv():
        return lists.reply(_export(wanted))
    with transaction() as session:
        part = _read(wanted)(session, lists.after(), lists.PAGE_ROWS)
        count = assessment_list.waiting(session)
    page = render_template(
        "underwriting/assessments.html",
        section="assessments",
        part=part,
        waiting=count,
        wanted=wanted,
        piles=PILES,
        filters=filters.filled(),
        reason=reason,
    )
    return page, filters.status


@blueprint.get("/<uuid:assessment_id>")
@allow(Role.RISK_OFFICER)
def assessment(assessment_id: UUID) -> ResponseReturnValue:
    """Show one decision."""
    if lists.wants_csv():
        with transaction() as session:
            found = assessment_list.whole(session, assessment_id)
        return plate_files.asked(_plates(found), stem="assessment")
    with transaction() as session:
        return _page(session, assessment_id)


@blueprint.post("/<uuid:assessment_id>/replay")
@allow(Role.RISK_OFFICER)
@once_per_form
def replay(assessment_id: UUID, session: Session) -> ResponseReturnValue:
    """Decide again on what was known, and say whether it comes out the same."""
    return _page(session, assessment_id, replayed=replays.replay(session, assessment_id))


@blueprint.post("/<uuid:assessment_id>/review")
@allow(Role.RISK_OFFICER)
@once_per_form
def review(assessment_id: UUID, session: Session) -> ResponseReturnValue:
    """Keep what the signed-in officer decides."""
    filled = forms.read(ReviewForm(), SAY_WHAT)
    if not filled.is_good:
        return _page(session, assessment_id, filled=filled), 422
    refused = consoles.tried(session, lambda: _resolve(session, assessment_id, filled.values))
    if refused is not None:
        return _page(session, assessment_id, filled=filled, refused=refused), refused.status
    kept = reviews.of(session, assessments.get(session, assessment_id))
    done = "proposed" if kept is None else "reviewed"
    return redirect(url_for(".assessment", assessment_id=assessment_id, done=done), 303)


@blueprint.post("/<uuid:assessment_id>/anew")
@allow(Role.RISK_OFFICER)
@once_per_form
def assess_anew(assessment_id: UUID, session: Session) -> ResponseReturnValue:
    """Have the application assessed anew."""
    filled = forms.read(AnewForm(), SAY_WHAT)
    if not filled.is_good:
        return _page(session, assessment_id, filled=filled), 422
    kept = assessments.get(session, assessment_id)
    refused = consoles.tried(
        session,
        lambda: anew.ask(session, kept, reason=filled.values["reason"], by=actor(), at=now()),
    )
    if refused is not None:
        return _page(session, assessment_id, filled=filled, refused=refused), refused.status
    return redirect(url_for(".assessment", assessment_id=assessment_id, done="anew"), 303)


def reason(code: Any) -> str:  # noqa: ANN401 - a member of the code book
    """Say a reason in the language of the page."""
    return say(BOOK[code].zh, BOOK[code].en)


def _resolve(session: Session, assessment_id: UUID, values: Any) -> None:  # noqa: ANN401
    reviews.resolve(
        session,
        assessments.get(session, assessment_id),
        outcome=Outcome(values["outcome"]),
        note=values["note"],
        by=actor(),
        at=now(),
    )


def _page(
    session: Session,
    assessment_id: UUID,
    *,
    filled: forms.Filled | None = None,
    refused: Refused | None = None,
    replayed: Replay | None = None,
) -> str:
    found = assessment_list.whole(session, assessment_id)
    return render_template(
        "underwriting/assessment.html",
        section="assessments",
        found=found,
        kept=found.kept,
        decision=found.decision,
        dossier=found.dossier,
        outcomes=_outcomes(found),
        anew_left=anew.left(session, found.kept, at=now()),
        anew_length=anew.REASON_LENGTH_MAX,
        plates=_plates(found),
        weights={} if found.decision is None else decision_plates.weight_of(found.decision),
        form=filled or forms.Filled(),
        refused=refused,
        replayed=replayed,
        people=consoles.people(session),
        advice=ADVICE,
        done=DONE,
        book=BOOK,
        reason=reason,
        issuer=_issuer,
        bureau=BUREAU,
        is_back_to_list=request.method == "GET",
    )


def _plates(found: AssessmentWhole) -> Sequence[Plate]:
    if found.decision is None:
        return ()
    return decision_plates.plates(
        found.decision,
        found.dossier,
        say=say,
        named=feature,
        worded=lambda constraint: say(*WORDS[Constraint][constraint]),
    )


def _outcomes(found: AssessmentWhole) -> Sequence[tuple[str, str, str]]:
    """Give what a person may choose: to approve only where there are terms."""
    decline = (
        Outcome.DECLINE.value,
        say("拒绝", "Decline"),
        say("债务人会收到理由与申诉方式。", "The debtor is told why and how to object."),
    )
    if found.decision is None or not found.decision.has_terms:
        return (decline,)
    return (
        (
            Outcome.APPROVE.value,
            say("通过", "Approve"),
            say("按评估得出的方案提供贷款。", "The terms that the assessment found are offered."),
        ),
        decline,
    )


def _issuer(code: str) -> str:
    bank = issuing_banks.banks().get(code)
    return code if bank is None else say(bank.name_zh, bank.name)


def _read(wanted: Wanted) -> Callable[[Session, str | None, int], lists.Part[AssessmentRow]]:
    return lambda session, after, limit: assessment_list.listed(
        session, wanted, after=lists.place(after), limit=limit
    )


def _export(wanted: Wanted) -> lists.Export[AssessmentRow]:
    return lists.Export(
        name="assessments",
        heading=(
            say("评估编号", "Assessment"),
            say("申请编号", "Application"),
            say("决策时间", "Decided at"),
            say("结论", "Outcome"),
            say("人工结论", "Review"),
            say("违约概率", "PD"),
            say("等级", "Band"),
            say("额度", "Limit"),
            say("本金", "Principal"),
            say("理由代码", "Reason codes"),
            say("政策版本", "Policy"),
            say("模型", "Model"),
        ),
        read=_read(wanted),
        line=_line,
    )


def _line(row: AssessmentRow) -> Sequence[object]:
    told = row.decision
    return (
        row.id,
        row.application_ref,
        _instant(row.decided_at),
        say(*WORDS[Outcome][row.outcome]),
        "" if row.reviewed is None else say(*WORDS[Outcome][row.reviewed]),
        row.pd,
        "" if told is None else told.band,
        None if told is None else told.limit,
        None if told is None else told.principal,
        "" if told is None else " ".join(one.value for one in told.reasons),
        row.policy_version,
        "" if told is None else told.model_id,
    )


def _instant(at: datetime) -> str:
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")
