"""Shares: a challenger decides on more debtors by two officers' word, and on fewer by anybody's.

Whoever decides over people has shown on loans whose end is known that its probabilities hold and
that it obeys every declared sign (`underwriting/models/gate.py`, SHARE_CHECKS), and is what its
manifest says. The first officer's word is kept as a request like that for a promotion, with what it
rests on; the second one's is the routing. Taking a share away is urgent and safe: one person does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from disbursement.breaks import SamePerson
from kernel import events, ids
from kernel.actors import Actor, Role
from kernel.clock import require_aware
from kernel.refusals import FieldFault, Refused
from underwriting import routing
from underwriting.evidence import Evidence
from underwriting.models import registry, scoring
from underwriting.models.registry import ChampionChanged
from underwriting.promotions import REQUEST_DAYS, SHARE, GateNotPassed, NoSuchRequest
from underwriting.records.models import ModelRecord, ModelStatus
from underwriting.records.service import PromotionRequest, Routing

SHARE_MAX: Final = Decimal("0.5")
"""More than half is no challenge any more but a promotion."""
REASON_LENGTH_MAX: Final = 500
SET: Final = "challenger.share_set"
MAY_ASK: Final = frozenset({Role.RISK_OFFICER})
MAY_LOWER: Final = frozenset({Role.RISK_OFFICER, Role.OPERATOR})


class RoutingFaulty(Refused):
    """A share or a reason that no routing can have."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "routing_faulty"
    title = "The routing lacks its share or its reason"
    title_zh = "分流设置缺少比例或理由"


class NotAChallenger(Refused):
    """Only a challenger gets a share of the applications."""

    status = HTTPStatus.CONFLICT
    code = "not_a_challenger"
    title = "This model is no challenger"
    title_zh = "该模型不是挑战者模型"


class MayNotRoute(Refused):
    """The actor may not say which model decides."""

    status = HTTPStatus.FORBIDDEN
    code = "may_not_route"
    title = "Only a risk officer may say which model decides"
    title_zh = "仅风控人员可设置模型分流"


class NoSmallerShare(Refused):
    """One person alone makes a share smaller, never larger."""

    status = HTTPStatus.CONFLICT
    code = "no_smaller_share"
    title = "This is no smaller share than the challenger has"
    title_zh = "该比例不低于挑战者模型的现有比例"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRequest:
    """A share that one officer asked for and nobody has confirmed yet."""

    id: UUID
    challenger: str
    share: Decimal
    evidence: dict[str, Any]
    reason: str
    asked_by: str
    asked_at: datetime


def ask(
    session: Session,
    share: Decimal,
    evidence: Evidence,
    *,
    reason: str,
    by: Actor,
    at: datetime,
) -> PromotionRequest:
    """Ask, as a risk officer, that the evidence's challenger decide on a share; another confirms.

    Raises:
        MayNotRoute: the actor is no risk officer.
        RoutingFaulty: no reason, or a share that is not above 0 and at most a half.
        GateNotPassed: the evidence does not carry a share.
        NotAChallenger: the model does not challenge.
        ChampionChanged: the evidence compares with another champion.
        ModelUnusable: the model is not what its manifest says.
    """
    _require(by, MAY_ASK)
    said = _checked(share, reason, least=Decimal("0.000001"))
    if evidence.against_a_share:
        raise GateNotPassed("; ".join(evidence.against_a_share))
    record, champion = registry.find(session, evidence.challenger), registry.champion(session)
    if champion is None or champion.name != evidence.champion:
        raise ChampionChanged()
    _require_challenger(session, record)
    request = PromotionRequest(
        id=ids.new(),
        model_id=record.id,
        champion_id=champion.id,
        evidence={**evidence.to_plain(), SHARE: str(share)},
        reason=said,
        asked_by=str(by),
        asked_at=require_aware(at),
    )
    session.add(request)
    session.flush()
    return request


def confirm(session: Session, request_id: UUID, *, by: Actor, at: datetime) -> Routing:
    """Confirm, as a second risk officer, a share that another one asked for; it holds from now on.

    Appends the fact `challenger.share_set`.

    Raises:
        MayNotRoute: the actor is no risk officer.
        NoSuchRequest: there is none, it was used, is older than a week or than the newest routing.
        SamePerson: the actor asked for it himself.
        ChampionChanged: another model came into service since it was asked.
        NotAChallenger: the model challenges no more.
        ModelUnusable: the model is not what its manifest says; nothing changes.
    """
    _require(by, MAY_ASK)
    request = session.get(PromotionRequest, request_id, with_for_update=True)
    # Whoever sets a share holds every model, so nobody sets another one meanwhile.
    champion = registry.held_champion(session)
    if request is None or not _is_open(session, request, at=at):
        raise NoSuchRequest()
    if request.asked_by == str(by):
        raise SamePerson("whoever asked for a share does not confirm it")
    if champion is None or champion.id != request.champion_id:
        raise ChampionChanged()
    record = session.get_one(ModelRecord, request.model_id)
    _require_challenger(session, record)
    rule = Routing(
        id=routing.identity(request.id),
        challenger_id=record.id,
        share=Decimal(request.evidence[SHARE]),
        set_by=str(by),
        set_at=at,
        reason=request.reason,
    )
    return _kept(session, rule, at=at)


