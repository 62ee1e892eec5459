"""Putting the card of a kept model together: its manifest, its golden rows, its promotion."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from underwriting.models import registry
from underwriting.models.card import Card
from underwriting.models.scoring import ModelUnusable
from underwriting.records.models import ModelRecord
from underwriting.records.service import Promotion


def read(session: Session, record: ModelRecord) -> Card:
    """Read everything that a model's card tells; its golden rows are scored anew.

    Raises:
        ManifestUnreadable: the manifest is not one that this program writes.
    """
    holds, detail = True, ""
    try:
        registry.loaded(session, record)
    except ModelUnusable as fault:
        holds, detail = False, f"{type(fault).__name__}: {fault}"
    gate = session.scalar(
        select(Promotion.evidence)
        .where(Promotion.model_id == record.id, Promotion.evidence != {})
        .order_by(Promotion.position.desc())
        .limit(1)
    )
    return Card(
        name=record.name,
        status=record.status.value,
        manifest_sha256=record.manifest_sha256,
        facts=registry.trained(session, record).facts,
        golden_holds=holds,
        golden_detail=detail,
        gate=gate,
    )
