"""How every fault is told: problem+json (RFC 9457) to programs, a page to people.

One handler for all: a refusal gives its own status and words, a fault of HTTP its usual ones, and
anything else is our fault, logged with its request id and told without a word of what it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import structlog
from flask import Flask, Response, g, render_template, request
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, InternalServerError

from kernel import logs
from kernel.outbound import Garbled, NoAnswer
from kernel.refusals import FieldFault, Refused
from kernel.web.around import Language, language, say, wants_problem

PROBLEM_TYPE: Final = "application/problem+json"
FAULTS_MAX: Final = 100
TEXT_MAX: Final = 300
_RETRY: Final = (("Retry-After", "5"),)
SAFE_HEADERS: Final = frozenset({"allow", "retry-after", "www-authenticate", "content-range"})

log = logs.logger(__name__)

_WORDS: Final[Mapping[int, tuple[str, str, str]]] = {
    400: ("bad_request", "The request cannot be read", "请求有误"),
    401: ("not_signed_in", "Sign in first", "请先登录"),
    403: ("not_allowed", "You may not do this", "您无权进行此操作"),
    404: ("not_found", "There is nothing at this address", "页面不存在"),
    405: ("method_not_allowed", "This address does not take this method", "不支持此操作方式"),
    406: ("not_acceptable", "We cannot answer in a form you accept", "无法提供所需的格式"),
    408: ("request_timeout", "The request did not arrive in time", "请求超时"),
    409: ("conflict", "The present state does not allow this", "与当前状态冲突"),
    410: ("gone", "This is no longer here", "内容已失效"),
    413: ("content_too_large", "The request is larger than we take", "提交的内容过大"),
    414: ("uri_too_long", "The address is too long", "地址过长"),
    415: ("unsupported_media_type", "We do not read this kind of body", "不支持的内容类型"),
    422: ("content_faulty", "Some of what was sent must be changed", "提交的内容需要修改"),
    429: ("too_many_requests", "Too many requests. Try again later", "请求过于频繁，请稍后再试"),
    431: ("headers_too_large", "The headers are too large", "请求头过大"),
    500: ("our_fault", "The fault is ours", "系统出现故障，我们已记录"),
    503: ("busy", "We are busy. Try again later", "系统繁忙，请稍后再试"),
}
_OTHER_WORDS: Final = ("refused", "The request was refused", "请求未被接受")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A fault as it is told."""

    status: int
    code: str
    title: str
    title_zh: str
    detail: str = ""
    faults: tuple[Mapping[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def headline(self) -> str:
        """The title in the language of the request."""
        return say(self.title_zh, self.title)

    @property
    def explanation(self) -> str:
        """The detail, which is written in English only."""
        return self.detail if language() is Language.EN else ""


@dataclass(frozen=True, slots=True)
class Description:
    """A kind of problem, as its own page tells it."""

    code: str
    status: int
    title: str
    title_zh: str
    text: str


_LATER: Final = "Nothing is lost; try again in a minute"
_LATER_ZH: Final = "您的资料没有丢失，请一分钟后再试"
_OTHERS: Final[Mapping[str, Description]] = {
    kind.code: kind
    for kind in (
        Description(
            "partner_silent",
            503,
            f"A partner does not answer. {_LATER}",
            f"合作机构暂未响应，{_LATER_ZH}",
            "A bank, bureau or channel that we had to ask gave no answer in time.",
        ),
        Description("database_busy", 503, f"We are busy. {_LATER}", f"系统繁忙，{_LATER_ZH}", ""),
        Description(
            "form_token",
            400,
            "The page is too old. Open it again and send the form once more",
            "页面已过期，请重新打开页面后再提交",
            "A form must come from a page that we gave to the same browser.",
        ),
        Description("refused", 400, "The request was refused", "请求未被接受", ""),
    )
}


def install(app: Flask) -> None:
    """Answer every fault of the application by this module."""
    app.register_error_handler(Refused, lambda fault: answer(of_refusal(fault)))
    app.register_error_handler(HTTPException, lambda fault: answer(of_http(fault)))
    app.register_error_handler(Exception, lambda fault: answer(of_our_fault(fault)))


def answer(problem: Problem) -> Response:
    """Tell a problem as the caller can read it."""
    if wants_problem():
        body = json.dumps(_document(problem), ensure_ascii=False)
        response = Response(body, status=problem.status, content_type=PROBLEM_TYPE)
    else:
        page = render_template("problem.html", problem=problem, request_id=g.get("request_id", ""))
        response = Response(page, status=problem.status, content_type="text/html; charset=utf-8")
    for name, value in problem.headers:
        response.headers[name] = value
    response.headers["Cache-Control"] = "no-store"
    response.vary.add("Accept")
    return response


def of_refusal(fault: Refused) -> Problem:
    """Tell a refusal in its own words."""
    log.info("request.refused", code=fault.code, kind=type(fault).__name__)
    headers: tuple[tuple[str, str], ...] = ()
    if fault.status == HTTPStatus.UNAUTHORIZED:
        headers = (("WWW-Authenticate", "Daichang"),)
    return Problem(
        status=fault.status,
        code=fault.code,
        title=fault.title,
        title_zh=fault.title_zh,
        detail=fault.detail[:TEXT_MAX],
        faults=tuple(map(_fault, fault.faults[:FAULTS_MAX])),
        headers=headers,
    )


def of_http(fault: HTTPException) -> Problem:
    """Tell a fault of HTTP, keeping the headers that say what to do, such as Allow."""
    status = fault.code or 500
    if isinstance(fault, InternalServerError) or status < 400:
        return of_our_fault(getattr(fault, "original_exception", None) or fault)
    data: Mapping[str, Any] = getattr(fault, "data", None) or {}
    code, title, title_zh = _WORDS.get(status, _OTHER_WORDS)
    return Problem(
        status=status,
        code=code,
        title=title,
        title_zh=title_zh,
        # Only our own sentences: werkzeug's may repeat what was sent.
        detail=data["message"] if isinstance(data.get("message"), str) else "",
        faults=tuple(_from_messages(data.get("messages") or {}))[:FAULTS_MAX],
        headers=tuple(
            (name, value) for name, value in fault.get_headers() if name.lower() in SAFE_HEADERS
        ),
    )


def of_our_fault(fault: BaseException) -> Problem:
    """Log a fault of ours or of a neighbour, and tell nothing of it but when to come back."""
    if isinstance(fault, NoAnswer | Garbled):
        log.warning("request.partner_silent", reason=str(fault))
        return other("partner_silent", _RETRY)
    if isinstance(fault, OperationalError | PoolTimeout):
        log.error("request.database_busy", exc_info=fault)
        return other("database_busy", _RETRY)
    log.error("request.failed", exc_info=fault)
    code, title, title_zh = _WORDS[500]
    return Problem(status=500, code=code, title=title, title_zh=title_zh)


def other(code: str, headers: tuple[tuple[str, str], ...] = ()) -> Problem:
    """Give one of the problems that are neither refusals nor faults of HTTP."""
    kind = _OTHERS[code]
    return Problem(
        status=kind.status,
        code=kind.code,
        title=kind.title,
        title_zh=kind.title_zh,
        headers=headers,
    )


def _document(problem: Problem) -> dict[str, Any]:
    document: dict[str, Any] = {
        "type": f"/problems/{problem.code}",
        "title": problem.headline,
        "status": int(problem.status),
        "code": problem.code,
    }
    if problem.detail:
        document["detail"] = problem.detail
    if problem.faults:
        document["errors"] = list(problem.faults)
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    if request_id:
        document["request_id"] = request_id
    return document


def _fault(fault: FieldFault) -> dict[str, str]:
    return {"pointer": fault.pointer[:TEXT_MAX], "detail": fault.detail[:TEXT_MAX]}


def _from_messages(messages: object) -> Iterator[dict[str, str]]:
    """Flatten the messages of a schema, ``{"json": {"cards": {0: {"bin": ["..."]}}}}``."""
    if not isinstance(messages, Mapping):
        return
    for location, tree in messages.items():
        for path, text in _leaves(tree):
            where = f"/{path}" if path else ""
            if location == "json":
                yield {"pointer": where[:TEXT_MAX], "detail": text[:TEXT_MAX]}
            else:
                yield {"parameter": path[:TEXT_MAX], "detail": text[:TEXT_MAX]}


def _leaves(tree: object) -> Iterator[tuple[str, str]]:
    if isinstance(tree, Mapping):
        for key, inner in tree.items():
            name = "" if key == "_schema" else str(key).replace("~", "~0").replace("/", "~1")
            for path, text in _leaves(inner):
                yield "/".join(part for part in (name, path) if part), text
    elif isinstance(tree, list):
        for item in tree:
            yield from _leaves(item)
    else:
        yield "", str(tree)


def refusals() -> Iterator[type[Refused]]:
    """List every kind of refusal that is loaded."""
    waiting = [Refused]
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting.extend(kind.__subclasses__())


def described(code: str) -> Description | None:
    """Describe the problem whose page is ``/problems/<code>``; None when there is none."""
    if code in _OTHERS:
        return _OTHERS[code]
    for kind in refusals():
        if kind.code == code:
            text = (kind.__doc__ or "").strip()
            return Description(kind.code, int(kind.status), kind.title, kind.title_zh, text)
    for status, (name, title, title_zh) in _WORDS.items():
        if name == code:
            return Description(name, status, title, title_zh, "")
    return None


def path_for_log() -> str:
    """Give the rule, never the address: an address may hold a token."""
    return request.url_rule.rule if request.url_rule is not None else "(no rule)"
