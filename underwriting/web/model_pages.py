"""Pages of models: the registry, and the card of one with the number behind every figure."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import undefer

from kernel import moves
from kernel.actors import Role
from kernel.db import transaction
from kernel.web import consoles
from kernel.web.access import allow
from kernel.web.around import say
from underwriting import canonical
from underwriting.features import catalogue
from underwriting.models import registry
from underwriting.records.models import MODEL_MOVES, ModelRecord, ModelStatus
from underwriting.web.words import WORDS

blueprint = Blueprint("models", __name__, url_prefix="/models")


@blueprint.get("")
@allow(Role.RISK_OFFICER)
def listed() -> ResponseReturnValue:
    """List the models, the newest first."""
    with transaction() as session:
        found = registry.listed(session)
    return render_template("underwriting/models.html", section="models", models=found)


@blueprint.get("/<name>")
@allow(Role.RISK_OFFICER)
def card(name: str) -> ResponseReturnValue:
    """Show one model's birth certificate."""
    with transaction() as session:
        record = registry.find(session, name)
        whole = session.get_one(
            ModelRecord, record.id, options=[undefer(ModelRecord.manifest)], populate_existing=True
        )
        return render_template(
            "underwriting/model.html",
            section="models",
            model=record,
            facts=canonical.load(whole.manifest.encode()),
            features=catalogue.CATALOGUE,
            steps=moves.history(session, record, table=MODEL_MOVES),
            people=consoles.people(session),
            status_word=lambda value: say(*WORDS[ModelStatus][ModelStatus(value)]),
        )
