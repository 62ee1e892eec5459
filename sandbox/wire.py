"""Reading and writing JSON at the door: bad input leaves here with a code, never as a failure."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Final, NoReturn

from flask import Response, request

from sandbox import amounts

Body = dict[str, object]

CARD_NUMBER: Final = re.compile(r"[0-9]{12,19}", re.ASCII)
MOBILE: Final = re.compile(r"\+?[0-9]{5,19}", re.ASCII)
CODE: Final = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_RATE: Final = re.compile(r"[0-9]{1,2}(\.[0-9]{1,12})?", re.ASCII)


class Refused(Exception):
    """A partner's answer that is not a success: status, code and a sentence for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def reply(body: object, status: int = 200) -> Response:
    """Answer with JSON."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, content_type="application/json")


def read_object() -> Body:
    """Read the request's body, which must be a JSON object.

    Raises:
        Refused: 415 for another media type, 400 for anything that is no JSON object.
    """
    if not request.is_json:
        raise Refused(415, "not_json", "the body must be application/json")
    try:
        body: object = json.loads(request.get_data(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Refused(400, "bad_json", "the body is not valid JSON") from None
    return as_object(body, "body")


def as_object(value: object, where: str) -> Body:
    """Take a value as an object.

    Raises:
        Refused: it is something else.
    """
    if not isinstance(value, dict):
        bad_field(where, "must be an object")
    return value


def as_list(value: object, where: str, *, most: int) -> list[object]:
    """Take a value as a list of at most `most` items; null and missing are empty.

    Raises:
        Refused: it is something else, or too long.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        bad_field(where, "must be a list")
    if len(value) > most:
        bad_field(where, f"must have at most {most} items")
    return value


def text(body: Body, key: str, *, most: int = 200, like: re.Pattern[str] | None = None) -> str:
    """Take a non-empty string of at most `most` characters, of the shape `like` if given.

    Raises:
        Refused: it is missing or something else.
    """
    value = body.get(key)
    if not isinstance(value, str) or not value.strip():
        bad_field(key, "must be a non-empty string")
    if len(value) > most:
        bad_field(key, f"must have at most {most} characters")
    if not is_clean(value):
        bad_field(key, "must not contain control characters")
    if like is not None and like.fullmatch(value) is None:
        bad_field(key, "is malformed")
    return value


def choice(body: Body, key: str, options: tuple[str, ...], default: str) -> str:
    """Take one of the options; missing means the default.

    Raises:
        Refused: it is none of them.
    """
    value = body.get(key, default)
    if not isinstance(value, str) or value not in options:
        bad_field(key, f"must be one of {', '.join(options)}")
    return value


def flag(body: Body, key: str, *, default: bool) -> bool:
    """Take true or false; missing means the default.

    Raises:
        Refused: it is something else.
    """
    value = body.get(key, default)
    if not isinstance(value, bool):
        bad_field(key, "must be true or false")
    return value


def whole(body: Body, key: str, *, default: int, least: int = 0, most: int = 100_000) -> int:
    """Take a whole number within bounds; null and missing mean the default.

    Raises:
        Refused: it is something else or out of bounds.
    """
    value = body.get(key)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        bad_field(key, f"must be a whole number from {least} to {most}")
    return value


def fen(body: Body, key: str, *, default: int | None = None) -> int:
    """Take an amount in yuan as fen; null and missing mean the default.

    Raises:
        Refused: it is missing without a default, or no amount.
    """
    value = body.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        bad_field(key, "must be a string of yuan with two decimals")
    try:
        return amounts.read_yuan(value)
    except ValueError as error:
        bad_field(key, str(error))


def rate(body: Body, key: str, *, default: str) -> Decimal:
    """Take a decimal string from 0 to below 100; null and missing mean the default.

    Raises:
        Refused: it is something else.
    """
    value = body.get(key)
    if value is None:
        return Decimal(default)
    if not isinstance(value, str) or _RATE.fullmatch(value) is None:
        bad_field(key, "must be a decimal string")
    try:
        return Decimal(value)
    except InvalidOperation:
        bad_field(key, "must be a decimal string")


def is_clean(value: str) -> bool:
    """Tell whether a text can be written as UTF-8 and holds no control characters but newlines."""
    return all(
        (character >= " " and character != "\x7f") or character in "\n\r\t" for character in value
    ) and not any("\ud800" <= character <= "\udfff" for character in value)


def bad_field(key: str, complaint: str) -> NoReturn:
    """Refuse a field by name; its value is not repeated.

    Raises:
        Refused: always, with 400 and `bad_field`.
    """
    raise Refused(400, "bad_field", f"{key} {complaint}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
