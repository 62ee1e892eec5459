"""JSON as we accept it from outside: one meaning, and nothing a database could not keep."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NoReturn


class NotJson(ValueError):
    """The bytes are not JSON as we accept it; the text never quotes them."""


def read(content: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Read JSON in UTF-8; numbers with a point become Decimal.

    Raises:
        NotJson: not UTF-8, not JSON, a key twice in one object, NaN or Infinity, nested too
            deeply, or text that no database could keep (a NUL or half a surrogate pair).
    """
    try:
        text = content.decode("utf-8")
        parsed = json.loads(
            text,
            object_pairs_hook=_without_duplicates,
            parse_constant=_no_constant,
            parse_float=Decimal,
        )
        if "\\u" in text:
            _require_storable(parsed)
    except (ValueError, ArithmeticError, RecursionError):
        raise NotJson("not JSON that we can read") from None
    return parsed


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _require_storable(value: object) -> None:
    match value:
        case dict():
            for key, inner in value.items():
                _require_storable(key)
                _require_storable(inner)
        case list():
            for inner in value:
                _require_storable(inner)
        case str():
            value.encode()
            if "\0" in value:
                raise ValueError("a NUL in text")
        case _:
            return
