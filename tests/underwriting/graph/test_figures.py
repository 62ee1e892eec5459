"""The figures of a ring, worked out by hand, and the laws they keep."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.underwriting.graph.store import Memory, at, ref, sight
from underwriting.graph import linking, rings, walk
from underwriting.inquiries import LinkKind

RULES = linking.in_force(date(2026, 11, 20))
NOW = at(20)


def ring(store: Memory, number: int = 1, days: float = 20) -> dict[str, Decimal]:
    return rings.figures(store, ref(number), as_of=at(days))


def person(number: int, days: float, *keys: tuple[str, str]):
    """Everybody has an ID number of his own."""
    own = (("national_id", f"id{number}"), *keys)
    return [sight(number, kind, digest, days) for kind, digest in own]


def test_somebody_who_shares_nothing_is_a_ring_of_one_at_the_believed_share():
    found = ring(Memory(*person(1, 20, ("device", "d1"), ("mobile", "m1"))))

    assert found == {
        "ring_size": 1,
        "ring_agencies": 0,
        "ring_late_pct": 15,
        "ring_late_1hop_pct": 15,
        "ring_late_2hop_pct": 15,
        "ring_card_shared": 0,
        "ring_device_shared": 0,
        "ring_text_people": 0,
        "ring_velocity_7d": 0,
        "ring_velocity_30d": 0,
        "ring_age_days": 0,
    }


def test_a_chain_of_hard_keys_is_one_ring_however_long():
    # 1 -device- 2 -card- 3 -mobile- 4 -device- 5; the first was seen on day 2.
    store = Memory(
        *person(5, 2, ("device", "d9")),
        *person(4, 4, ("device", "d9"), ("mobile", "m3")),
        *person(3, 6, ("mobile", "m3"), ("card", "c2"), ("agency", "north")),
        *person(2, 15, ("card", "c2"), ("device", "d1"), ("agency", "south")),
        *person(1, 20, ("device", "d1"), ("agency", "south")),
        lives={2: (16, None), 3: (7, 18), 4: (5, 19), 5: (3, 30)},
    )

    found = ring(store)

    assert (found["ring_size"], found["ring_agencies"], found["ring_age_days"]) == (5, 2, 18)
    # Four loans, two late before day 20, and five believed at 15 %: (2 + 0.75) / (4 + 5).
    assert found["ring_late_pct"] == Decimal("30.5556")
    # One hop: 2, not late (0.75 / 6). Two hops: 3, late, over a weight of one (1.75 / 6).
    assert found["ring_late_1hop_pct"] == Decimal("12.5000")
    assert found["ring_late_2hop_pct"] == Decimal("29.1667")
    assert (found["ring_device_shared"], found["ring_card_shared"]) == (1, 0)
    assert (found["ring_velocity_7d"], found["ring_velocity_30d"]) == (1, 1)


def test_what_was_seen_at_the_same_moment_or_later_counts_for_nothing():
    store = Memory(
        *person(1, 20, ("device", "d1")),
        *person(2, 20, ("device", "d1")),
        *person(3, 21, ("device", "d1")),
    )

    assert ring(store)["ring_size"] == 1


def test_ones_own_earlier_application_is_no_other_person():
    store = Memory(
        *person(2, 10, ("device", "d1"), ("card", "c1")),
        sight(1, "national_id", "id2", 20),
        sight(1, "device", "d1", 20),
        sight(1, "card", "c1", 20),
    )

    found = ring(store)

    assert (found["ring_size"], found["ring_age_days"]) == (1, 10)
    assert found["ring_device_shared"] == found["ring_card_shared"] == 0
    assert found["ring_velocity_30d"] == 0


def test_a_hub_links_nobody_and_is_still_told_of():
    hub = RULES.kinds[LinkKind.DEVICE].hub
    crowd = [one for n in range(2, hub + 3) for one in person(n, 19, ("device", "public"))]
    store = Memory(*crowd, *person(1, 20, ("device", "public")))

    found = ring(store)

    assert found["ring_size"] == 1
    assert found["ring_device_shared"] == 1
    assert found["ring_velocity_7d"] == hub + 1


def test_an_application_that_is_assessed_anew_is_no_user_of_its_own_keys():
    # As many others as may use the key, and himself: seen on day 20, assessed then and on day 22.
    hub = RULES.kinds[LinkKind.DEVICE].hub
    crowd = [one for n in range(2, hub + 2) for one in person(n, 19, ("device", "home"))]
    store = Memory(*crowd, *person(1, 20, ("device", "home")))

    first, again = ring(store, days=20), ring(store, days=22)

    assert first["ring_size"] == again["ring_size"] == hub + 1
    assert first["ring_velocity_7d"] == again["ring_velocity_7d"] == hub


def test_his_own_earlier_sight_hides_none_of_a_hub():
    # The latest but one of a crowd; who is told of is counted without him.
    hub = RULES.kinds[LinkKind.DEVICE].hub
    crowd = [one for n in range(2, hub + 4) for one in person(n, 19, ("device", "public"))]
    store = Memory(*crowd, *person(1, 20, ("device", "public")))

    again = ring(store, days=22)

    assert (again["ring_size"], again["ring_velocity_7d"]) == (1, hub + 1)


def test_a_soft_key_weighs_in_the_neighbours_and_joins_nobody():
    # The third has a band of the text in common by chance, and another text.
    store = Memory(
        *person(2, 5, ("text", "b1")),
        *person(3, 6, ("text", "b1")),
        *person(1, 20, ("text", "b1")),
        lives={2: (6, 10), 3: (7, 10)},
        texts={1: bytes(240), 2: bytes(240), 3: b"\1" * 240},
    )

    found = ring(store)

    assert (found["ring_size"], found["ring_text_people"]) == (1, 1)
    # Half a late loan beside five believed at 15 %: (0.5 + 0.75) / 5.5.
    assert found["ring_late_1hop_pct"] == Decimal("22.7273")
    assert found["ring_late_pct"] == 15


def test_a_ring_beyond_the_bound_is_told_at_the_bound():
    # Everybody shares a card with the next one.
    many = RULES.applications_max + 20
    links = [
        one
        for n in range(1, many)
        for one in person(n, 19 if n > 1 else 20, ("card", f"c{n}"), ("card", f"c{n + 1}"))
    ]

    found = ring(Memory(*links))

    # Eight rounds from the end of a chain.
    assert found["ring_size"] == 1 + RULES.rounds_max


SIGHTS = st.lists(
    st.builds(
        sight,
        st.integers(1, 12),
        st.sampled_from(["national_id", "device", "card", "agency", "text"]),
        st.sampled_from("abcdef"),
        st.integers(0, 25),
    ),
    max_size=60,
    unique_by=lambda one: (one.application_ref, one.key),
)


@given(SIGHTS, st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_links_shows_nowhere(links, random):
    shuffled = random.sample(links, len(links))

    assert ring(Memory(*links)) == ring(Memory(*shuffled))


@given(SIGHTS, SIGHTS)
@settings(max_examples=60, deadline=None)
def test_the_future_changes_nothing(links, more):
    later = [one._replace(seen_at=one.seen_at + (NOW - at(0))) for one in more]
    # What he shares himself is seen at the very moment; it is no future.
    later = [one for one in later if one.seen_at > NOW or one.application_ref != ref(1)]

    assert ring(Memory(*links)) == ring(Memory(*links, *later))


@given(SIGHTS)
@settings(max_examples=60, deadline=None)
def test_the_walk_finds_the_component_that_union_find_finds(links):
    seen = [one for one in links if one.seen_at < NOW or one.application_ref == ref(1)]
    seen = [one for one in seen if one.seen_at <= NOW]

    around = walk.around(Memory(*seen), ref(1), as_of=NOW, linking=RULES)

    components = [each for each in walk.rings(seen, RULES) if ref(1) in each]
    assert around.component == (components[0] if components else (ref(1),))
