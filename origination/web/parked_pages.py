"""Parked applications for the staff: what stood in the way of each, and its release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from kernel.actors import Role
from kernel.db import transaction
from kernel.refusals import Refused
from kernel.web import consoles
from kernel.web.access import actor, allow, signed_in_staff
from kernel.web.around import now
from kernel.web.consoles import Section
from kernel.web.idempotency import once_per_form
from origination import applicants, deciding, parking
from underwriting.obstacles import Cause
from underwriting.web import console
from underwriting.web.words import WORDS

HOMES: Final[Mapping[Role, str]] = {Role.OPERATOR: "/risk/parked"}
"""Where operators land after signing in."""
SECTION: Final = Section(key="parked", endpoint="parked.listed", zh="挂起", en="Parked")
"""The entry of these pages in the risk console, whose navigation they share."""
MAY: Final = tuple(sorted(deciding.MAY_UNPARK))

DONE: Final = {
    "released": ("已恢复，系统将重新评估。", "Released; it will be assessed."),
}
ADVICE: Final = {
    "application_not_parked": (
        "可能已有人恢复，或债务人已撤回。",
        "Somebody released it before, or the debtor withdrew.",
    ),
}
WHAT_TO_DO: Final = {
    Cause.SOURCE_SILENT: (
        "确认该来源已恢复后再恢复申请。",
        "Release when the source answers again.",
    ),
    Cause.SOURCE_REFUSED: (
        "联系该来源，查明为何拒绝。",
        "Call the source and find out why it refuses.",
    ),
    Cause.CONSENT_MISSING: (
        "超过三十天的授权不能再用；债务人可撤回后重新申请。",
        "A consent older than thirty days serves no more; the debtor may withdraw and apply again.",
    ),
    Cause.NO_LENDER: ("为资金方发布产品后再恢复。", "Publish a funder's product, then release."),
    Cause.QUOTES_EXPIRED: ("恢复后会重新查询报价。", "Release: the quotes are asked for again."),
    Cause.FAULT: ("查看日志 assessment.failed。", "Look for assessment.failed in the log."),
    Cause.UNTOLD: ("查看日志。", "Look into the log."),
}

blueprint = Blueprint("parked", __name__, url_prefix="/risk/parked", template_folder="templates")
consoles.furnish(blueprint, (SECTION,), WORDS)


@blueprint.context_processor
def _with_the_console() -> dict[str, Any]:
    """Show a risk officer the way back to his console; an operator has none there."""
    person = signed_in_staff()
    is_risk = person is not None and person.role is Role.RISK_OFFICER
    return {"sections": (*console.SECTIONS, SECTION) if is_risk else (SECTION,)}


@blueprint.get("")
@allow(*MAY)
def listed() -> ResponseReturnValue:
    """List the parked applications."""
    with transaction() as session:
        return _page(session)


@blueprint.post("/<uuid:application_id>/release")
@allow(*MAY)
@once_per_form
def release(application_id: UUID, session: Session) -> ResponseReturnValue:
    """Have a parked application assessed again."""
    application = applicants.get(session, application_id)
    refused = consoles.tried(
        session, lambda: deciding.unpark(session, application, by=actor(), at=now())
    )
    if refused is not None:
        return _page(session, refused), refused.status
    return redirect(url_for(".listed", done="released"), HTTPStatus.SEE_OTHER)


def _page(session: Session, refused: Refused | None = None) -> str:
    found: Sequence[parking.ParkedApplication] = parking.listed(session)
    return render_template(
        "origination/parked.html",
        section=SECTION.key,
        parked=found,
        is_cut=len(found) == parking.SHOWN_MAX,
        what_to_do=WHAT_TO_DO,
        refused=refused,
        advice=ADVICE,
        done=DONE,
    )
