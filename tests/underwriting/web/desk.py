"""The risk console with people at it, for tests, and assessments to look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from flask import Flask

from kernel.actors import Actor, Role, system
from kernel.clock import SetClock
from kernel.db import transaction
from kernel.web.application import make_app
from kernel.web.around import Doors
from tests.kernel import web_builders as web
from tests.underwriting import builders as make
from tests.underwriting.models.rows import trained
from underwriting import assessments, policy
from underwriting.lots import Route
from underwriting.models import registry, scoring
from underwriting.web import console

RISK = Actor(Role.RISK_OFFICER, "risk")
FIGURES = {
    "inquiries_12m": make.Decimal(1),
    "card_utilisation_pct": make.Decimal("20.5"),
    "debt_to_income_pct": make.Decimal("9.25"),
}


def app(clock: SetClock) -> Flask:
    """Make an application with the risk console in it."""
    made = make_app(web.surroundings(clock), Doors(homes=console.HOMES))
    made.register_blueprint(console.blueprint)
    return made


def hire(clock: SetClock) -> None:
    """Hire a risk officer and somebody of finance."""
    web.hire(clock, login="chen", role=Role.RISK_OFFICER)
    web.hire(clock, login="zhao", role=Role.RISK_OFFICER)
    web.hire(clock, login="lin", role=Role.FINANCE_CHECKER)


def published() -> str:
    """Put a small model into service and give its name."""
    with transaction() as session:
        record = registry.register(session, trained(), by=RISK, at=make.AT)
        registry.publish(session, record, by=RISK, at=make.AT)
        return record.name


def assessed(
    scorer=None,
    *,
    minutes: int = 0,
    application: int = 1,
    version: str = "2026-08",
    route: Route | None = None,
    **changes,
) -> str:
    """Decide on a dossier and give the path of its page."""
    told = make.dossier(**{"figures": FIGURES, "application_ref": UUID(int=application), **changes})
    decision = assessments.decide(told, policy.load(version), scorer or scoring.load(trained()))
    decision = replace(decision, route=route)
    at = make.AT + timedelta(minutes=minutes)
    with transaction() as session:
        kept = assessments.record(
            session, make.gathered(told), decision, by=system("assess"), at=at
        )
        return f"/risk/assessments/{kept.id}"
