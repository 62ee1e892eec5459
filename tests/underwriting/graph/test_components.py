"""Union-find against the plain way of walking."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from underwriting.graph.components import Components

LINKS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=40)


@given(LINKS)
def test_members_are_together_exactly_when_a_way_leads_from_one_to_the_other(links):
    neighbours: dict[int, set[int]] = {}
    for one, other in links:
        neighbours.setdefault(one, set()).add(other)
        neighbours.setdefault(other, set()).add(one)

    found = Components(links)

    for member in neighbours:
        reached, fresh = {member}, {member}
        while fresh:
            fresh = {n for each in fresh for n in neighbours[each]} - reached
            reached |= fresh
        assert found.of(member) == tuple(sorted(reached))


@given(LINKS, st.randoms())
def test_the_order_of_joining_shows_nowhere(links, random):
    assert Components(links).all() == Components(random.sample(links, len(links))).all()
