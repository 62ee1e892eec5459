"""The figures of a ring, from what was known strictly before the application. Pure.

They stand in the frozen dossier, so a decision is retold without asking the graph again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final
from uuid import UUID

from underwriting.graph.linking import Linking
from underwriting.graph.walk import WHOLE, Neighbourhood, Sight
from underwriting.inquiries import LinkKind, SharedKey

NAMES: Final = (
    "ring_size",
    "ring_agencies",
    "ring_late_pct",
    "ring_late_1hop_pct",
    "ring_late_2hop_pct",
    "ring_card_shared",
    "ring_device_shared",
    "ring_text_people",
    "ring_velocity_7d",
    "ring_velocity_30d",
    "ring_age_days",
)
CARDS: Final = frozenset({LinkKind.CARD, LinkKind.REPAYMENT_CARD})
DEVICES: Final = frozenset({LinkKind.DEVICE})
_PLACES: Final = Decimal("0.0001")


def of(around: Neighbourhood, linking: Linking) -> dict[str, Decimal]:
    """Give the figures of an application's neighbourhood by the names of the catalogue."""
    others = [each for each in around.component if each != around.application_ref]
    found = {
        "ring_size": Decimal(len(around.people(around.component))),
        "ring_agencies": _agencies(around),
        "ring_late_pct": _late(around, [(each, WHOLE) for each in others], linking),
        "ring_card_shared": _is_shared(around, CARDS),
        "ring_device_shared": _is_shared(around, DEVICES),
        "ring_text_people": _text_people(around),
        "ring_velocity_7d": _velocity(around, linking, days=7),
        "ring_velocity_30d": _velocity(around, linking, days=30),
        "ring_age_days": _age_days(around),
    }
    for hop in (1, 2):
        near = [(each, way) for each, (distance, way) in around.hops.items() if distance == hop]
        found[f"ring_late_{hop}hop_pct"] = _late(around, near, linking)
    assert set(found) == set(NAMES), "every figure has its name"
    return found


def _agencies(around: Neighbourhood) -> Decimal:
    digests = {
        sight.key.digest
        for each in around.component
        for sight in around.sights[each]
        if sight.key.kind is LinkKind.AGENCY
    }
    return Decimal(len(digests))


def _late(
    around: Neighbourhood, weighted: Iterable[tuple[UUID, Decimal]], linking: Linking
) -> Decimal:
    """Give the share of late loans in percent, drawn towards what is believed of the unknown."""
    late = linking.late_share * linking.belief
    of_weight = linking.belief
    for each, weight in weighted:
        life = around.lives.get(each)
        if life is not None and life.was_lent:
            late += weight * int(life.was_late)
            of_weight += weight
    return (100 * late / of_weight).quantize(_PLACES, ROUND_HALF_EVEN)


def _of_others(around: Neighbourhood, kinds: frozenset[LinkKind]) -> list[Sight]:
    """List the sights of his own keys of some kinds in other people's applications."""
    himself = around.person(around.application_ref)
    return [
        sight
        for key, users in around.users.items()
        if key.kind in kinds
        for sight in users
        if around.person(sight.application_ref) != himself
    ]


def _is_shared(around: Neighbourhood, kinds: frozenset[LinkKind]) -> Decimal:
    return Decimal(int(bool(_of_others(around, kinds))))


def _text_people(around: Neighbourhood) -> Decimal:
    himself = around.person(around.application_ref)
    return Decimal(len(around.people(around.alike) - {himself}))


def _velocity(around: Neighbourhood, linking: Linking, *, days: int) -> Decimal:
    """Count the other people on the busiest of his hard keys in the days before."""
    since = around.as_of - timedelta(days=days)
    people: dict[SharedKey, set[str]] = {}
    for sight in _of_others(around, linking.hard - {LinkKind.NATIONAL_ID}):
        if sight.seen_at >= since:
            people.setdefault(sight.key, set()).add(around.person(sight.application_ref))
    return Decimal(max(map(len, people.values()), default=0))


def _age_days(around: Neighbourhood) -> Decimal:
    seen = (sight.seen_at for each in around.component for sight in around.sights[each])
    return Decimal((around.as_of - min(seen, default=around.as_of)).days)
