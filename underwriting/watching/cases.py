"""Keeping what watching needs of an application: what its agency said, and the debtor's groups.

The groups go into a table of their own that no decision reads.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kernel.clock import require_aware
from underwriting.inquiries import ReferredCase
from underwriting.records.groups import FairnessGroup
from underwriting.records.watching import WatchedCase
from underwriting.watched import Group


def keep(
    session: Session, application_ref: UUID, case: ReferredCase, group: Group, *, at: datetime
) -> None:
    """Keep both once; what was said first stands."""
    session.execute(
        insert(WatchedCase)
        .values(
            application_ref=application_ref,
            agency=case.agency,
            stated_balance=case.stated_balance,
            stated_card_ref=case.stated_card_ref,
            hardship_signature=case.hardship_signature,
            noted_at=require_aware(at),
        )
        .on_conflict_do_nothing()
    )
    session.execute(
        insert(FairnessGroup)
        .values(
            application_ref=application_ref,
            sex=group.sex,
            age_band=group.age_band,
            noted_at=require_aware(at),
        )
        .on_conflict_do_nothing()
    )
