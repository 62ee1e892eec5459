"""Fresh identities sort by time; derived ones are the same for ever."""

from __future__ import annotations

from uuid import UUID

from kernel import ids

PARENT = UUID("00000000-0000-0000-0000-000000000001")


def test_fresh_ones_are_version_7_and_distinct():
    made = [ids.new() for _ in range(1_000)]

    assert len(set(made)) == 1_000
    assert {one.version for one in made} == {7}


def test_a_derived_one_never_changes():
    # Written down once: a change here would let every money move happen a second time.
    assert ids.derived(PARENT, "post") == UUID("8280f859-56c1-5d96-b437-e1515d31dc09")


def test_other_names_and_parents_give_others():
    assert ids.derived(PARENT, "post", 1) != ids.derived(PARENT, "post", 2)
    assert ids.derived(PARENT, "post") != ids.derived(ids.new(), "post")
