"""A plate is a picture with its table, and the same rows as a file."""

from __future__ import annotations

from decimal import Decimal

from kernel.money import Money
from underwriting import plates
from underwriting.plates import Head, Kind, Link, Plate, Tag


def say(_zh: str, en: str) -> str:
    return en


def plate(*rows, **changes) -> Plate:
    facts = {
        "name": "drift",
        "title": "Drift",
        "picture": "<svg></svg>",
        "heads": (Head("Of"), Head("Reading", Kind.SHARE)),
        "rows": rows,
    }
    return Plate(**{**facts, **changes})


def test_the_table_stands_below_its_picture_with_the_way_to_its_file():
    page = plates.as_html(plate(("north", 0.25)), say, csv="/x?format=csv&plate=drift")

    assert page.index("<svg>") < page.index("<table>")
    assert '<td class="number">25.00%</td>' in page
    assert 'href="/x?format=csv&amp;plate=drift"' in page


def test_without_rows_it_says_what_is_missing_and_draws_nothing():
    page = plates.as_html(plate(nothing="No loan has matured."), say, csv="/x")

    assert "No loan has matured." in page
    assert "<svg>" not in page
    assert "<table" not in page
    assert "CSV" not in page


def test_more_rows_than_a_page_shows_are_counted():
    page = plates.as_html(plate(*((f"a{n}", 0.1) for n in range(150))), say)

    assert "30 more rows are in the CSV" in page


def test_words_from_outside_are_no_markup():
    evil = "<b onclick=x>"
    rows = ((Link(evil, f'"{evil}'), 0.1), (Tag(evil, 'x"y'), 0.1), (evil, None))

    page = plates.as_html(plate(*rows, title=evil, summary=evil), say)

    assert "<b " not in page
    assert '""' not in page


def test_a_file_has_numbers_as_they_are_and_words_alone():
    found = plates.as_lines(
        plate((Link("north", "/x"), Decimal("0.25")), (Tag("bad", "bad"), None))
    )

    assert found == (("north", Decimal("0.25")), ("bad", None))


def test_amounts_and_shares_are_written_for_people():
    assert plates.spelled(Money.yuan("-1234.50"), Kind.MONEY).startswith("-¥")
    assert plates.spelled(Decimal("-12.5"), Kind.MONEY) == "-¥12.50"
    assert plates.spelled(0.005, Kind.SHARE) == "0.50%"
