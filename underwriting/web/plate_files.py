"""Plates on a console's page: written with a link to the rows behind them, and those rows."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from flask import Response, request
from markupsafe import Markup

from kernel.refusals import Refused
from kernel.web import consoles, lists
from kernel.web.around import say
from kernel.web.lists import Export, Part
from underwriting import plates
from underwriting.plates import Plate


class NoSuchTable(Refused):
    """The address names a table that the page has not."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_table"
    title = "The page has no such table"
    title_zh = "页面没有这张表"


def written(plate: Plate) -> Markup:
    """Write a plate for the page it stands on, with the address of its file."""
    href = consoles.here(format="csv", plate=plate.name)
    # Everything in it was escaped where it was put together.
    return Markup(plates.as_html(plate, say, csv=href))  # noqa: S704


def asked(found: Sequence[Plate], *, stem: str) -> Response:
    """Send the rows of the plate that the address names.

    Raises:
        NoSuchTable: the page has none of this name.
    """
    wanted = request.args.get("plate")
    plate = next((each for each in found if each.name == wanted), None)
    if plate is None:
        raise NoSuchTable()
    rows = plates.as_lines(plate)
    return lists.reply(
        Export(
            name=f"{stem}-{plate.name}",
            heading=[head.title for head in plate.heads],
            read=lambda _session, _after, _limit: Part(rows, None),
            line=lambda row: row,
        )
    )
