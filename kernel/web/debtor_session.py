"""The debtor's session: a signed cookie of its own, apart from the staff's.

It holds identities and times, never personal data. It idles away after 30 minutes, ends two hours
after it began, and remembers when the debtor last proved himself anew by a one-time code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, cast
from uuid import UUID

import flask
from flask import Response, g, request
from itsdangerous import BadSignature, URLSafeSerializer

from kernel.refusals import Refused
from kernel.web.around import now, surroundings

IDLE_MAX: Final = timedelta(minutes=30)
SESSION_MAX: Final = timedelta(hours=2)
STEP_UP_MAX: Final = timedelta(minutes=10)
SEEN_STEP: Final = timedelta(minutes=1)
SALT: Final = "debtor-session"


class StepUpNeeded(Refused):
    """The debtor must enter a fresh one-time code before this."""

    status = HTTPStatus.FORBIDDEN
    code = "step_up_needed"
    title = "Enter a new one-time code first"
    title_zh = "请先输入新的短信验证码"


@dataclass(frozen=True, slots=True, kw_only=True)
class DebtorSession:
    """Who sits at the other end, as far as he has proved it."""

    referral_id: UUID
    debtor_id: UUID | None
    """Known once he has proved his identity."""
    began_at: datetime
    seen_at: datetime
    stepped_up_at: datetime | None


def current() -> DebtorSession | None:
    """Give the session of this request, unless it idled away, grew too old or is not ours."""
    if "debtor_session" not in g:
        g.debtor_session = _read(request.cookies.get(_cookie_name()))
    return cast("DebtorSession | None", g.debtor_session)


def begin(*, referral_id: UUID, debtor_id: UUID | None = None) -> DebtorSession:
    """Begin a new session, whatever cookie came in; call it after the one-time code was right."""
    # A form token that somebody planted before must not outlive the sign-in.
    flask.session.pop("csrf_token", None)
    g.pop("csrf_token", None)
    made = DebtorSession(
        referral_id=referral_id,
        debtor_id=debtor_id,
        began_at=now(),
        seen_at=now(),
        stepped_up_at=now(),
    )
    return _write(made)


def identify(debtor_id: UUID) -> DebtorSession:
    """Add to the session who the debtor is, now that he has proved it."""
    return _write(replace(_present(), debtor_id=debtor_id))


def step_up() -> DebtorSession:
    """Remember that the debtor proved himself anew by a one-time code just now."""
    return _write(replace(_present(), stepped_up_at=now()))


def require_step_up() -> None:
    """Go on only when the debtor proved himself anew within the last ten minutes.

    Raises:
        StepUpNeeded: he did not.
    """
    at = _present().stepped_up_at
    if at is None or now() - at > STEP_UP_MAX:
        raise StepUpNeeded()


def end() -> None:
    """End the session in this browser."""
    g.debtor_session = None
    g.debtor_session_changed = True


def after(response: Response) -> Response:
    """Write the cookie when the session began, changed, ended or was seen again."""
    if "debtor_session" not in g:
        return response
    present: DebtorSession | None = g.debtor_session
    if present is None:
        if g.get("debtor_session_changed"):
            response.delete_cookie(_cookie_name(), **_cookie_terms())
        return response
    if now() - present.seen_at >= SEEN_STEP:
        present = _write(replace(present, seen_at=now()))
    if g.get("debtor_session_changed"):
        response.set_cookie(_cookie_name(), _sealed(present), **_cookie_terms())
    return response


def _present() -> DebtorSession:
    found = current()
    assert found is not None, "the view is for debtors with a session"
    return found


def _write(session: DebtorSession) -> DebtorSession:
    g.debtor_session = session
    g.debtor_session_changed = True
    return session


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(surroundings().settings.secret_key, salt=SALT)


def _sealed(session: DebtorSession) -> str:
    return _serializer().dumps(
        {
            "r": str(session.referral_id),
            "d": str(session.debtor_id) if session.debtor_id else None,
            "b": session.began_at.isoformat(),
            "s": session.seen_at.isoformat(),
            "u": session.stepped_up_at.isoformat() if session.stepped_up_at else None,
        }
    )


def _read(cookie: str | None) -> DebtorSession | None:
    if not cookie:
        return None
    try:
        fields = _serializer().loads(cookie)
        found = DebtorSession(
            referral_id=UUID(fields["r"]),
            debtor_id=UUID(fields["d"]) if fields["d"] else None,
            began_at=datetime.fromisoformat(fields["b"]),
            seen_at=datetime.fromisoformat(fields["s"]),
            stepped_up_at=datetime.fromisoformat(fields["u"]) if fields["u"] else None,
        )
    except (BadSignature, KeyError, TypeError, ValueError):
        return None
    alive = now() - found.seen_at < IDLE_MAX and now() - found.began_at < SESSION_MAX
    return found if alive else None


def _cookie_name() -> str:
    # The prefix makes browsers refuse a cookie of this name set by a neighbouring host.
    return "__Host-debtor" if surroundings().settings.is_production else "debtor"


def _cookie_terms() -> dict[str, Any]:
    return {
        "path": "/",
        "httponly": True,
        "samesite": "Lax",
        "secure": surroundings().settings.is_production,
    }
