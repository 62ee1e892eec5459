"""Borrowers: keeping who owes, sealed, for papers and reports that must name him."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from disbursement.records.borrowers import Borrower
from kernel import sealing
from kernel.actors import Actor
from kernel.personal import NationalId, PersonName
from kernel.sealing import Sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A borrower in plain, for the moment in which he is named."""

    name: PersonName
    national_id: NationalId


def keep(
    session: Session,
    debtor_ref: UUID,
    *,
    name: Sealed[PersonName],
    national_id: Sealed[NationalId],
    at: datetime,
) -> None:
    """Keep a borrower once; what was kept first stays, so that papers can be made again."""
    row = {"debtor_ref": debtor_ref, "name": name, "national_id": national_id, "kept_at": at}
    session.execute(insert(Borrower).values(row).on_conflict_do_nothing())


def reveal(
    session: Session, debtor_ref: UUID, *, subject: UUID, purpose: str, by: Actor, at: datetime
) -> Identity | None:
    """Open a borrower's name and number for a purpose, leaving audit rows; None when unknown."""
    kept = session.get(Borrower, debtor_ref)
    if kept is None:
        return None
    return Identity(
        name=sealing.reveal(session, kept.name, subject=subject, purpose=purpose, by=by, at=at),
        national_id=sealing.reveal(
            session, kept.national_id, subject=subject, purpose=purpose, by=by, at=at
        ),
    )
