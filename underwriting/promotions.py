"""Promotions: a challenger becomes the champion by the gate, or by two persons; and the way back.

A promotion and a roll-back are one transaction each: the champion steps down, the other steps up
and what it rests on is kept, or nothing of it happens. Whoever changes models holds all of them,
and a promotion names the champion that it was compared with, so of two at once one is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from disbursement.breaks import SamePerson
from kernel import events, ids
from kernel.actors import Actor, Role
from kernel.clock import require_aware
from kernel.refusals import FieldFault, Refused
from underwriting.evidence import Evidence
from underwriting.models import registry
from underwriting.models.registry import ChampionChanged
from underwriting.records.models import ModelRecord, ModelStatus
from underwriting.records.service import Promotion, PromotionKind, PromotionRequest

REASON_LENGTH_MAX: Final = 2_000
REQUEST_DAYS: Final = 7
"""An override that nobody confirms within these days is asked for again."""
SHARE: Final = "share"
"""What the evidence of a request says when it is for a share and no promotion; see `shares`."""
STEPS_BACK_MAX: Final = 1_000
MAY_PROMOTE: Final = frozenset({Role.RISK_OFFICER, Role.OPERATOR})


class MayNotPromote(Refused):
    """The actor may not change which model serves."""

    status = HTTPStatus.FORBIDDEN
    code = "may_not_promote"
    title = "Only a risk officer may change which model serves"
    title_zh = "仅风控人员可变更在用模型"


class GateNotPassed(Refused):
    """The gate holds the challenger back; every reason is named."""

    status = HTTPStatus.CONFLICT
    code = "gate_not_passed"
    title = "The model does not pass the gate"
    title_zh = "模型未通过晋级评审"


class PromotionFaulty(Refused):
    """An override or a roll-back is never without a reason."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "promotion_faulty"
    title = "A reason is needed"
    title_zh = "请填写理由"


