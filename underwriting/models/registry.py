"""The registry of models: kept once, published one at a time, loaded fail-closed."""

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
from underwriting.models.scoring import Model
from underwriting.records.models import MODEL_MOVES, ModelRecord, ModelStatus

_NAMESPACE: Final = UUID("d94c7c4e-64b7-5f0d-9b0e-8f1f2a3c5b77")
LOADED_MAX: Final = 4
"""Loaded models kept by a process: the serving one and some that decisions are retold with."""


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


def publish(
    session: Session, record: ModelRecord, *, by: Actor, at: datetime, reason: str = ""
) -> None:
    """Put a model into service and retire the one before it; the serving one stays as it is.

    The model is loaded first, so one that would be refused at scoring is never published.

    Raises:
        ModelUnusable: the model is not what its manifest says.
    """
    # Who publishes holds every model, so that two who publish at once take turns.
    session.execute(select(ModelRecord.id).order_by(ModelRecord.id).with_for_update())
    session.refresh(record, ["status"])
    if record.status is ModelStatus.SERVING:
        return
    scoring.load(trained(session, record))
    before = session.scalar(
        select(ModelRecord)
        .where(ModelRecord.status == ModelStatus.SERVING)
        .execution_options(populate_existing=True)
    )
    if before is not None:
        moves.advance(
            session, before, ModelStatus.RETIRED, table=MODEL_MOVES, by=by, at=at, reason=reason
        )
    moves.advance(
        session, record, ModelStatus.SERVING, table=MODEL_MOVES, by=by, at=at, reason=reason
    )


def serving(session: Session) -> Model:
    """Give the model in service, loaded; a process loads each model once.

    Raises:
        NoServingModel: none was published.
        ModelUnusable: the model is not what its manifest says.
    """
    record = session.scalar(select(ModelRecord).where(ModelRecord.status == ModelStatus.SERVING))
    if record is None:
        raise NoServingModel()
    model = _loaded.get(record.manifest_sha256)
    if model is None:
        model = scoring.load(trained(session, record))
        _loaded.put(record.manifest_sha256, model)
    return model


def trained(session: Session, record: ModelRecord) -> TrainedModel:
    """Read the bytes of a model."""
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
