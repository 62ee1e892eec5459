"""What a view may ask about its request: the surroundings, the one time, the language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, cast

from flask import current_app, g, request

from kernel.actors import Role
from kernel.surroundings import Surroundings

EXTENSION: Final = "daichang"
LANGUAGE_COOKIE: Final = "lang"


class Language(StrEnum):
    """The languages of our pages; Chinese is the first."""

    ZH = "zh"
    EN = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Paths that the composition root alone knows."""

    homes: Mapping[Role, str] = field(default_factory=dict)
    """Where a person of a role lands after signing in."""
    debtor_entry: str | None = None
    """Where a debtor without a session begins again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What an application was made with."""

    surroundings: Surroundings
    doors: Doors


def around() -> Around:
    """Give what the application was made with."""
    return cast("Around", current_app.extensions[EXTENSION])


def surroundings() -> Surroundings:
    """Give the settings, the clock and the ways to the partners."""
    return around().surroundings


def now() -> datetime:
    """Give the time of this request: the same at its beginning and its end."""
    if "now" not in g:
        g.now = surroundings().clock.now()
    return cast("datetime", g.now)


def language() -> Language:
    """Give the language of this request: as chosen, as chosen before, or as the browser asks."""
    if "language" not in g:
        g.language = _chosen() or _asked_for()
    return cast("Language", g.language)


def say(zh: str, en: str) -> str:
    """Give the sentence in the language of the request.

    Both languages stand side by side where they are used, so that none can be forgotten.
    """
    return en if language() is Language.EN else zh


def client_ip() -> str:
    """Give the address of the caller, as the trusted proxy tells it in production."""
    return request.remote_addr or "unknown"


def wants_problem() -> bool:
    """Tell whether the caller reads problem+json rather than a page."""
    if request.path.startswith("/v1/") or request.mimetype == "application/json":
        return True
    kinds = request.accept_mimetypes
    best = kinds.best_match(["text/html", "application/json", "application/problem+json"])
    return best is not None and best != "text/html"


def _chosen() -> Language | None:
    for value in (request.args.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if value in {member.value for member in Language}:
            return Language(value)
    return None


def _asked_for() -> Language:
    best = request.accept_languages.best_match(["zh", "zh-CN", "zh-Hans", "en"])
    return Language.EN if best == "en" else Language.ZH
