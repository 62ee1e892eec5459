"""Pages of policies: the versions, each with its sources, and what two of them differ in."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from kernel.actors import Role
from kernel.clock import business_day
from kernel.db import transaction
from kernel.refusals import Refused
from kernel.web import lists
from kernel.web.access import allow
from kernel.web.around import now, say
from underwriting import backtests, policy, policy_texts
from underwriting.backtests import Backtest, Span
from underwriting.comparing import Tally
from underwriting.decisions import Outcome
from underwriting.plates import Head, Kind, Link, Plate
from underwriting.policy_texts import Version
from underwriting.records.assessments import Assessment
from underwriting.web import plate_files
from underwriting.web.words import WORDS

HISTORY_MAX: Final = 200
"""Decisions that a page decides anew under both policies; the command takes all there are."""
LARGEST: Final = 10

blueprint = Blueprint("policies", __name__, url_prefix="/policies")


class NoSuchVersion(Refused):
    """There is no policy of this version."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_policy"
    title = "There is no such policy"
    title_zh = "没有这个版本的政策"


@blueprint.get("")
@allow(Role.RISK_OFFICER)
def listed() -> ResponseReturnValue:
    """List the versions, the newest first."""
    versions = policy_texts.versions()
    plate = _versions(versions)
    if lists.wants_csv():
        return plate_files.asked([plate], stem="policies")
    return render_template(
        "underwriting/policies.html",
        section="policies",
        versions=versions,
        in_force=policy.in_force(business_day(now())).version,
    )


@blueprint.get("/<version>")
@allow(Role.RISK_OFFICER)
def one(version: str) -> ResponseReturnValue:
    """Show every section of one policy with its source."""
    known = _known(version)
    sections = policy_texts.sections(version)
    plate = Plate(
        name="values",
        title=version,
        heads=(
            Head(say("章节", "Section")),
            Head(say("项目", "Entry")),
            Head(say("取值", "Value")),
            Head(say("来源", "Source")),
        ),
        rows=tuple(
            (section.name, place, value, section.source)
            for section in sections
            for place, value in section.entries
        ),
    )
    if lists.wants_csv():
        return plate_files.asked([plate], stem=f"policy-{known.version}")
    return render_template(
        "underwriting/policy.html",
        section="policies",
        version=known,
        chapters=sections,
        in_force=policy.in_force(business_day(now())).version,
        older=_older(known),
    )


@blueprint.get("/differences")
@allow(Role.RISK_OFFICER)
def differences() -> ResponseReturnValue:
    """Show the values in which two policies differ, and what that would have changed."""
    old, new = (_known(request.args.get(name, "")) for name in ("old", "new"))
    plates = [_changes(old, new)]
    if request.args.get("history") == "yes":
        plates = [*_history(old, new, until=now()), *plates]
    if lists.wants_csv():
        return plate_files.asked(plates, stem=f"policies-{old.version}-{new.version}")
    return render_template(
        "underwriting/policy_differences.html",
        section="policies",
        old=old,
        new=new,
        plates=plates,
        has_history=len(plates) > 1,
        most=HISTORY_MAX,
    )


def _known(version: str) -> Version:
    found = next((each for each in policy_texts.versions() if each.version == version), None)
    if found is None:
        raise NoSuchVersion()
    return found


def _older(version: Version) -> Version | None:
    """Give the policy that was in force before another."""
    earlier = [each for each in policy_texts.versions() if each.in_force < version.in_force]
    return earlier[0] if earlier else None


def _versions(versions: tuple[Version, ...]) -> Plate:
    return Plate(
        name="versions",
        title=say("政策版本", "Versions"),
        heads=(
            Head(say("版本", "Version")),
            Head(say("生效日", "In force since")),
            Head("SHA-256"),
        ),
        rows=tuple((each.version, each.in_force.isoformat(), each.sha256) for each in versions),
    )


