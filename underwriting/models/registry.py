"""The registry of models: kept once, one champion at a time, loaded fail-closed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from kernel import ids, moves
from kernel.actors import Actor
from kernel.refusals import Refused
from underwriting import canonical
from underwriting.models import scoring
from underwriting.models.artifact import TrainedModel
from underwriting.models.scoring import ManifestChanged, Model
from underwriting.records.models import MODEL_MOVES, ModelRecord, ModelStatus

_NAMESPACE: Final = UUID("d94c7c4e-64b7-5f0d-9b0e-8f1f2a3c5b77")
LOADED_MAX: Final = 6
"""Loaded models kept by a process: the champion, its challengers, and what it replaced lately."""
CHALLENGERS_MAX: Final = 3
"""Each scores every assessment beside the champion."""


class NoSuchModel(Refused):
    """No model has this name."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_model"
    title = "There is no such model"
    title_zh = "模型不存在"


class NoServingModel(Refused):
    """No model was published, so nobody can be scored."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "no_serving_model"
    title = "No model is in service"
    title_zh = "尚未发布评分模型"


def register(session: Session, trained: TrainedModel, *, by: Actor, at: datetime) -> ModelRecord:
    """Keep a trained model as a candidate; the same model again is the one already there."""
    sha256 = canonical.sha256(trained.manifest)
    identity = ids.derived(_NAMESPACE, sha256)
    known = session.get(ModelRecord, identity)
    if known is not None:
        return known
    record = ModelRecord(
        id=identity,
        name=trained.model_id,
        status=ModelStatus.CANDIDATE,
        artifact=trained.artifact,
        manifest=trained.manifest.decode(),
        manifest_sha256=sha256,
        registered_at=at,
    )
    moves.begin(session, record, table=MODEL_MOVES, by=by, at=at)
    return record


def find(session: Session, name: str) -> ModelRecord:
    """Find a model by its name.

    Raises:
        NoSuchModel: there is none.
    """
    found = session.scalar(select(ModelRecord).where(ModelRecord.name == name))
    if found is None:
        raise NoSuchModel(f"there is no model {name!r}")
    return found


def listed(session: Session) -> list[ModelRecord]:
    """List the models, the newest first."""
    return list(session.scalars(select(ModelRecord).order_by(ModelRecord.registered_at.desc())))


class AnotherServes(Refused):
    """Another model is in service, so its successor is promoted and not simply published."""

    status = HTTPStatus.CONFLICT
    code = "another_serves"
    title = "Another model is in service; a successor has to pass the gate"
    title_zh = "已有在用模型，新模型须通过晋级评审"


class ChampionChanged(Refused):
    """The champion is not the one that the evidence compares with any more."""

    status = HTTPStatus.CONFLICT
    code = "champion_changed"
    title = "Another model came into service meanwhile; compare with that one"
    title_zh = "在用模型已变更，请与现有模型重新比较"


class TooManyChallengers(Refused):
    """As many challengers as may be score beside the champion already."""

    status = HTTPStatus.CONFLICT
    code = "too_many_challengers"
    title = f"At most {CHALLENGERS_MAX} models may challenge at once"
    title_zh = f"挑战者模型最多{CHALLENGERS_MAX}个"


def publish(
    session: Session, record: ModelRecord, *, by: Actor, at: datetime, reason: str = ""
) -> None:
    """Put the first model into service; the one that serves stays as it is.

    The model is loaded first, so one that would be refused at scoring never serves.

    Raises:
        AnotherServes: there is a champion; see `underwriting/promotions.py`.
        ModelUnusable: the model is not what its manifest says.
    """
    now = held_champion(session)
    session.refresh(record, ["status"])
    if record.status is ModelStatus.SERVING:
        return
    if now is not None:
        raise AnotherServes(f"{now.name} is in service")
    scoring.load(intact(session, record))
    moves.advance(
        session, record, ModelStatus.SERVING, table=MODEL_MOVES, by=by, at=at, reason=reason
    )


def succeed(
    session: Session,
    record: ModelRecord,
    *,
    instead_of: UUID,
    by: Actor,
    at: datetime,
    reason: str,
) -> None:
    """Put a model into service and retire the champion, in the caller's one transaction.

    Whoever changes models holds all of them, so two who promote at once take turns, and the second
    finds another champion than it compared with.

    Raises:
        ChampionChanged: the champion is another one, or this one already.
        ModelUnusable: the model is not what its manifest says; nothing changes.
    """
    before = held_champion(session)
    session.refresh(record, ["status"])
    if before is None or before.id != instead_of or before.id == record.id:
        raise ChampionChanged()
    scoring.load(intact(session, record))
    for moved, to in ((before, ModelStatus.RETIRED), (record, ModelStatus.SERVING)):
        moves.advance(session, moved, to, table=MODEL_MOVES, by=by, at=at, reason=reason)


def challenge(
    session: Session, record: ModelRecord, *, by: Actor, at: datetime, reason: str
) -> None:
    """Let a model score beside the champion; one that does so already goes on.

    Raises:
        TooManyChallengers: there are as many as may be.
        MoveRefused: it is the champion.
        ModelUnusable: the model is not what its manifest says.
    """
    held_champion(session)
    session.refresh(record, ["status"])
    if record.status is ModelStatus.CHALLENGER:
        return
    if len(challengers(session)) >= CHALLENGERS_MAX:
        raise TooManyChallengers()
    scoring.load(intact(session, record))
    moves.advance(
        session, record, ModelStatus.CHALLENGER, table=MODEL_MOVES, by=by, at=at, reason=reason
    )


def retire(session: Session, record: ModelRecord, *, by: Actor, at: datetime, reason: str) -> None:
    """Take a challenger or a candidate out; the champion goes only when another one comes.

    Raises:
        MoveRefused: it is the champion, or out already.
    """
    held_champion(session)
    session.refresh(record, ["status"])
    if record.status is ModelStatus.SERVING:
        raise moves.MoveRefused("model", record.status, ModelStatus.RETIRED)
    moves.advance(
        session, record, ModelStatus.RETIRED, table=MODEL_MOVES, by=by, at=at, reason=reason
    )


def champion(session: Session) -> ModelRecord | None:
    """Find the model in service."""
    return session.scalar(
        select(ModelRecord)
        .where(ModelRecord.status == ModelStatus.SERVING)
        .execution_options(populate_existing=True)
    )


def challengers(session: Session) -> list[ModelRecord]:
    """List the models that score beside the champion, the oldest first."""
    return list(
        session.scalars(
            select(ModelRecord)
            .where(ModelRecord.status == ModelStatus.CHALLENGER)
            .order_by(ModelRecord.registered_at, ModelRecord.id)
        )
    )


def held_champion(session: Session) -> ModelRecord | None:
    """Hold every model until the transaction ends, and give the champion."""
    session.execute(select(ModelRecord.id).order_by(ModelRecord.id).with_for_update(key_share=True))
    return champion(session)


def serving(session: Session) -> Model:
    """Give the model in service, loaded; a process loads each model once.

    Raises:
        NoServingModel: none was published.
        ModelUnusable: the model is not what its manifest says.
    """
    record = champion(session)
    if record is None:
        raise NoServingModel()
    return loaded(session, record)


def loaded(session: Session, record: ModelRecord) -> Model:
    """Give a model, loaded; one that was refused is refused again at every try.

    Raises:
        ModelUnusable: the model is not what its manifest says.
    """
    model = _loaded.get(record.manifest_sha256)
    if model is None:
        model = scoring.load(intact(session, record))
        _loaded.put(record.manifest_sha256, model)
    return model


def intact(session: Session, record: ModelRecord) -> TrainedModel:
    """Read the bytes of a model for use: no golden row would show another bound or baseline.

    Raises:
        ManifestChanged: the manifest does not have the hash that it was kept with.
    """
    found = trained(session, record)
    if canonical.sha256(found.manifest) != record.manifest_sha256:
        raise ManifestChanged(f"the manifest of {record.name} is not the one that was kept")
    return found


def trained(session: Session, record: ModelRecord) -> TrainedModel:
    """Read the bytes of a model as they are."""
    whole = session.scalars(
        select(ModelRecord)
        .where(ModelRecord.id == record.id)
        .options(undefer(ModelRecord.artifact), undefer(ModelRecord.manifest))
        .execution_options(populate_existing=True)
    ).one()
    return TrainedModel(artifact=bytes(whole.artifact), manifest=whole.manifest.encode())


class _Loaded:
    """The last few models a process has loaded, by the hash of their manifests."""

    def __init__(self) -> None:
        self._models: OrderedDict[str, Model] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, sha256: str) -> Model | None:
        with self._lock:
            return self._models.get(sha256)

    def put(self, sha256: str, model: Model) -> None:
        with self._lock:
            self._models[sha256] = model
            while len(self._models) > LOADED_MAX:
                self._models.popitem(last=False)


_loaded: Final = _Loaded()