def lower(
    session: Session,
    challenger: ModelRecord,
    share: Decimal,
    *,
    reason: str,
    by: Actor,
    at: datetime,
) -> Routing:
    """Leave a challenger less of the applications, or with 0 none, at once.

    Appends the fact `challenger.share_set`.

    Raises:
        MayNotRoute: the actor is neither a risk officer nor an operator.
        RoutingFaulty: no reason, or a share that is not between 0 and a half.
        NoSmallerShare: the challenger has no share, or none that is larger.
    """
    _require(by, MAY_LOWER)
    said = _checked(share, reason)
    registry.held_champion(session)
    now = routing.share_of(session, challenger, at=at)
    if share >= now:
        raise NoSmallerShare(f"{challenger.name} decides on {now.normalize():f} of all")
    rule = Routing(
        id=ids.new(),
        challenger_id=challenger.id,
        share=share,
        set_by=str(by),
        set_at=at,
        reason=said,
    )
    return _kept(session, rule, at=at)


def waiting(session: Session, *, at: datetime) -> tuple[ShareRequest, ...]:
    """List the shares that were asked for and may still be confirmed, the newest first."""
    since = at - timedelta(days=REQUEST_DAYS)
    rows = session.execute(
        select(PromotionRequest, ModelRecord.name)
        .join(ModelRecord, ModelRecord.id == PromotionRequest.model_id)
        .where(PromotionRequest.asked_at >= since)
        .order_by(PromotionRequest.asked_at.desc(), PromotionRequest.id)
    )
    return tuple(
        ShareRequest(
            id=request.id,
            challenger=name,
            share=Decimal(request.evidence[SHARE]),
            evidence=request.evidence,
            reason=request.reason,
            asked_by=request.asked_by,
            asked_at=request.asked_at,
        )
        for request, name in rows
        if _is_open(session, request, at=at)
    )


def _is_open(session: Session, request: PromotionRequest, *, at: datetime) -> bool:
    """Tell whether a request may be confirmed: what was set since it was asked ends it."""
    if SHARE not in request.evidence or at - request.asked_at > timedelta(days=REQUEST_DAYS):
        return False
    over = or_(Routing.id == routing.identity(request.id), Routing.set_at > request.asked_at)
    return session.scalar(select(Routing.id).where(over).limit(1)) is None


def _kept(session: Session, rule: Routing, *, at: datetime) -> Routing:
    rule.position = (session.scalar(select(func.max(Routing.position))) or 0) + 1
    rule.since = require_aware(at)
    session.add(rule)
    session.flush()
    assert rule.challenger_id is not None, "a share is a challenger's"
    body = {"routing_id": str(rule.id), "share": str(rule.share)}
    events.append(session, SET, subject=rule.challenger_id, at=at, body=body)
    session.flush()
    return rule


def _require(by: Actor, roles: frozenset[Role]) -> None:
    if by.role not in roles:
        raise MayNotRoute()


def _require_challenger(session: Session, record: ModelRecord) -> None:
    session.refresh(record, ["status"])
    if record.status is not ModelStatus.CHALLENGER:
        raise NotAChallenger(f"{record.name} is {record.status}")
    # As at a promotion the stored bytes count, whatever this process has loaded before.
    scoring.load(registry.intact(session, record))


def _checked(share: Decimal, reason: str, *, least: Decimal = Decimal(0)) -> str:
    said, faults = reason.strip(), []
    # Bounds first: what is far beyond them has too many digits to be rounded.
    within = share.is_finite() and least <= share <= SHARE_MAX
    if not within or share != share.quantize(Decimal("0.000001")):
        faults.append(FieldFault("/share", "must be between 0 and 0.5, in millionths at most"))
    if not 0 < len(said) <= REASON_LENGTH_MAX:
        faults.append(FieldFault("/reason", f"must have 1 to {REASON_LENGTH_MAX} characters"))
    if faults:
        raise RoutingFaulty(faults=tuple(faults))
    return said
