"""Asking a source one question: an answer, its word for nothing, or silence said as silence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import InvalidOperation
from http import HTTPStatus
from typing import Any, Final, TypeVar

from kernel.outbound import Garbled, NoAnswer, Outbound, Reply
from underwriting.canonical import read_instant

T = TypeVar("T")

TEXT_MAX: Final = 200


class SourceSilent(Exception):
    """A source gave no answer that can be read: nothing is decided, ask again later."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source = source
        self.reason = reason


class SourceRefused(Exception):
    """A source refused the question itself, so asking again the same way is no use."""

    def __init__(self, source: str, status: int) -> None:
        super().__init__(f"{source} refused the question with status {status}")
        self.source = source
        self.status = status


def ask(
    outbound: Outbound,
    path: str,
    body: Mapping[str, Any],
    *,
    source: str,
    read: Callable[[Mapping[str, Any]], T],
    nothing: str,
) -> T | None:
    """Ask, and read the answer; `nothing` is the code by which the source says it has none.

    Raises:
        SourceSilent: no answer, one that cannot be read, or a fault on the source's side.
        SourceRefused: another 4xx.
    """
    try:
        reply = outbound.post_json(path, body)
        if reply.status == HTTPStatus.OK:
            return read(reply.json())
        code = _code(reply)
    except NoAnswer as silence:
        raise SourceSilent(source, silence.reason) from None
    except (Garbled, KeyError, TypeError, ValueError, AttributeError, InvalidOperation):
        raise SourceSilent(source, "the answer cannot be read") from None
    if reply.status == HTTPStatus.NOT_FOUND and code == nothing:
        return None
    if HTTPStatus.BAD_REQUEST <= reply.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise SourceRefused(source, reply.status)
    raise SourceSilent(source, f"the answer has status {reply.status}")


def text_of(value: object) -> str:
    """Take a short text.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_MAX:
        raise ValueError("not a short text")
    return value


def instant_of(value: object) -> datetime:
    """Take an instant with its offset.

    Raises:
        ValueError: it is none.
    """
    return read_instant(text_of(value))


def _code(reply: Reply) -> str:
    """Give the code of a refusal; a fault on the source's side has none.

    Raises:
        Garbled: the refusal cannot be read.
    """
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ""
    return str(reply.json().get("error", ""))
