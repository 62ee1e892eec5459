"""Watchlists: entries on lists that the law or the house keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from kernel.outbound import Outbound
from underwriting.dossier import WatchlistHit
from underwriting.inquiries import Person
from underwriting.sources.asking import SourceSilent, ask, instant_of, text_of

NAME: Final = "watchlists"
HITS_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What the lists say about a person."""

    check_no: str
    as_of: datetime
    hits: tuple[WatchlistHit, ...]


def check(outbound: Outbound, person: Person) -> Check:
    """Ask whether a person stands on a list.

    Raises:
        SourceSilent: no answer that can be read; nobody is let through unchecked.
        SourceRefused: the source does not accept the question.
    """
    body = {
        "national_id": person.national_id.plain,
        "name": person.name.plain,
        "mobile": person.mobile.plain,
    }
    found = ask(outbound, "/watchlists/checks", body, source=NAME, read=_check, nothing="")
    if found is None:
        raise SourceSilent(NAME, "the answer is no check")
    return found


def _check(body: Mapping[str, Any]) -> Check:
    hits = body["hits"]
    if not isinstance(hits, list) or len(hits) > HITS_MAX:
        raise ValueError("no list of hits")
    return Check(
        check_no=text_of(body["check_no"]),
        as_of=instant_of(body["as_of"]),
        hits=tuple(
            WatchlistHit(name=text_of(hit["list"]), reason=text_of(hit["reason"])) for hit in hits
        ),
    )
