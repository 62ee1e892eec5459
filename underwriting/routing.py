"""Routing: which model decides on an application, by a lot that is drawn once for ever.

The champion decides, but for the share of lots that the newest routing gives a challenger. Who met
a model at an earlier assessment meets the same one again for as long as it decides at all, so a
larger or smaller share changes nobody's model half-way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from kernel import events, ids, logs
from kernel.events import Event
from kernel.personal import Personal
from kernel.sealing import blind_index
from underwriting import lots
from underwriting.decisions import Scorer
from underwriting.lots import Part, Purpose, Route, Why
from underwriting.models import registry
from underwriting.records.assessments import Assessment
from underwriting.records.models import ModelRecord, ModelStatus, ModelStep
from underwriting.records.service import PromotionRequest, Routing

NOTHING: Final = Decimal(0)
FAILED: Final = "challenger.failed"

log = logs.logger(__name__)


@dataclass(frozen=True, slots=True, repr=False)
class Drawn(Personal):
    """What a lot is drawn from; no personal data, hashed by the same key so that nobody foresees it."""

    kind: ClassVar[str] = "lot"


@dataclass(frozen=True, slots=True)
class Routed:
    """The model that decides on one application, and how it came to it."""

    scorer: Scorer
    route: Route | None
    """None where no routing was ever set: the champion decides on everybody."""
    champion: Scorer | None = None
    """Who decides where the challenger fails; None where the champion is to decide itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingView:
    """A routing as it is shown."""

    id: UUID
    since: datetime
    challenger: str | None
    share: Decimal
    asked_by: str | None
    """The first officer of a share that two persons gave."""
    set_by: str
    reason: str


def place(application_ref: UUID, purpose: Purpose) -> int:
    """Draw the lot of an application for one purpose, from 0 below a million."""
    return lots.place(blind_index(Drawn(f"{purpose}/{application_ref}")))


def choose(session: Session, application_ref: UUID, *, at: datetime) -> Routed:
    """Choose the model that decides on an application.

    A challenger that cannot be loaded decides nothing: the champion does, and the route says why.
    Without a champion that can be used nobody decides, whatever the lot says.

    Raises:
        NoServingModel: none was published.
        ModelUnusable: the champion is not what its manifest says.
    """
    champion = registry.serving(session)
    rule = in_force(session, at=at)
    if rule is None:
        return Routed(champion, None)
    lot = place(application_ref, Purpose.ROUTE)
    challenger = _challenger(session, rule)
    part, why = Part.CHAMPION, Why.LOT
    if challenger is not None:
        met = _met(session, application_ref, (registry.champion(session), challenger))
        if met is not None:
            part, why = Part.CHALLENGER if met == challenger.id else Part.CHAMPION, Why.BEFORE
        elif lots.is_drawn(lot, rule.share):
            part = Part.CHALLENGER
    route = Route(routing_id=rule.id, part=part, why=why, place=lot)
    if challenger is None or part is Part.CHAMPION:
        return Routed(champion, route)
    try:
        return Routed(registry.loaded(session, challenger), route, champion)
    except SQLAlchemyError:
        raise
    except Exception as fault:
        log.exception("routing.challenger_unusable", model=challenger.name)
        return _without(challenger.name, champion, route, fault)


def fall_back(routed: Routed, fault: Exception) -> Routed | None:
    """Give the decision to the champion after a challenger failed at it; None where none did.

    Whatever the fault is, it is no debtor's: he is decided on as if the lot had fallen otherwise.
    """
    if routed.champion is None or routed.route is None:
        return None
    return _without(routed.scorer.model_id, routed.champion, routed.route, fault)


def tell_failure(
    session: Session, assessment_id: UUID, route: Route | None, *, at: datetime
) -> None:
    """Append the fact `challenger.failed` where the champion had to decide in another's place."""
    if route is None or route.instead_of is None:
        return
    events.append(
        session,
        FAILED,
        subject=registry.find(session, route.instead_of).id,
        at=at,
        body={"assessment_id": str(assessment_id), "fault": route.fault},
    )


def failures(session: Session, challenger: ModelRecord) -> int:
    """Count how often the champion had to decide in a challenger's place."""
    failed = select(func.count()).where(Event.subject == challenger.id, Event.kind == FAILED)
    return session.scalar(failed) or 0


def identity(request_id: UUID) -> UUID:
    """Name the routing that comes of an officer's request, once another one has confirmed it."""
    return ids.derived(request_id, "routing")


def share_of(session: Session, challenger: ModelRecord, *, at: datetime) -> Decimal:
    """Give the share on which a challenger decides now."""
    rule = in_force(session, at=at)
    if rule is None or rule.challenger_id != challenger.id:
        return NOTHING
    return NOTHING if _challenger(session, rule) is None else rule.share


def in_force(session: Session, *, at: datetime) -> Routing | None:
    """Find the newest routing that has begun."""
    return session.scalar(
        select(Routing).where(Routing.since <= at).order_by(Routing.position.desc()).limit(1)
    )


def history(session: Session, *, limit: int) -> tuple[RoutingView, ...]:
    """List the routings, the newest first."""
    rows = session.execute(
        select(Routing, ModelRecord.name)
        .outerjoin(ModelRecord, ModelRecord.id == Routing.challenger_id)
        .order_by(Routing.position.desc())
        .limit(limit)
    ).all()
    asked = _asked_by(session, {rule.challenger_id for rule, _ in rows})
    return tuple(
        RoutingView(
            id=rule.id,
            since=rule.since,
            challenger=name,
            share=rule.share,
            asked_by=asked.get(rule.id),
            set_by=rule.set_by,
            reason=rule.reason,
        )
        for rule, name in rows
    )


def _asked_by(session: Session, challengers: Iterable[UUID | None]) -> dict[UUID, str]:
    rows = session.execute(
        select(PromotionRequest.id, PromotionRequest.asked_by).where(
            PromotionRequest.model_id.in_([each for each in challengers if each is not None])
        )
    )
    return {identity(request_id): asked_by for request_id, asked_by in rows}


def _challenger(session: Session, rule: Routing) -> ModelRecord | None:
    if rule.challenger_id is None or not rule.share:
        return None
    # A share ends with the challenge: whoever is added again is given it again, by two persons.
    return session.scalar(
        select(ModelRecord)
        .join(ModelStep, and_(ModelStep.subject_id == ModelRecord.id, ModelStep.latest))
        .where(
            ModelRecord.id == rule.challenger_id,
            ModelRecord.status == ModelStatus.CHALLENGER,
            ModelStep.at <= rule.set_at,
        )
        .execution_options(populate_existing=True)
    )


def _met(
    session: Session, application_ref: UUID, deciding: tuple[ModelRecord | None, ModelRecord]
) -> UUID | None:
    """Give the model that decided on the application last, if it still decides."""
    name = session.scalar(
        select(Assessment.model_name)
        .where(Assessment.application_ref == application_ref, Assessment.model_name.is_not(None))
        .order_by(Assessment.decided_at.desc(), Assessment.id.desc())
        .limit(1)
    )
    return next((each.id for each in deciding if each is not None and each.name == name), None)


def _without(challenger: str, champion: Scorer, route: Route, fault: Exception) -> Routed:
    fallen = replace(
        route,
        part=Part.CHAMPION,
        why=Why.UNUSABLE,
        instead_of=challenger,
        fault=type(fault).__name__,
    )
    return Routed(champion, fallen)
