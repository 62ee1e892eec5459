"""A store in memory that obeys the same law as the table: strictly before, latest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from underwriting.graph.walk import Life, Sight
from underwriting.inquiries import LinkKind, SharedKey

START = datetime(2026, 11, 1, tzinfo=UTC)


def at(days: float) -> datetime:
    return START + timedelta(days=days)


def ref(number: int) -> UUID:
    return UUID(int=number)


def key(kind: str, digest: str) -> SharedKey:
    return SharedKey(kind=LinkKind(kind), digest=digest)


def sight(number: int, kind: str, digest: str, days: float) -> Sight:
    return Sight(ref(number), key(kind, digest), at(days))


class Memory:
    """Sights and lives in lists."""

    def __init__(
        self,
        *sights: Sight,
        lives: dict[int, tuple[float, float | None]] | None = None,
        texts: dict[int, bytes] | None = None,
    ):
        self.sights = sights
        self._texts = {ref(number): signed for number, signed in (texts or {}).items()}
        self._lives = {ref(number): days for number, days in (lives or {}).items()}
        """By application: the day the loan began, and the day it was late."""

    def own(self, application_ref, *, until):
        return [s for s in self.sights if s.application_ref == application_ref and s[2] <= until]

    def of_applications(self, applications, *, before):
        wanted = set(applications)
        return [s for s in self.sights if s.application_ref in wanted and s.seen_at < before]

    def of_keys(self, keys, *, before):
        found = {}
        for wanted, most in keys.items():
            users = [s for s in self.sights if s.key == wanted and s.seen_at < before]
            users.sort(key=lambda s: (s.seen_at, s.application_ref), reverse=True)
            found[wanted] = users[:most]
        return found

    def signatures(self, applications):
        return {each: self._texts[each] for each in applications if each in self._texts}

    def lives(self, applications, *, before):
        return {
            each: Life(was_lent=True, was_late=late is not None and at(late) < before)
            for each in applications
            for lent, late in [self._lives.get(each, (None, None))]
            if lent is not None and at(lent) < before
        }
