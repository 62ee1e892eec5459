"""Counting signs of collusion among the links: by agency, and rings among new applications."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from kernel.clock import shanghai
from underwriting.graph import linking, texts, walk
from underwriting.graph.walk import Sight
from underwriting.inquiries import LinkKind, SharedKey
from underwriting.records.watching import WatchedCase
from underwriting.watching.bars import Bars
from underwriting.watching.collusion import Ring, Signs

ALIKE_MAX: Final = 8
"""Applications a text is compared with: one that is nearly the same is enough."""
SIGHTS_MAX: Final = 20_000
REFS_MAX: Final = 10_000
"""Applications that one query names; the database takes 65,535 values."""
_RECENT: Final = """
    WITH recent AS (
        SELECT c.application_ref, c.agency, c.stated_balance, c.stated_card_ref, p.digest AS person
          FROM watched_case AS c
          LEFT JOIN link AS p ON p.application_ref = c.application_ref AND p.kind = 'national_id'
         WHERE c.noted_at >= :since AND c.noted_at < :until
         ORDER BY c.noted_at DESC, c.application_ref
         LIMIT :most
    )
"""
_OTHER: Final = """
    FROM link AS o JOIN link AS q ON q.application_ref = o.application_ref
                                 AND q.kind = 'national_id'
   WHERE o.kind = k.kind AND o.digest = k.digest AND o.application_ref <> k.application_ref
     AND q.digest <> r.person AND o.seen_at >= :back AND o.seen_at < :until
"""
_DEVICES: Final = text(
    f"""{_RECENT}
    SELECT agency, count(*) AS cases, count(*) FILTER (WHERE shared) AS shown,
           count(DISTINCT person) FILTER (WHERE shared) AS people
      FROM (SELECT r.agency, r.person, EXISTS (SELECT 1 {_OTHER}) AS shared
              FROM recent AS r
              JOIN link AS k ON k.application_ref = r.application_ref AND k.kind = 'device') AS seen
     GROUP BY 1 ORDER BY 1
    """  # noqa: S608 - of constants
)
_BALANCES: Final = text(
    f"""{_RECENT}
    SELECT agency, count(*) AS cases, count(*) FILTER (WHERE inflated) AS shown,
           count(DISTINCT person) FILTER (WHERE inflated) AS people
      FROM (SELECT r.agency, r.person, r.stated_balance > q.amount * :over AS inflated
              FROM recent AS r
             CROSS JOIN LATERAL (
                   SELECT amount FROM payoff_quote
                    WHERE card_ref = r.stated_card_ref AND fetched_at < :until
                    ORDER BY fetched_at LIMIT 1) AS q
             WHERE r.stated_balance IS NOT NULL) AS stated
     GROUP BY 1 ORDER BY 1
    """  # noqa: S608 - of constants
)
_TEXTS: Final = text(
    f"""{_RECENT}
    SELECT r.application_ref, r.agency, coalesce(r.person, r.application_ref::text) AS person,
           near.application_ref AS other
      FROM recent AS r
      JOIN watched_case AS own ON own.application_ref = r.application_ref
                              AND own.hardship_signature IS NOT NULL
      LEFT JOIN LATERAL (
           SELECT DISTINCT found.application_ref
             FROM link AS k CROSS JOIN LATERAL (
                  SELECT o.application_ref {_OTHER} ORDER BY o.seen_at DESC LIMIT :alike) AS found
            WHERE k.application_ref = r.application_ref AND k.kind = 'text'
            LIMIT :alike) AS near ON true
     ORDER BY r.application_ref
    """  # noqa: S608 - of constants
)
_LINKED: Final = text(
    """
    WITH seen AS (
        SELECT application_ref, kind, digest, seen_at FROM link
         WHERE seen_at >= :back AND seen_at < :until AND kind IN :kinds
    ), shared AS (
        SELECT kind, digest FROM seen
         GROUP BY 1, 2 HAVING count(*) > 1 AND max(seen_at) >= :since
         ORDER BY max(seen_at) DESC, 1, 2 LIMIT :most
    )
    SELECT application_ref, kind, digest, seen_at FROM seen JOIN shared USING (kind, digest)
     ORDER BY kind, digest, seen_at DESC, application_ref LIMIT :most
    """
).bindparams(bindparam("kinds", expanding=True))
_WHO: Final = text(
    """
    SELECT l.application_ref, l.kind, l.digest, c.agency FROM link AS l
      LEFT JOIN watched_case AS c ON c.application_ref = l.application_ref
     WHERE l.application_ref IN :refs AND l.kind = 'national_id'
    """
).bindparams(bindparam("refs", expanding=True))


def shared_devices(session: Session, day: date, bars: Bars) -> tuple[Signs, ...]:
    """Count new cases whose device another person used, by agency."""
    return _signs(session.execute(_DEVICES, _span(day, bars)).all())


def inflated_balances(session: Session, day: date, bars: Bars) -> tuple[Signs, ...]:
    """Count new cases of which the agency stated more than the issuer's own figure, by agency."""
    over = {"over": bars.collusion.inflated_over}
    return _signs(session.execute(_BALANCES, {**_span(day, bars), **over}).all())


