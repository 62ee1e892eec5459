"""Twice is the same as once: a request with a key acts one time, and its reply is given again.

Programs send `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07); pages carry a
hidden one-use form key. The reply is kept by the very transaction that acted, so either both are
there or neither is. A refused request keeps nothing and may be sent again with its key.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from http import HTTPStatus
from typing import Any, Final

from flask import Flask, Response, g, make_response, request
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from kernel import ids
from kernel.db import transaction
from kernel.records import GivenReply
from kernel.refusals import Refused
from kernel.web.around import now
from kernel.web.declared import V, declare, declared, routes

KEY_HEADER: Final = "Idempotency-Key"
HIT_HEADER: Final = "Idempotency-Hit"
FORM_FIELD: Final = "form_key"
BY_KEY: Final = "by key"
BODY_BYTES_MAX: Final = 1024 * 1024
KEPT_HEADERS: Final = ("Content-Type", "Location")
LEFT_OUT_OF_THE_HASH: Final = frozenset({FORM_FIELD, "csrf_token"})

_KEY: Final = re.compile(r"[\x21-\x7e]{8,128}")


class KeyMissing(Refused):
    """The request creates something or moves money, so it must carry a key."""

    status = HTTPStatus.BAD_REQUEST
    code = "idempotency_key_missing"
    title = "Send an Idempotency-Key of 8 to 128 visible ASCII characters"
    title_zh = "请提供 Idempotency-Key（8至128个可见ASCII字符）"


class FormKeyMissing(Refused):
    """The form was not made by us, or its page is older than this version."""

    status = HTTPStatus.BAD_REQUEST
    code = "form_key_missing"
    title = "Open the page again and fill the form in anew"
    title_zh = "请重新打开页面后再填写"


class InFlight(Refused):
    """The first request with this key is still being worked on."""

    status = HTTPStatus.CONFLICT
    code = "request_in_flight"
    title = "The same request is being worked on. Try again in a moment"
    title_zh = "同一请求正在处理，请稍后再试"


class KeyReused(Refused):
    """The key belongs to another request."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "idempotency_key_reused"
    title = "This was sent before with other content. Open the page again, or take a new key"
    title_zh = "该表单已提交过且内容不同，请重新打开页面后再提交"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One request that may come again."""

    scope: str
    key: str
    request_hash: str
    patient: bool
    """Whether it waits for its twin: a browser shows the answer to the second click only."""


class _Unkept(Exception):
    """Carries a reply out of a transaction that must not commit."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def idempotent(view: V) -> V:
    """Run an API view once per Idempotency-Key, in one transaction passed to it as `session`.

    Put it directly below the route, above the blueprint's own decorators. The view calls nothing
    outside. A reply of 400 and above rolls the transaction back and is not kept.
    """
    return declare(_once(view, api_turn), "repeatable", BY_KEY)


def once_per_form(view: V) -> V:
    """Run a page's POST view once per form key, in one transaction passed to it as `session`."""
    return declare(_once(view, form_turn), "repeatable", "by form key")


def repeatable(reason: str) -> Callable[[V], V]:
    """Declare that a POST under /v1 needs no key because sending it twice is harmless."""
    return lambda view: declare(view, "repeatable", reason)


def unkeyed(app: Flask) -> list[str]:
    """List the POST routes under /v1 that are neither idempotent nor declared repeatable."""
    return [
        f"{method} {rule}"
        for rule, method, view in routes(app)
        if method == "POST"
        and rule.startswith("/v1/")
        and declared(view, method, "repeatable") is None
    ]


def new_form_key() -> str:
    """Make the hidden key of one form."""
    return secrets.token_urlsafe(18)


def api_turn() -> Turn:
    """Read the turn of an API request from its header.

    Raises:
        KeyMissing: no key, or one of another form.
    """
    key = request.headers.get(KEY_HEADER, "").strip().strip('"')
    if not _KEY.fullmatch(key):
        raise KeyMissing()
    body = hashlib.sha256(request.get_data(cache=True)).hexdigest()
    asked = f"{request.method} {request.full_path} {body}"
    return Turn(
        scope=_scope(),
        key=key,
        request_hash=hashlib.sha256(asked.encode()).hexdigest(),
        patient=False,
    )


def form_turn() -> Turn:
    """Read the turn of a page's form from its hidden field.

    Raises:
        FormKeyMissing: the field is missing or of another form.
    """
    key = request.form.get(FORM_FIELD, "")
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,64}", key):
        raise FormKeyMissing()
    asked = hashlib.sha256(request.full_path.encode())
    for name, value in sorted(request.form.items(multi=True)):
        if name not in LEFT_OUT_OF_THE_HASH:
            asked.update(f"{len(name)}:{name}={len(value)}:{value};".encode())
    for name, upload in sorted(request.files.items(multi=True), key=lambda item: item[0]):
        digest = hashlib.file_digest(upload.stream, "sha256").hexdigest()  # type: ignore[arg-type]
        upload.stream.seek(0)
        asked.update(f"{len(name)}:{name}={digest};".encode())
    return Turn(scope=_scope(), key=key, request_hash=asked.hexdigest(), patient=True)


def earlier(session: Session, turn: Turn) -> Response | None:
    """Give the reply that an earlier request of this turn got; None when it is the first.

    From here to the end of the transaction no other request of this turn gets further.

    Raises:
        InFlight: another request of this turn is inside its transaction now.
        KeyReused: the key came before with other content.
    """
    _take_turn(session, turn)
    found = session.scalar(
        select(GivenReply).where(GivenReply.scope == turn.scope, GivenReply.key == turn.key)
    )
    if found is None:
        return None
    if found.request_hash != turn.request_hash:
        raise KeyReused()
    again = Response(found.body, status=found.status, headers=found.headers)
    again.headers[HIT_HEADER] = "true"
    return again


def keep(session: Session, turn: Turn, response: Response, *, at: datetime) -> Response:
    """Keep a reply with the effects of its request, to be given again."""
    body = response.get_data()
    assert len(body) <= BODY_BYTES_MAX, "a reply this large is no answer to a creating request"
    session.add(
        GivenReply(
            id=ids.new(),
            scope=turn.scope,
            key=turn.key,
            request_hash=turn.request_hash,
            status=response.status_code,
            headers={n: response.headers[n] for n in KEPT_HEADERS if n in response.headers},
            body=body,
            given_at=at,
        )
    )
    session.flush()
    return response


def _once(view: V, turn_of: Callable[[], Turn]) -> V:
    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - the view's own
        turn = turn_of()
        try:
            with transaction() as session:
                again = earlier(session, turn)
                if again is not None:
                    return again
                response = make_response(view(*args, session=session, **kwargs))
                _require_kept(response)
                return keep(session, turn, response, at=now())
        except _Unkept as unkept:
            return unkept.response

    return wrapper  # type: ignore[return-value]


def _require_kept(response: Response) -> None:
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        raise _Unkept(response)


def _take_turn(session: Session, turn: Turn) -> None:
    take = "pg_advisory_xact_lock" if turn.patient else "pg_try_advisory_xact_lock"
    got = session.execute(
        text(f"SELECT {take}(hashtextextended(:name, 0))"),
        {"name": f"{turn.scope}\n{turn.key}"},
    ).scalar_one()
    if got is False:
        raise InFlight()


def _scope() -> str:
    return f"{g.get('actor') or 'anyone'} {request.method} {request.endpoint}"
