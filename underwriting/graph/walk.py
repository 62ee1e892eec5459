"""The walk from one application to those it shares something with, seen before it alone. Pure.

Everything is bounded and goes in a fixed order, so the same links give the same neighbourhood.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from underwriting.graph import texts
from underwriting.graph.components import Components
from underwriting.graph.linking import Linking
from underwriting.inquiries import LinkKind, SharedKey

WHOLE: Final = Decimal(1)


class Sight(NamedTuple):
    """One key seen in one application."""

    application_ref: UUID
    key: SharedKey
    seen_at: datetime


class Life(NamedTuple):
    """What was known of an application's loan."""

    was_lent: bool
    was_late: bool


class Store(Protocol):
    """Where sights lie. Whatever it gives was seen strictly before the moment asked about."""

    def own(self, application_ref: UUID, *, until: datetime) -> Sequence[Sight]:
        """Give the keys of the application itself, seen up to and including a moment."""
        ...

    def of_applications(self, applications: Sequence[UUID], *, before: datetime) -> Sequence[Sight]:
        """Give the keys of some applications."""
        ...

    def of_keys(
        self, keys: Mapping[SharedKey, int], *, before: datetime
    ) -> Mapping[SharedKey, Sequence[Sight]]:
        """Give who used each key, latest first, at most so many each."""
        ...

    def signatures(self, applications: Sequence[UUID]) -> Mapping[UUID, bytes]:
        """Give the signatures of the texts of some applications; those without are left out."""
        ...

    def lives(self, applications: Sequence[UUID], *, before: datetime) -> Mapping[UUID, Life]:
        """Tell what became of the loans of some applications; those without a loan are left out."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbourhood:
    """What was found around one application."""

    application_ref: UUID
    as_of: datetime
    sights: Mapping[UUID, tuple[Sight, ...]]
    """By application: of the component, of the neighbours, and its own."""
    users: Mapping[SharedKey, tuple[Sight, ...]]
    """Who else used each of its own keys, latest first; of a hub one more than the cap."""
    component: tuple[UUID, ...]
    """Linked by hard keys at any distance, itself included."""
    hops: Mapping[UUID, tuple[int, Decimal]]
    """Of each neighbour its distance, and the weight of the strongest way there."""
    alike: frozenset[UUID]
    """Whose hardship text is nearly his."""
    lives: Mapping[UUID, Life]

    def person(self, application_ref: UUID) -> str:
        """Name whose application it is: by the ID number's digest, else by itself."""
        of_person = (
            sight.key.digest
            for sight in self.sights.get(application_ref, ())
            if sight.key.kind is LinkKind.NATIONAL_ID
        )
        return min(of_person, default=str(application_ref))

    def people(self, applications: Iterable[UUID]) -> frozenset[str]:
        """Name whose applications they are."""
        return frozenset(map(self.person, applications))


@dataclass(slots=True)
class _Walk:
    """What has been fetched so far; nothing is fetched twice."""

    store: Store
    linking: Linking
    as_of: datetime
    application_ref: UUID
    sights: dict[UUID, tuple[Sight, ...]] = field(default_factory=dict)
    users: dict[SharedKey, tuple[Sight, ...]] = field(default_factory=dict)
    signatures: dict[UUID, bytes] = field(default_factory=dict)

    def begin(self) -> frozenset[SharedKey]:
        """Fetch his own keys and who used them; hubs' users too, for how many people they are."""
        own = tuple(sorted(self.store.own(self.application_ref, until=self.as_of)))
        self.sights[self.application_ref] = own
        self._sign([self.application_ref])
        keys = self.keys([self.application_ref])
        told = [key for key in keys if key.kind in self.linking.hard or key.kind is LinkKind.TEXT]
        self.ask(told)
        self._get_to_know({s.application_ref for key in told for s in self.users.get(key, ())})
        return frozenset(keys)

    def ask(self, keys: Iterable[SharedKey]) -> None:
        """Fetch who else used the keys, and the keys of those who did, while there is room.

        Assessed anew, an application was seen before: its own sight makes no key a hub.
        """
        wanted = sorted(set(keys) - set(self.users))[: self.linking.keys_max]
        if not wanted:
            return
        most = {key: self.linking.kinds[key.kind].hub + 1 for key in wanted}
        and_himself = {key: count + 1 for key, count in most.items()}
        found = self.store.of_keys(and_himself, before=self.as_of)
        for key in wanted:
            others = [s for s in found.get(key, ()) if s.application_ref != self.application_ref]
            self.users[key] = tuple(others[: most[key]])
        strangers = {s.application_ref for key in wanted for s in self.linked(key)}
        self._get_to_know(strangers)

    def linked(self, key: SharedKey) -> tuple[Sight, ...]:
        """Give whom a key links: nobody when it is a hub."""
        users = self.users.get(key, ())
        return () if len(users) > self.linking.kinds[key.kind].hub else users

    def are_alike(self, one: UUID, other: UUID) -> bool:
        """Tell whether two applications came with nearly the same text."""
        first, second = self.signatures.get(one), self.signatures.get(other)
        if first is None or second is None:
            return False
        return texts.likeness(first, second) >= self.linking.alike_min

    def keys(self, applications: Iterable[UUID]) -> set[SharedKey]:
        """Give the keys of applications that are known."""
        return {sight.key for each in applications for sight in self.sights.get(each, ())}

    def known(self, key: SharedKey) -> list[UUID]:
        """Give those whom a key links and who are known."""
        return [s.application_ref for s in self.linked(key) if s.application_ref in self.sights]

    def _get_to_know(self, strangers: set[UUID]) -> None:
        room = self.linking.applications_max - len(self.sights)
        chosen = sorted(strangers - set(self.sights))[: max(0, room)]
        if not chosen:
            return
        found: dict[UUID, list[Sight]] = {each: [] for each in chosen}
        for sight in self.store.of_applications(chosen, before=self.as_of):
            found[sight.application_ref].append(sight)
        for each in chosen:
            self.sights[each] = tuple(sorted(found[each]))
        self._sign(chosen)

    def _sign(self, applications: Sequence[UUID]) -> None:
        told = [each for each in applications if self._has_text(each)]
        if told:
            self.signatures.update(self.store.signatures(told))

    def _has_text(self, application_ref: UUID) -> bool:
        return any(s.key.kind is LinkKind.TEXT for s in self.sights[application_ref])