def _changes(old: Version, new: Version) -> Plate:
    return Plate(
        name="changes",
        title=f"{old.version} → {new.version}",
        heads=(
            Head(say("章节", "Section")),
            Head(say("项目", "Entry")),
            Head(old.version),
            Head(new.version),
        ),
        rows=tuple(
            (each.section or "—", each.place, each.before, each.after)
            for each in policy_texts.differences(old.version, new.version)
        ),
        nothing=say("两个版本没有差别。", "The two versions do not differ."),
    )


def _history(old: Version, new: Version, *, until: datetime) -> list[Plate]:
    """Decide the newest dossiers under both policies, by their stored scores."""
    tally = Tally(largest=LARGEST)
    backtest = Backtest(old=policy.load(old.version), new=policy.load(new.version), tally=tally)
    with transaction() as session:
        backtest.bounds = backtests.bounds_of_models(session)
        since = _since(session)
        stored = (
            ()
            if since is None
            else backtests.page(session, Span(since=since, until=until), after=None)
        )
    for each in stored[:HISTORY_MAX]:
        backtest.add(each)
    told = backtest.to_plain()
    return [_summary(told), _largest(told)]


def _since(session: Session) -> datetime | None:
    """Find when the oldest of the newest decisions was made."""
    newest = session.scalars(
        select(Assessment.decided_at).order_by(Assessment.decided_at.desc()).limit(HISTORY_MAX)
    ).all()
    return newest[-1] if newest else None


def _summary(told: dict[str, Any]) -> Plate:
    limit, principal = told["limit"], told["principal"]
    rows = (
        (say("比较的申请", "Dossiers compared"), str(told["compared"])),
        (say("决策有变", "Changed"), str(told["changed"])),
        (say("未记录评分而无法比较", "Without a stored score"), str(told["without_score"])),
        (say("无法读取", "Unreadable"), str(told["unreadable"])),
        (say("额度合计", "Sum of limits"), f"{limit['sum_before']} → {limit['sum_after']}"),
        (
            say("本金合计", "Sum of principals"),
            f"{principal['sum_before']} → {principal['sum_after']}",
        ),
        *(
            (f"{_outcome(row['before'])} → {_outcome(row['after'])}", str(row["dossiers"]))
            for row in told["outcomes"]
        ),
    )
    return Plate(
        name="effect",
        title=say("对历史申请的影响", "What it would have changed"),
        summary=say(
            f"以存档评分重算最近至多 {HISTORY_MAX} 份申请；全部历史用 daichang policy diff。",
            f"The newest {HISTORY_MAX} dossiers at most, by their stored scores; the command "
            "daichang policy diff takes all there are.",
        ),
        heads=(Head(say("项目", "What")), Head(say("结果", "Result"))),
        rows=rows if told["compared"] or told["without_score"] else (),
        nothing=say("还没有可重算的申请。", "There is no dossier to decide anew yet."),
    )


def _largest(told: dict[str, Any]) -> Plate:
    return Plate(
        name="largest",
        title=say("变化最大的申请", "Largest changes"),
        heads=(
            Head(say("评估", "Assessment")),
            Head(say("本金变化（元）", "Loan changes by, yuan"), Kind.MONEY),
            Head(say("之前", "Before")),
            Head(say("之后", "After")),
        ),
        rows=tuple(
            (
                Link(
                    row["assessment"][-12:],
                    url_for("risk.assessments.assessment", assessment_id=row["assessment"]),
                ),
                float(row["principal_by"]),
                _side(row["before"]),
                _side(row["after"]),
            )
            for row in told["largest"]
        ),
        nothing=say("没有变化。", "Nothing changes."),
    )


def _side(side: dict[str, Any]) -> str:
    return f"{_outcome(side['outcome'])} · ¥{side['limit']}"


def _outcome(code: str) -> str:
    return say(*WORDS[Outcome][Outcome(code)])
