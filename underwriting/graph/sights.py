"""Where sights lie: the table of links, read in bounded steps by its index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Integer, String, Text, column, select, values
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from disbursement.records.loans import Loan, LoanStatus, LoanStep
from kernel import ids
from kernel.clock import business_day, require_aware
from underwriting.graph.walk import Life, Sight
from underwriting.inquiries import LinkKind, SharedKey
from underwriting.records.links import Link
from underwriting.records.watching import LoanMark, WatchedCase
from underwriting.watched import BAD

KEYS_MAX: Final = 64
"""Of one application: a dozen cards, the bands of a text and one of everything else are fewer."""
LENT: Final = (LoanStatus.ACTIVE, LoanStatus.SETTLED, LoanStatus.WRITTEN_OFF)
"""A loan whose payouts all came back was never lent, so it says nothing of who did not repay it."""


@dataclass(frozen=True, slots=True)
class LinkTable:
    """The `Store` of a walk that is the table of links and the loans of the floor below."""

    session: Session

    def own(self, application_ref: UUID, *, until: datetime) -> Sequence[Sight]:
        """Give the keys of the application itself, seen up to and including a moment."""
        return self._sights(Link.application_ref == application_ref, Link.seen_at <= until, most=1)

    def of_applications(self, applications: Sequence[UUID], *, before: datetime) -> Sequence[Sight]:
        """Give the keys of some applications."""
        return self._sights(
            Link.application_ref.in_(applications), Link.seen_at < before, most=len(applications)
        )

    def of_keys(
        self, keys: Mapping[SharedKey, int], *, before: datetime
    ) -> Mapping[SharedKey, Sequence[Sight]]:
        """Give who used each key, latest first, at most so many each."""
        if not keys:
            return {}
        asked = values(
            column("kind", String), column("digest", String), column("most", Integer), name="asked"
        ).data([(key.kind.value, key.digest, most) for key, most in keys.items()])
        users = (
            select(Link.application_ref, Link.seen_at)
            .where(
                Link.kind.cast(Text) == asked.c.kind,
                Link.digest == asked.c.digest,
                Link.seen_at < before,
            )
            .order_by(Link.seen_at.desc(), Link.application_ref.desc())
            .limit(asked.c.most)
            .lateral("users")
        )
        rows = self.session.execute(
            select(asked.c.kind, asked.c.digest, users.c.application_ref, users.c.seen_at).join(
                users, onclause=users.c.seen_at.is_not(None)
            )
        )
        found: dict[SharedKey, list[Sight]] = {}
        for kind, digest, application_ref, seen_at in rows:
            key = SharedKey(kind=LinkKind(kind), digest=digest)
            found.setdefault(key, []).append(Sight(application_ref, key, seen_at))
        return found

    def signatures(self, applications: Sequence[UUID]) -> Mapping[UUID, bytes]:
        """Give the signatures of the texts of some applications; those without are left out."""
        rows = self.session.execute(
            select(WatchedCase.application_ref, WatchedCase.hardship_signature).where(
                WatchedCase.application_ref.in_(applications),
                WatchedCase.hardship_signature.is_not(None),
            )
        )
        return {ref: bytes(signed) for ref, signed in rows if signed is not None}

    def lives(self, applications: Sequence[UUID], *, before: datetime) -> Mapping[UUID, Life]:
        """Tell what became of the loans of some applications; those without a loan are left out."""
        day = business_day(before)
        # What was found out later was not known, so the figures of a past moment stay as they were.
        late = (
            select(LoanMark.loan_id)
            .where(
                LoanMark.loan_id == Loan.id,
                LoanMark.mark.in_(BAD),
                LoanMark.on < day,
                LoanMark.noted_at < before,
            )
            .exists()
        )
        stood = (
            select(LoanStep.to_status)
            .where(LoanStep.subject_id == Loan.id, LoanStep.at < before)
            .order_by(LoanStep.position.desc())
            .limit(1)
            .scalar_subquery()
        )
        rows = self.session.execute(
            select(Loan.application_ref, late).where(
                Loan.application_ref.in_(applications), Loan.value_date < day, stood.in_(LENT)
            )
        )
        found: dict[UUID, Life] = {}
        for application_ref, was_late in rows:
            other = found.get(application_ref, Life(was_lent=True, was_late=False))
            found[application_ref] = Life(was_lent=True, was_late=was_late or other.was_late)
        return found

    def _sights(self, *which: Any, most: int) -> list[Sight]:  # noqa: ANN401 - conditions of SQL
        rows = self.session.execute(
            select(Link.application_ref, Link.kind, Link.digest, Link.seen_at)
            .where(*which)
            .order_by(Link.application_ref, Link.kind, Link.digest)
            .limit(most * KEYS_MAX)
        )
        return [
            Sight(ref, SharedKey(kind=kind, digest=digest), seen_at)
            for ref, kind, digest, seen_at in rows
        ]


def note(
    session: Session, application_ref: UUID, keys: Iterable[SharedKey], *, at: datetime
) -> int:
    """Keep what an application shares, and count what was new; seen twice is seen at first.

    Raises:
        ValueError: more keys than an application can have.
    """
    rows = [
        {
            "id": ids.new(),
            "application_ref": application_ref,
            "kind": key.kind,
            "digest": key.digest,
            "seen_at": require_aware(at),
        }
        for key in sorted(set(keys))
    ]
    if len(rows) > KEYS_MAX:
        raise ValueError(f"an application has at most {KEYS_MAX} keys")
    if not rows:
        return 0
    kept = session.execute(insert(Link).values(rows).on_conflict_do_nothing().returning(Link.id))
    return len(kept.all())