def around(
    store: Store, application_ref: UUID, *, as_of: datetime, linking: Linking
) -> Neighbourhood:
    """Walk from an application along what it shares: hard keys to the end, all keys a few hops."""
    walk = _Walk(store, linking, as_of, application_ref)
    own = walk.begin()
    component = _component(walk, application_ref)
    hops = _hops(walk, application_ref)
    others = sorted(({*component} | set(hops)) - {application_ref})
    return Neighbourhood(
        application_ref=application_ref,
        as_of=as_of,
        sights=dict(walk.sights),
        users={key: walk.users.get(key, ()) for key in own},
        component=component,
        hops=hops,
        alike=frozenset(
            each
            for each in walk.sights
            if each != application_ref and walk.are_alike(application_ref, each)
        ),
        lives=store.lives(others, before=as_of) if others else {},
    )


def _component(walk: _Walk, application_ref: UUID) -> tuple[UUID, ...]:
    hard = walk.linking.hard
    reached, fresh = {application_ref}, {application_ref}
    for _ in range(walk.linking.rounds_max):
        keys = {key for key in walk.keys(fresh) if key.kind in hard}
        walk.ask(keys)
        fresh = {each for key in keys for each in walk.known(key)} - reached
        if not fresh:
            break
        reached |= fresh
    return tuple(sorted(reached))


def _hops(walk: _Walk, application_ref: UUID) -> dict[UUID, tuple[int, Decimal]]:
    found: dict[UUID, tuple[int, Decimal]] = {application_ref: (0, WHOLE)}
    for hop in range(1, walk.linking.hops_max + 1):
        last = sorted(each for each, (distance, _) in found.items() if distance == hop - 1)
        walk.ask(walk.keys(last))
        for each in last:
            for neighbour, weight in _neighbours(walk, each).items():
                way = weight * found[each][1]
                before = found.get(neighbour)
                if before is None or (before[0] == hop and before[1] < way):
                    found[neighbour] = (hop, way)
    del found[application_ref]
    return found


def _neighbours(walk: _Walk, application_ref: UUID) -> dict[UUID, Decimal]:
    """Give the neighbours of one application with the weight of the strongest key to each."""
    strongest: dict[UUID, Decimal] = {}
    for key in walk.keys([application_ref]):
        weight = walk.linking.kinds[key.kind].weight
        for neighbour in walk.known(key):
            if key.kind is LinkKind.TEXT and not walk.are_alike(application_ref, neighbour):
                continue
            strongest[neighbour] = max(weight, strongest.get(neighbour, weight))
    strongest.pop(application_ref, None)
    return strongest


def rings(sights: Iterable[Sight], linking: Linking) -> tuple[tuple[UUID, ...], ...]:
    """Give the components among sights: who is linked by hard keys that are no hubs."""
    users: dict[SharedKey, set[UUID]] = {}
    for sight in sights:
        users.setdefault(sight.key, set()).add(sight.application_ref)
    found = Components[UUID]()
    for key in sorted(users):
        rule, applications = linking.kinds[key.kind], sorted(users[key])
        if rule.hard and len(applications) <= rule.hub:
            for other in applications[1:]:
                found.join(applications[0], other)
    return tuple(each for each in found.all() if len(each) > 1)
