"""The table of links obeys the law of a store, on a real database."""

from __future__ import annotations

import hashlib
from random import Random

import pytest
from sqlalchemy import insert

from disbursement.records.loans import LoanStatus
from kernel import ids
from tests.underwriting.graph.store import Memory, at, key, ref
from tests.underwriting.watching import town
from underwriting.graph import rings, sights
from underwriting.graph.sights import LinkTable
from underwriting.graph.walk import Life, Sight
from underwriting.inquiries import LinkKind
from underwriting.records.links import Link
from underwriting.records.watching import LoanMark
from underwriting.watched import Mark

KINDS = ["national_id", "device", "card", "mobile", "agency"]


def drawn(random: Random) -> list[Sight]:
    found = {}
    for _ in range(70):
        kind = random.choice(KINDS)
        digest = hashlib.sha256(random.choice("abcdefg").encode()).hexdigest()
        one = Sight(ref(random.randint(1, 12)), key(kind, digest), at(random.randint(1, 20)))
        found.setdefault((one.application_ref, one.key), one)
    return list(found.values())


@pytest.mark.parametrize("seed", [1, 2])
def test_the_table_gives_the_figures_that_a_store_in_memory_gives(session, seed):
    links = drawn(Random(seed))
    session.execute(
        insert(Link),
        [
            {
                "id": ids.new(),
                "application_ref": one.application_ref,
                "kind": one.key.kind,
                "digest": one.key.digest,
                "seen_at": one.seen_at,
            }
            for one in links
        ],
    )

    for number in range(1, 13):
        for days in (8, 21):
            inside, outside = (
                rings.figures(store, ref(number), as_of=at(days))
                for store in (LinkTable(session), Memory(*links))
            )
            assert inside == outside, (number, days)


def test_a_key_seen_again_is_seen_at_first(session):
    device = key("device", "ab" * 32)

    new = [sights.note(session, ref(1), [device, device], at=at(day)) for day in (1, 5)]

    assert new == [1, 0]
    [kept] = LinkTable(session).own(ref(1), until=at(9))
    assert kept.seen_at == at(1)


def test_an_application_has_no_more_keys_than_it_can_have(session):
    many = [key("card", f"{n:064}") for n in range(sights.KEYS_MAX + 1)]

    with pytest.raises(ValueError, match="at most"):
        sights.note(session, ref(1), many, at=at(1))


def test_latest_users_come_first_and_no_more_than_asked_for(session):
    device = key("device", "cd" * 32)
    for number in range(1, 6):
        sights.note(session, ref(number), [device], at=at(number))

    found = LinkTable(session).of_keys({device: 3}, before=at(5))

    assert [sight.application_ref for sight in found[device]] == [ref(4), ref(3), ref(2)]
    assert found[device][0].key.kind is LinkKind.DEVICE


def test_a_loan_is_late_from_when_that_was_noted(session):
    town.lend(session, 1, at(1).date())
    mark = {"loan_id": town.ref(10_000_001), "mark": Mark.LATE_90, "application_ref": town.ref(1)}
    session.execute(insert(LoanMark), [{**mark, "on": at(10).date(), "noted_at": at(14)}])
    table = LinkTable(session)

    before, after = (table.lives([town.ref(1)], before=at(day)) for day in (13, 15))

    assert before == {town.ref(1): Life(was_lent=True, was_late=False)}
    assert after == {town.ref(1): Life(was_lent=True, was_late=True)}


@pytest.mark.parametrize("end", [LoanStatus.UNDONE, LoanStatus.CANCELLED])
def test_a_loan_whose_payouts_all_came_back_is_no_loan_from_that_moment_on(session, end):
    town.lend(session, 1, at(1).date())
    town.stand(session, 1, end, at=at(10))
    table = LinkTable(session)

    before, after = (table.lives([town.ref(1)], before=at(day)) for day in (10, 10.5))

    assert before == {town.ref(1): Life(was_lent=True, was_late=False)}
    assert after == {}


def test_a_loan_that_was_paid_out_anew_or_settled_is_a_loan(session):
    town.lend(session, 1, at(1).date())
    town.lend(session, 2, at(1).date())
    town.stand(session, 1, LoanStatus.UNDONE, at=at(5))
    town.stand(session, 1, LoanStatus.ACTIVE, at=at(6))
    town.stand(session, 2, LoanStatus.SETTLED, at=at(6))

    found = LinkTable(session).lives([town.ref(1), town.ref(2)], before=at(9))

    assert found == dict.fromkeys((town.ref(1), town.ref(2)), Life(was_lent=True, was_late=False))


def test_a_loan_is_one_from_when_it_was_known_to_have_begun(session):
    # The bank tells on day 5 that it paid on day 1.
    town.lend(session, 1, at(1).date(), known_at=at(5))
    table = LinkTable(session)

    before, after = (table.lives([town.ref(1)], before=at(day)) for day in (5, 5.5))

    assert before == {}
    assert after == {town.ref(1): Life(was_lent=True, was_late=False)}
