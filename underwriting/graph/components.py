"""Connected components by union-find. Pure, and the same whatever order the links come in."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, Generic, Protocol, TypeVar


class _Ordered(Hashable, Protocol):
    """Something that can be a member and has a place among the members."""

    def __lt__(self, other: Any, /) -> bool: ...  # noqa: ANN401 - as the built-in protocols have it


M = TypeVar("M", bound=_Ordered)


class Components(Generic[M]):
    """Sets that grow together: who is linked to whom, at any distance.

    >>> found = Components([(1, 2), (4, 5), (2, 3)])
    >>> found.of(3), found.of(5), found.of(9)
    ((1, 2, 3), (4, 5), (9,))
    """

    def __init__(self, links: Iterable[tuple[M, M]] = ()) -> None:
        self._parent: dict[M, M] = {}
        for one, other in links:
            self.join(one, other)

    def join(self, one: M, other: M) -> None:
        """Put two members into one component."""
        low, high = sorted((self._root(one), self._root(other)))
        # The smallest member stands for all, so that the order of joining shows nowhere.
        self._parent[high] = low

    def of(self, member: M) -> tuple[M, ...]:
        """Give the members of one member's component in order; alone when nobody knows it."""
        if member not in self._parent:
            return (member,)
        root = self._root(member)
        return tuple(sorted(each for each in self._parent if self._root(each) == root))

    def all(self) -> tuple[tuple[M, ...], ...]:
        """Give every component in the order of their smallest members."""
        found: dict[M, list[M]] = {}
        for member in sorted(self._parent):
            found.setdefault(self._root(member), []).append(member)
        return tuple(tuple(found[root]) for root in sorted(found))

    def _root(self, member: M) -> M:
        parent = self._parent.setdefault(member, member)
        while parent != member:
            above = self._parent[parent]
            self._parent[member] = above
            member, parent = parent, above
        return member
