"""Who may use a view: every view says it, and what says nothing is closed.

A view is for people of some roles (`allow`), for agencies by signature (`agencies_only`), for a
sender whose message the view verifies itself (`verified_by_view`), or for everybody (`public`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final, cast
from uuid import UUID

import flask
from flask import Flask, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from kernel import logs, staff
from kernel.actors import Actor, Role
from kernel.db import transaction
from kernel.records import Staff
from kernel.refusals import Refused
from kernel.web import debtor_session, signing
from kernel.web.around import around, now, wants_problem
from kernel.web.declared import V, declare, declared, is_static, routes

STAFF_TOKEN: Final = "staff"  # noqa: S105 - the name of a field, not a secret
SIGN_IN_ENDPOINT: Final = "staff.sign_in"

log = logs.logger(__name__)


class NotSignedIn(Refused):
    """Nobody is signed in, or the session has ended."""

    status = HTTPStatus.UNAUTHORIZED
    code = "not_signed_in"
    title = "Sign in first"
    title_zh = "请先登录"


class NotAllowed(Refused):
    """Whoever asks may not do this."""

    status = HTTPStatus.FORBIDDEN
    code = "not_allowed"
    title = "You may not do this"
    title_zh = "您无权进行此操作"


class By(StrEnum):
    """How a view knows who is there."""

    SESSION = "session"
    SIGNATURE = "signature"
    THE_VIEW = "the view"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may use a view."""

    by: By
    roles: frozenset[Role] = frozenset()
    reason: str = ""
    """Why a view is open to all, or how it verifies its sender."""


def allow(*roles: Role) -> Callable[[V], V]:
    """Let signed-in people of these roles in; `Role.DEBTOR` means the debtor's own session."""
    assert roles, "name at least one role"
    return lambda view: declare(view, "access", Access(by=By.SESSION, roles=frozenset(roles)))


def agencies_only(view: V) -> V:
    """Let agencies in whose request carries a good signature; no cookie counts here."""
    return declare(view, "access", Access(by=By.SIGNATURE))


def verified_by_view(reason: str) -> Callable[[V], V]:
    """Let any sender in because the view verifies the message itself, as `reason` says."""
    return lambda view: declare(view, "access", Access(by=By.THE_VIEW, reason=reason))


def public(reason: str) -> Callable[[V], V]:
    """Let everybody in, for a reason."""
    return lambda view: declare(view, "access", Access(by=By.NOTHING, reason=reason))


def undeclared(app: Flask) -> list[str]:
    """List the routes that do not say who may use them; a house test wants none."""
    return [
        f"{method} {rule}"
        for rule, method, view in routes(app)
        if declared(view, method, "access") is None
    ]


def actor() -> Actor:
    """Give who acts in this request.

    Raises:
        NotSignedIn: nobody is known.
    """
    found: Actor | None = g.get("actor")
    if found is None:
        raise NotSignedIn()
    return found


def agency_id() -> UUID:
    """Give the agency that acts: by its signature, or by its signed-in portal user.

    Raises:
        NotAllowed: no agency acts.
    """
    found: UUID | None = g.get("agency_id")
    if found is None:
        raise NotAllowed()
    return found


def signed_in_staff() -> Staff | None:
    """Give the person whose session this browser carries; None without one."""
    if "staff" not in g:
        token = flask.session.get(STAFF_TOKEN)
        g.staff = None
        if isinstance(token, str):
            with transaction() as session:
                g.staff = staff.signed_in(session, token, at=now())
    return cast("Staff | None", g.staff)


def guard() -> ResponseReturnValue | None:
    """Stop whoever may not use the view, before it runs.

    Raises:
        NotAllowed: the view is for others, or declares nothing.
        NotSignedIn: a program needs to sign in; a person is sent to the page for it.
        NotSigned: the signature is missing or wrong.
    """
    if request.endpoint is None or is_static(request.endpoint):
        return None
    access: Access | None = declared(
        current_app.view_functions[request.endpoint], request.method, "access"
    )
    if access is None and request.method == "OPTIONS":
        return None
    if access is None:
        log.error("access.undeclared", endpoint=request.endpoint)
        raise NotAllowed()
    g.access = access
    if access.by is By.SIGNATURE:
        _admit_signer()
    elif access.by is By.SESSION:
        return _admit_person(access.roles)
    return None


def needs_form_token() -> bool:
    """Tell whether the browser's cookies vouch for this request, so that it must prove its page."""
    access: Access | None = g.get("access")
    return access is not None and access.by in {By.SESSION, By.NOTHING}


def _admit_signer() -> None:
    signed = signing.SignedRequest(
        method=request.method,
        target=_target(),
        body=request.get_data(cache=True, parse_form_data=False),
        headers=dict(request.headers),
    )
    try:
        with transaction() as session:
            owner = signing.verify(session, signed, at=now())
    except signing.NotSigned as refused:
        log.warning("signature.refused", kind=type(refused).__name__)
        raise
    g.agency_id = owner
    g.actor = Actor(Role.AGENCY, str(owner))


def _target() -> str:
    """Give path and query as they stood on the wire, before any decoding."""
    raw = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI")
    if raw is None:
        raw = request.full_path.removesuffix("?")
    if not raw.startswith("/"):
        raw = "/" + raw.split("/", 3)[-1]
    return str(raw)


def _admit_person(roles: frozenset[Role]) -> ResponseReturnValue | None:
    person = signed_in_staff() if roles - {Role.DEBTOR} else None
    if person is not None and person.role in roles:
        g.actor = Actor(person.role, str(person.id))
        g.agency_id = person.agency_id
        return None
    debtor = debtor_session.current() if Role.DEBTOR in roles else None
    if debtor is not None:
        g.actor = Actor(Role.DEBTOR, str(debtor.debtor_id or debtor.referral_id))
        return None
    if person is not None:
        raise NotAllowed()
    return _send_to_sign_in(roles)


def _send_to_sign_in(roles: frozenset[Role]) -> ResponseReturnValue:
    if wants_problem():
        raise NotSignedIn()
    if Role.DEBTOR in roles:
        entry = around().doors.debtor_entry
        if entry is None or request.path == entry:
            raise NotSignedIn()
        return redirect(entry, HTTPStatus.SEE_OTHER)
    following = _target() if request.method in {"GET", "HEAD"} else None
    return redirect(url_for(SIGN_IN_ENDPOINT, next=following), HTTPStatus.SEE_OTHER)
