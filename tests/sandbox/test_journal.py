"""A sandbox that was killed wakes up with the books it had."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sandbox.app import create_app
from tests.sandbox.outsider import NOON, Outsider, card, person

CARDS = ("6225880000000001", "6225880000000019")


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "sandbox.journal"


def awake(journal, *, at=NOON) -> Outsider:
    return Outsider(create_app(journal_path=journal), at=at)


def busy(journal) -> Outsider:
    """Pay one card that comes back in the file, and lose the answer about another."""
    world = awake(journal)
    world.load(person(1, *(card(number) for number in CARDS)))
    world.fund("1000.00")
    world.script(CARDS[0], "return_in_file")
    world.script(CARDS[1], "silent_paid")
    world.pay("A0000001", CARDS[0], 10_000)
    world.pay_raw("A0000002", CARDS[1], 20_000)
    world.wait(days=1)
    world.file(NOON.date())
    return world


def test_a_world_wakes_up_with_the_books_it_had(journal):
    before = busy(journal)

    after = awake(journal, at=before.at)

    assert after.books() == before.books()
    assert len(before.books()["orders"]) == 2
    after.times = before.times
    assert after.standing("A0000002") == "00"


def test_a_day_whose_file_was_given_out_stays_closed(journal):
    before = busy(journal)

    after = awake(journal, at=NOON)
    after.pay("A0000003", CARDS[1], 30_000)
    after.at = before.at + timedelta(days=1)

    assert {row[12] for row in after.file(NOON.date()).zm} == {"A0000001", "A0000002"}


def test_a_request_that_was_cut_while_it_was_written_never_happened(journal):
    before = busy(journal)
    whole = journal.read_bytes()
    before.pay("A0000003", CARDS[1], 30_000)
    journal.write_bytes(journal.read_bytes()[:-5])

    after = awake(journal, at=before.at)

    assert len(after.books()["orders"]) == 2
    assert journal.read_bytes().startswith(whole)


def test_without_a_journal_nothing_is_written(tmp_path):
    Outsider(create_app()).fund("1.00")

    assert list(tmp_path.iterdir()) == []
