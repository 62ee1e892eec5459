"""What a view declares about itself: who may come, how much it takes, whether it is repeatable.

Declarations are attributes of the view function; decorators that wrap it carry them along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from flask import Flask

View = Callable[..., Any]
V = TypeVar("V", bound=View)


def declare(view: V, name: str, value: object) -> V:
    """Keep a declaration on a view."""
    setattr(view, f"_declared_{name}", value)
    return view


def declared(view: View, method: str, name: str) -> Any:  # noqa: ANN401 - the caller knows its kind
    """Read a declaration of the view that answers a method; None when there is none."""
    attribute = f"_declared_{name}"
    kind = getattr(view, "view_class", None)
    if kind is not None:
        wanted = "get" if method == "HEAD" else method.lower()
        own = getattr(getattr(kind, wanted, None), attribute, None)
        return own if own is not None else getattr(kind, attribute, None)
    return getattr(view, attribute, None)


def is_static(endpoint: str) -> bool:
    """Tell whether an endpoint serves files of ours as they are."""
    return endpoint == "static" or endpoint.endswith(".static")


def routes(app: Flask) -> Iterator[tuple[str, str, View]]:
    """List rule, method and view of every route but static files, OPTIONS and HEAD."""
    for rule in app.url_map.iter_rules():
        if is_static(rule.endpoint):
            continue
        for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
            yield rule.rule, method, app.view_functions[rule.endpoint]