def alike_texts(session: Session, day: date, bars: Bars) -> tuple[Signs, ...]:
    """Count new cases whose hardship text is nearly that of another person, by agency."""
    rows = session.execute(_TEXTS, {**_span(day, bars), "alike": ALIKE_MAX}).all()
    refs = {row.application_ref for row in rows} | {row.other for row in rows if row.other}
    signed = _signatures(session, sorted(refs))
    least = float(linking.in_force(day).alike_min)
    told: dict[str, dict[UUID, bool]] = {}
    people: dict[str, set[str]] = {}
    for row in rows:
        cases = told.setdefault(row.agency, {})
        is_alike = (
            row.other in signed
            and texts.likeness(signed[row.application_ref], signed[row.other]) >= least
        )
        cases[row.application_ref] = cases.get(row.application_ref, False) or is_alike
        if is_alike:
            people.setdefault(row.agency, set()).add(row.person)
    return tuple(
        Signs(
            agency=agency,
            cases=len(cases),
            shown=sum(cases.values()),
            people=len(people.get(agency, ())),
        )
        for agency, cases in sorted(told.items())
    )


def rings(session: Session, day: date, bars: Bars) -> tuple[Ring, ...]:
    """Find who is linked by a phone, a device or a card, where one of them is new."""
    rules = linking.in_force(day)
    kinds = sorted(kind.value for kind in rules.hard - {LinkKind.NATIONAL_ID})
    asked = {**_span(day, bars), "kinds": kinds, "most": SIGHTS_MAX}
    sights = [
        Sight(
            row.application_ref,
            SharedKey(kind=LinkKind(row.kind), digest=row.digest),
            row.seen_at,
        )
        for row in session.execute(_LINKED, asked)
    ]
    found = walk.rings(sights, rules)
    who = _who(session, sorted({each for ring in found for each in ring}))
    return tuple(_ring(members, sights, who) for members in found)


def _ring(
    members: Sequence[UUID], sights: Iterable[Sight], who: Mapping[UUID, tuple[str, str | None]]
) -> Ring:
    inside = frozenset(members)
    users: dict[SharedKey, set[UUID]] = {}
    first: dict[UUID, datetime] = {}
    for ref, key, seen_at in sights:
        if ref in inside:
            users.setdefault(key, set()).add(ref)
            first[ref] = min(seen_at, first.get(ref, seen_at))
    return Ring(
        first=str(min(members, key=lambda ref: (first[ref], ref))),
        applications=len(members),
        people=len({who.get(ref, (str(ref), None))[0] for ref in members}),
        agencies=tuple(
            sorted({agency for ref in members if (agency := who.get(ref, ("", None))[1])})
        ),
        kinds=tuple(sorted({key.kind.value for key, of in users.items() if len(of) > 1})),
    )


def _who(session: Session, refs: Sequence[UUID]) -> Mapping[UUID, tuple[str, str | None]]:
    if not refs:
        return {}
    rows = session.execute(_WHO, {"refs": refs})
    return {row.application_ref: (row.digest, row.agency) for row in rows}


def _signatures(session: Session, refs: Sequence[UUID]) -> Mapping[UUID, bytes]:
    found: dict[UUID, bytes] = {}
    for start in range(0, len(refs), REFS_MAX):
        rows = session.execute(
            select(WatchedCase.application_ref, WatchedCase.hardship_signature).where(
                WatchedCase.application_ref.in_(refs[start : start + REFS_MAX]),
                WatchedCase.hardship_signature.is_not(None),
            )
        )
        found.update((ref, bytes(signed)) for ref, signed in rows if signed is not None)
    return found


def _signs(rows: Iterable[Any]) -> tuple[Signs, ...]:
    return tuple(
        Signs(agency=row.agency, cases=row.cases, shown=row.shown, people=row.people)
        for row in rows
    )


def _span(day: date, bars: Bars) -> dict[str, Any]:
    until = shanghai(day + timedelta(days=1))
    return {
        "since": until - timedelta(days=bars.collusion.window_days),
        "back": until - timedelta(days=bars.collusion.look_back_days),
        "until": until,
        "most": bars.collusion.applications_max,
    }
