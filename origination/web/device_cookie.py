"""The cookie by which a debtor's browser is known again: random, our own, and nothing but that."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from flask import Response, request

from kernel.personal import NotPersonal
from kernel.web import debtor_session
from kernel.web.around import surroundings
from origination import devices
from origination.devices import DeviceNumber

KEPT: Final = timedelta(days=180)
"""As long as applications are compared with earlier ones."""


def current() -> DeviceNumber | None:
    """Give the number that the browser sent, when it is of our making."""
    try:
        return DeviceNumber.parse(request.cookies.get(_name(), ""))
    except NotPersonal:
        return None


def after(response: Response) -> Response:
    """Give a number to the browser of a debtor who has signed in, unless it has one."""
    if debtor_session.current() is not None and current() is None:
        response.set_cookie(
            _name(),
            devices.fresh().plain,
            max_age=KEPT,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=surroundings().settings.is_production,
        )
    return response


def _name() -> str:
    # The prefix makes browsers refuse a cookie of this name set by a neighbouring host.
    return "__Host-device" if surroundings().settings.is_production else "device"
