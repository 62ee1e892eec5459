"""Pages of models: the registry with its routing, and the card of one model."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from kernel import moves
from kernel.actors import Role
from kernel.db import transaction
from kernel.web import consoles, lists
from kernel.web.access import allow
from kernel.web.around import say
from underwriting import promotions, routing, shadowing
from underwriting.features.declaration import Unit
from underwriting.models import card, card_reading, registry
from underwriting.models.card import Card, Words
from underwriting.records.models import MODEL_MOVES, ModelStatus
from underwriting.records.service import PromotionKind
from underwriting.web import plate_files
from underwriting.web.words import WORDS, feature

PROMOTIONS_MAX: Final = 20
MADE: Final = frozenset({"segments", "features", "data", "tuning", "golden"})
"""The plates of the second half of a card: pages of the house stay below 50 KB."""

blueprint = Blueprint("models", __name__, url_prefix="/models")


@blueprint.get("")
@allow(Role.RISK_OFFICER)
def listed() -> ResponseReturnValue:
    """List the models, who routes to them, and how they came into service."""
    with transaction() as session:
        return render_template(
            "underwriting/models.html",
            section="models",
            models=registry.listed(session),
            route=next(iter(routing.history(session, limit=1)), None),
            shadows={each.model: each for each in shadowing.counted(session)},
            promotions=promotions.history(session, limit=PROMOTIONS_MAX),
            people=consoles.people(session),
            kind=lambda value: say(*WORDS[PromotionKind][value]),
        )


@blueprint.get("/<name>")
@allow(Role.RISK_OFFICER)
def shown(name: str) -> ResponseReturnValue:
    """Show the card of one model, or give it as a document."""
    with transaction() as session:
        record = registry.find(session, name)
        found = card_reading.read(session, record)
        steps = moves.history(session, record, table=MODEL_MOVES)
        people = consoles.people(session)
    words = Words(say=say, feature=feature, unit=lambda unit: say(*WORDS[Unit][unit]))
    if request.args.get("format") == "json":
        return card.to_plain(found)
    if request.args.get("format") == "html":
        return _document(found, words)
    plates = card.plates(found, words)
    if lists.wants_csv():
        return plate_files.asked(plates, stem="model")
    is_made = request.args.get("part") == "made"
    return render_template(
        "underwriting/model.html",
        section="models",
        model=record,
        card=found,
        facts=found.facts,
        purpose=card.PURPOSE,
        label=card.LABEL,
        limits=card.LIMITS,
        plates=[plate for plate in plates if (plate.name in MADE) == is_made],
        is_made=is_made,
        steps=steps,
        people=people,
        status_word=lambda value: say(*WORDS[ModelStatus][ModelStatus(value)]),
    )


def _document(found: Card, words: Words) -> Response:
    response = Response(card.document(found, words), content_type="text/html; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="model-card.html"'
    return response
