"""Pictures say what they show, stay on their paper, and let nothing in that is not theirs."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from underwriting import pictures
from underwriting.pictures import Axis, Band, Column, Frame, Line, Mark, Whisker

SVG = "{http://www.w3.org/2000/svg}"
NUMBERS = st.floats(allow_nan=True, allow_infinity=True, width=32)


def frame(**changes) -> Frame:
    facts = {
        "name": "one",
        "title": "Drift",
        "description": "Two lines.",
        "x": Axis(label="Day", high=10.0),
        "y": Axis(label="PSI", high=0.2),
    }
    return Frame(**{**facts, **changes})


def drawn(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def test_a_picture_has_a_title_and_a_description_for_those_who_do_not_see_it():
    found = drawn(pictures.lines(frame(), [Line("a", [(0, 0.1), (10, 0.2)])]))

    assert found.get("role") == "img"
    assert found.get("aria-labelledby") == "one-title one-told"
    assert found.find(f"{SVG}title").text == "Drift"
    assert found.find(f"{SVG}desc").text == "Two lines."


def test_lines_differ_by_dashes_and_are_named():
    svg = pictures.lines(frame(), [Line(n, [(0, 0), (10, 0.2)]) for n in ("old", "new")])

    assert ">old<" in svg
    assert ">new<" in svg
    dashes = re.findall(r'stroke-width="2"(?: stroke-dasharray="([^"]+)")?', svg)
    assert dashes == ["", "6 3"]


def test_words_are_words_and_never_markup():
    evil = '<script>alert("x")</script>&'
    svg = pictures.whiskers(
        frame(title=evil, description=evil, x=Axis(label=evil)),
        [Whisker(name=evil, value=0.5, low=None, high=None, bar=None)],
        marks=[Mark(0.5, evil)],
    )

    assert "<script" not in svg
    assert drawn(svg).find(f"{SVG}title").text == evil


def test_a_column_is_as_high_as_its_axis_says():
    svg = pictures.columns(frame(y=Axis(label="n", high=4.0)), [Column(0, 1, (1.0, 1.0))])

    # Two parts of one of four: each a quarter of the 222 units between 12 and 234.
    heights = [float(one.get("height")) for one in drawn(svg).iter(f"{SVG}rect")]
    assert heights == [55.5, 55.5]


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=6), NUMBERS)
def test_nothing_is_drawn_off_the_paper(points, at):
    svg = pictures.lines(
        frame(),
        [Line("a", points)],
        bands=[Band([(x, y, y) for x, y in points])],
        marks=[Mark(at, "m", is_upright=True)],
    )

    assert "nan" not in svg
    assert "inf" not in svg
    for circle in drawn(svg).iter(f"{SVG}circle"):
        assert 0 <= float(circle.get("cx")) <= pictures.WIDTH
        assert 0 <= float(circle.get("cy")) <= pictures.HEIGHT


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=5))
def test_the_reach_of_an_axis_holds_every_value(values):
    assert pictures.reach(values) >= max(values) * (1 - 1e-9)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_and_between_the_ends(low, span):
    found = pictures.ticks(low, low + span)

    assert len(found) <= 12
    assert all(low - span * 1e-6 <= tick <= low + span * (1 + 1e-6) for tick in found)


@pytest.mark.parametrize("count", [1, 60])
def test_rows_beyond_what_can_be_read_are_left_to_the_table(count):
    rows = [Whisker(f"r{n}", 0.1, 0.0, 0.2, None) for n in range(count)]

    found = drawn(pictures.whiskers(frame(), rows))

    assert len(list(found.iter(f"{SVG}circle"))) == min(count, pictures.ROWS_MAX)
