"""Long lists: a file of them is capped, says so, and never runs as a formula."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from uuid import UUID

import pytest
from flask import g

from kernel.actors import Actor, Role
from kernel.money import Money
from kernel.web import lists
from kernel.web.lists import Export, NoSuchPage, Part, Place, cut
from tests.kernel import web_builders as make

NUMBERS = Export(
    name="numbers",
    heading=("n",),
    read=lambda session, after, limit: cut(
        range(int(after or 0) + 1, int(after or 0) + limit + 2), limit, lambda n: n
    ),
    line=lambda n: (n,),
)


@pytest.fixture
def asked(database, clock):
    with make.app(clock).test_request_context("/?format=csv", headers={"Accept-Language": "en"}):
        g.actor = Actor(Role.FINANCE_MAKER, "lin")
        yield


def lines(export: Export) -> list[str]:
    return lists.reply(export).get_data().decode("utf-8-sig").splitlines()


def test_a_file_ends_at_its_limit_and_says_so(asked, monkeypatch):
    monkeypatch.setattr(lists, "EXPORT_ROWS_MAX", 1_200)

    told = lines(NUMBERS)

    assert told[:3] == ["n", "1", "2"]
    assert told[-2:] == ["1200", '"Only the first 1,200 rows; filter further"']


def test_a_file_that_holds_everything_says_nothing_more(asked):
    export = replace(NUMBERS, read=lambda session, after, limit: Part([1, 2], None))

    assert lines(export) == ["n", "1", "2"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\tx"])
def test_a_text_is_never_taken_for_a_formula(asked, text):
    export = replace(
        NUMBERS,
        read=lambda session, after, limit: Part([text], None),
        line=lambda row: (row, Money(-150), None),
    )

    (_, told) = lines(export)

    # What is negative and an amount stays a number.
    assert told == f"'{text},-1.50,"


def test_a_place_is_read_as_it_was_written():
    place = Place(datetime(2026, 11, 20, 9, 30, 1, 5, timezone(timedelta(hours=8))), UUID(int=7))

    assert lists.place(str(place)) == place
    assert lists.place(None) is None


@pytest.mark.parametrize("text", ["", "~", "2026-11-20~x", f"2026-11-20T10:00:00~{UUID(int=1)}"])
def test_a_place_that_is_none_is_refused(text):
    with pytest.raises(NoSuchPage):
        lists.place(text)
