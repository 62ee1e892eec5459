"""What is remembered between asking for a code and entering it: sealed, in the browser's cookie."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import flask
from sqlalchemy.orm import Session

from kernel import ids, sealing
from kernel.actors import system
from kernel.personal import Mobile
from kernel.sealing import Sealed
from kernel.web.around import now

INVITED: Final = "invited"
ASKED: Final = "asked"
KEPT: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A code was asked for: for which mobile, and through which invitation."""

    mobile: Sealed[Mobile]
    referral_id: UUID | None
    asked_at: datetime


def come_by(referral_id: UUID) -> None:
    """Remember through which invitation somebody came."""
    flask.session[INVITED] = str(referral_id)


def invited() -> UUID | None:
    """Give the invitation somebody came through; None for one who comes back."""
    return _uuid(flask.session.get(INVITED))


def forget() -> None:
    """Forget everything, now that somebody is signed in."""
    forget_invitation()
    flask.session.pop(ASKED, None)


def forget_invitation() -> None:
    """Go on as somebody who comes back without a link."""
    flask.session.pop(INVITED, None)


def ask(mobile: Mobile, *, referral_id: UUID | None) -> None:
    """Remember for whom a code was asked."""
    flask.session[ASKED] = {
        "m": base64.b64encode(sealing.seal(mobile).data).decode(),
        "r": str(referral_id) if referral_id else None,
        "t": now().isoformat(),
    }


def asked() -> Asked | None:
    """Give for whom a code was asked; None when nobody asked within the last half hour."""
    kept: Any = flask.session.get(ASKED)
    try:
        found = Asked(
            mobile=Sealed(base64.b64decode(kept["m"], validate=True), Mobile),
            referral_id=_uuid(kept["r"]),
            asked_at=datetime.fromisoformat(kept["t"]),
        )
    except (KeyError, TypeError, ValueError, binascii.Error):
        return None
    return found if now() - found.asked_at < KEPT else None


def mobile(session: Session, asked_for: Asked) -> Mobile:
    """Open the mobile a code was asked for, leaving an audit row."""
    return sealing.reveal(
        session,
        asked_for.mobile,
        subject=asked_for.referral_id or ids.new(),
        purpose="sign in by code",
        by=system("web"),
        at=now(),
    )


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None
