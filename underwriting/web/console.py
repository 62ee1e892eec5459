"""The risk console: its blueprint with every page in it, and the overview."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from flask import Blueprint, Flask, current_app, render_template
from flask.typing import ResponseReturnValue

from kernel.actors import Role
from kernel.clock import business_day
from kernel.db import transaction
from kernel.web import consoles
from kernel.web.access import allow
from kernel.web.around import now
from kernel.web.consoles import Section
from kernel.web.pages import percent
from underwriting import policy, review_queue
from underwriting.models import registry
from underwriting.records.models import ModelStatus
from underwriting.watching import readings
from underwriting.web import (
    assessment_list,
    assessment_pages,
    model_pages,
    plate_files,
    policy_pages,
    review_pages,
    score_pages,
    watching_pages,
)
from underwriting.web.assessment_list import Pile, Wanted
from underwriting.web.words import WORDS, feature, part, tone

HOMES: Final[Mapping[Role, str]] = {Role.RISK_OFFICER: "/risk/"}
"""Where risk staff land after signing in."""

SPAN_DAYS: Final = 31
WAITING_SHOWN_MAX: Final = 10

SECTIONS: Final = (
    Section(key="overview", endpoint="risk.overview", zh="总览", en="Overview"),
    Section(key="reviews", endpoint="risk.reviews.queue", zh="审核", en="Reviews"),
    Section(key="assessments", endpoint="risk.assessments.listed", zh="评估", en="Assessments"),
    Section(key="scores", endpoint="risk.scores.scores", zh="评分", en="Scores"),
    Section(key="watching", endpoint="risk.watching.overview", zh="监测", en="Monitoring"),
    Section(key="models", endpoint="risk.models.listed", zh="模型", en="Models"),
    Section(key="policies", endpoint="risk.policies.listed", zh="政策", en="Policies"),
)

_BESIDE: Final = "risk.beside"

blueprint = Blueprint("risk", __name__, url_prefix="/risk", template_folder="templates")
for _pages in (
    assessment_pages,
    model_pages,
    policy_pages,
    review_pages,
    score_pages,
    watching_pages,
):
    blueprint.register_blueprint(_pages.blueprint)
consoles.furnish(blueprint, SECTIONS, WORDS)


def lead_to(app: Flask, *sections: Section) -> None:
    """Let the console's navigation lead to pages of floors above, in one application."""
    app.extensions[_BESIDE] = sections


@blueprint.context_processor
def _words() -> dict[str, Any]:
    return {
        "sections": (*SECTIONS, *current_app.extensions.get(_BESIDE, ())),
        "tone": tone,
        "feature_name": feature,
        "part_name": part,
        "chance": _chance,
        "plate_of": plate_files.written,
    }


@blueprint.get("/")
@allow(Role.RISK_OFFICER)
def overview() -> ResponseReturnValue:
    """Show what waits for a person, what was decided lately, and by which policy and model."""
    today = business_day(now())
    first = today - timedelta(days=SPAN_DAYS - 1)
    with transaction() as session:
        standing = review_queue.standing(session, at=now())
        return render_template(
            "underwriting/overview.html",
            section="overview",
            waiting=standing.open,
            overdue=standing.overdue,
            alarms=len(readings.alarms(session, since=first)),
            oldest=assessment_list.listed(
                session, Wanted(pile=Pile.WAITING), after=None, limit=WAITING_SHOWN_MAX
            ),
            counts=assessment_list.counts(session, first, today),
            models=[m for m in registry.listed(session) if m.status is ModelStatus.SERVING],
            policy=policy.in_force(today),
            first=first,
            today=today,
            reason=assessment_pages.reason,
        )


def _chance(value: Decimal | str | None) -> str:
    """Show a probability in percent to four places; a dash when there is none."""
    return "—" if value is None else percent(Decimal(value), 2)