class NoSuchRequest(Refused):
    """There is no such request, it was used, or it is too old."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_promotion_request"
    title = "There is no such request for a promotion, or it is over"
    title_zh = "该晋级申请不存在或已失效"


class NothingToRollBack(Refused):
    """No champion is remembered before this one."""

    status = HTTPStatus.CONFLICT
    code = "nothing_to_roll_back"
    title = "There is no earlier champion to go back to"
    title_zh = "没有可回退的前任模型"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionView:
    """A promotion as it is shown."""

    id: UUID
    kind: PromotionKind
    model: str
    before: str | None
    evidence: dict[str, Any]
    reason: str
    asked_by: str | None
    """The first officer of an override."""
    by: str
    at: datetime


def promote(
    session: Session,
    record: ModelRecord,
    evidence: Evidence,
    *,
    by: Actor,
    at: datetime,
    reason: str = "",
) -> Promotion:
    """Make a model that passed the gate the champion, in one transaction.

    Appends the fact `model.promoted`.

    Raises:
        MayNotPromote: the actor is neither a risk officer nor an operator.
        GateNotPassed: the evidence does not carry it.
        ChampionChanged: the evidence compares with another champion, or is of another model.
        ModelUnusable: the model is not what its manifest says; nothing changes.
    """
    _require(by, MAY_PROMOTE)
    if not evidence.is_passed:
        raise GateNotPassed("; ".join(evidence.reasons))
    before = registry.champion(session)
    if before is None or (before.name, record.name) != (evidence.champion, evidence.challenger):
        raise ChampionChanged()
    registry.succeed(session, record, instead_of=before.id, by=by, at=at, reason=reason)
    return _kept(
        session,
        Promotion(
            id=ids.new(),
            kind=PromotionKind.GATE,
            model_id=record.id,
            before_id=before.id,
            evidence=evidence.to_plain(),
            reason=reason.strip(),
            by=str(by),
            at=require_aware(at),
        ),
    )


def publish_first(
    session: Session, record: ModelRecord, *, by: Actor, at: datetime, reason: str = ""
) -> Promotion | None:
    """Put a model into service where none is; None when it serves already.

    Raises:
        MayNotPromote: the actor is neither a risk officer nor an operator.
        AnotherServes: there is a champion.
        ModelUnusable: the model is not what its manifest says.
    """
    _require(by, MAY_PROMOTE)
    session.refresh(record, ["status"])
    if record.status is ModelStatus.SERVING:
        return None
    registry.publish(session, record, by=by, at=at, reason=reason)
    return _kept(
        session,
        Promotion(
            id=ids.new(),
            kind=PromotionKind.FIRST,
            model_id=record.id,
            before_id=None,
            evidence={},
            reason=reason.strip(),
            by=str(by),
            at=require_aware(at),
        ),
    )


def ask_override(
    session: Session,
    record: ModelRecord,
    evidence: Evidence,
    *,
    reason: str,
    by: Actor,
    at: datetime,
) -> PromotionRequest:
    """Ask, as a risk officer, that a model serve without or against the gate; another one confirms.

    Raises:
        MayNotPromote: the actor is no risk officer.
        PromotionFaulty: there is no reason.
        ChampionChanged: the evidence compares with another champion, or is of another model.
        ModelUnusable: the model is not what its manifest says: no person overrides that.
    """
    _require(by, frozenset({Role.RISK_OFFICER}))
    before = registry.champion(session)
    if before is None or (before.name, record.name) != (evidence.champion, evidence.challenger):
        raise ChampionChanged()
    registry.loaded(session, record)
    request = PromotionRequest(
        id=ids.new(),
        model_id=record.id,
        champion_id=before.id,
        evidence=evidence.to_plain(),
        reason=_reason(reason),
        asked_by=str(by),
        asked_at=require_aware(at),
    )
    session.add(request)
    session.flush()
    return request


def confirm_override(session: Session, request_id: UUID, *, by: Actor, at: datetime) -> Promotion:
    """Confirm, as a second risk officer, what another one asked for; the model serves from then on.

    Raises:
        MayNotPromote: the actor is no risk officer.
        NoSuchRequest: there is none, it was used, or it is older than a week.
        SamePerson: the actor asked for it himself.
        ChampionChanged: another model came into service since it was asked.
        ModelUnusable: the model is not what its manifest says; nothing changes.
    """
    _require(by, frozenset({Role.RISK_OFFICER}))
    request = session.get(PromotionRequest, request_id, with_for_update=True)
    used = session.scalar(select(Promotion.id).where(Promotion.request_id == request_id))
    if request is None or used is not None or at - request.asked_at > timedelta(days=REQUEST_DAYS):
        raise NoSuchRequest()
    if SHARE in request.evidence:
        raise NoSuchRequest("this request is for a share, not for a promotion")
    if request.asked_by == str(by):
        raise SamePerson("whoever asked for an override does not confirm it")
    record = session.get_one(ModelRecord, request.model_id)
    registry.succeed(
        session, record, instead_of=request.champion_id, by=by, at=at, reason=request.reason
    )
    return _kept(
        session,
        Promotion(
            id=ids.derived(request.id, "promotion"),
            kind=PromotionKind.OVERRIDE,
            model_id=record.id,
            before_id=request.champion_id,
            request_id=request.id,
            evidence=request.evidence,
            reason=request.reason,
            by=str(by),
            at=require_aware(at),
        ),
    )


def roll_back(session: Session, *, reason: str, by: Actor, at: datetime) -> Promotion:
    """Bring the champion before back, in one transaction; done again, it goes one further back.

    One person is enough: it undoes what more evidence or more persons decided, and it is urgent.

    Raises:
        MayNotPromote: the actor is neither a risk officer nor an operator.
        PromotionFaulty: there is no reason.
        NothingToRollBack: no earlier champion is remembered.
        ModelUnusable: the earlier champion is not what its manifest says; nothing changes.
    """
    _require(by, MAY_PROMOTE)
    said = _reason(reason)
    now = registry.held_champion(session)
    target = _before(session)
    if now is None or target is None:
        raise NothingToRollBack()
    record = session.get_one(ModelRecord, target)
    registry.succeed(session, record, instead_of=now.id, by=by, at=at, reason=said)
    return _kept(
        session,
        Promotion(
            id=ids.new(),
            kind=PromotionKind.ROLL_BACK,
            model_id=record.id,
            before_id=now.id,
            evidence={},
            reason=said,
            by=str(by),
            at=require_aware(at),
        ),
    )


def history(session: Session, *, limit: int) -> tuple[PromotionView, ...]:
    """List the promotions, the newest first."""
    before = aliased(ModelRecord)
    rows = session.execute(
        select(Promotion, ModelRecord.name, before.name, PromotionRequest.asked_by)
        .join(ModelRecord, ModelRecord.id == Promotion.model_id)
        .outerjoin(before, before.id == Promotion.before_id)
        .outerjoin(PromotionRequest, PromotionRequest.id == Promotion.request_id)
        .order_by(Promotion.position.desc())
        .limit(limit)
    )
    return tuple(
        PromotionView(
            id=kept.id,
            kind=kept.kind,
            model=name,
            before=replaced,
            evidence=kept.evidence,
            reason=kept.reason,
            asked_by=asked_by,
            by=kept.by,
            at=kept.at,
        )
        for kept, name, replaced, asked_by in rows
    )


def _before(session: Session) -> UUID | None:
    """Find the champion to go back to: the last one that stepped down and was not brought back."""
    rows = session.execute(
        select(Promotion.kind, Promotion.before_id)
        .order_by(Promotion.position.desc())
        .limit(STEPS_BACK_MAX)
    ).all()
    stack: list[UUID | None] = []
    for kind, before_id in reversed(rows):
        if kind is not PromotionKind.ROLL_BACK:
            stack.append(before_id)
        elif stack:
            stack.pop()
    return stack[-1] if stack else None


def _kept(session: Session, promotion: Promotion) -> Promotion:
    # Whoever promotes holds every model, so nobody else counts at the same time.
    promotion.position = (session.scalar(select(func.max(Promotion.position))) or 0) + 1
    session.add(promotion)
    session.flush()
    events.append(
        session,
        "model.promoted",
        subject=promotion.model_id,
        at=promotion.at,
        body={
            "kind": promotion.kind.value,
            "before": None if promotion.before_id is None else str(promotion.before_id),
        },
    )
    session.flush()
    return promotion


def _require(by: Actor, roles: frozenset[Role]) -> None:
    if by.role not in roles:
        raise MayNotPromote()


def _reason(reason: str) -> str:
    said = reason.strip()
    if not 0 < len(said) <= REASON_LENGTH_MAX:
        fault = FieldFault("/reason", f"must have 1 to {REASON_LENGTH_MAX} characters")
        raise PromotionFaulty(faults=(fault,))
    return said
