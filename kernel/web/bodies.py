"""What a request may carry: how many bytes, of which kind, and no character that cannot be kept."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from flask import current_app, request
from werkzeug.exceptions import UnsupportedMediaType

from kernel.refusals import Refused
from kernel.web.declared import V, declare, declared

BODY_BYTES_MAX: Final = 256 * 1024
"""For whatever does not declare more."""
FORM_PARTS_MAX: Final = 500
BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH"})


class NotStorable(Refused):
    """A text holds a NUL, which no database keeps."""

    status = HTTPStatus.BAD_REQUEST
    code = "not_storable"
    title = "A text holds a character that cannot be kept"
    title_zh = "提交的内容含有无法保存的字符"


def takes(*, bytes_max: int = BODY_BYTES_MAX, kinds: tuple[str, ...] = ()) -> Callable[[V], V]:
    """Declare how large a view's body may be, and under /v1 which kinds it reads.

    Without it a body has at most 256 KiB, and under /v1 it is JSON.
    """

    def decorate(view: V) -> V:
        return declare(view, "body", (bytes_max, kinds))

    return decorate


def guard() -> None:
    """Set the limit of this request and refuse a body of the wrong kind.

    Raises:
        UnsupportedMediaType: under /v1, a body that is not of a kind the view reads.
        NotStorable: a NUL in the path, the query or a form field.
    """
    view = current_app.view_functions.get(request.endpoint or "")
    bytes_max, kinds = (view and declared(view, request.method, "body")) or (BODY_BYTES_MAX, ())
    request.max_content_length = bytes_max
    request.max_form_memory_size = bytes_max
    request.max_form_parts = FORM_PARTS_MAX
    is_api = request.path.startswith("/v1/")
    if view and is_api and request.method in BODY_METHODS:
        _require_kind(kinds or ("application/json",))
    if "\0" in request.path or _has_nul(request.args) or (not is_api and _has_nul(request.form)):
        raise NotStorable()


def _require_kind(kinds: tuple[str, ...]) -> None:
    has_body = bool(request.content_length) or "Transfer-Encoding" in request.headers
    if has_body and request.mimetype not in kinds:
        raise UnsupportedMediaType()


def _has_nul(values: object) -> bool:
    assert hasattr(values, "items")
    return any("\0" in key or "\0" in text for key, text in values.items(multi=True))
