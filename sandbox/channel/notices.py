"""Notices of decided payments: kept until somebody has them delivered."""

from __future__ import annotations

import contextlib
import heapq
import http.client
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from sandbox.channel.orders import Order
from sandbox.faults import Fault

ATTEMPTS_MAX: Final = 5
WAIT_SECONDS: Final = 10.0
CALL_SECONDS_MAX: Final = 60.0
"""How long one delivery call goes on before it leaves the rest for the next."""
DUPLICATES: Final = 5
_CONTENT_TYPE: Final = "application/x-www-form-urlencoded; charset=UTF-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message to be posted; a forged one is tried only once."""

    order: Order
    is_forged: bool = False
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What one delivery call did, and the notices it keeps for the next."""

    delivered: int
    failed: int
    keep: list[Notice]


@dataclass(slots=True)
class Notices:
    """The notices that wait, the earliest due first."""

    queue: list[tuple[datetime, int, Notice]] = field(default_factory=list)
    count: int = 0

    def expect(self, order: Order) -> None:
        """Line up the notices that a payment will give rise to when it is decided."""
        if order.fault is Fault.FILE_ONLY:
            return
        if order.fault is Fault.FORGED_NOTICE:
            self.put(Notice(order=order, is_forged=True))
        copies = DUPLICATES if order.fault is Fault.DUPLICATE_NOTICE else 1
        for _ in range(copies):
            self.put(Notice(order=order))

    def put(self, notice: Notice) -> None:
        """Add a notice, behind those due at the same time."""
        self.count += 1
        heapq.heappush(self.queue, (notice.order.decided_at, self.count, notice))

    def take_due(self, at: datetime) -> list[Notice]:
        """Take out every notice whose payment is decided."""
        due: list[Notice] = []
        while self.queue and self.queue[0][0] <= at:
            due.append(heapq.heappop(self.queue)[2])
        return due


def deliver(due: list[Notice], form_of: Callable[[Notice], dict[str, str]]) -> Delivery:
    """Post each notice once.

    Runs without the world's lock: the receiver may well ask us something before it answers.
    """
    deadline = time.monotonic() + CALL_SECONDS_MAX
    delivered, failed = 0, 0
    keep: list[Notice] = []
    for notice in due:
        if time.monotonic() > deadline:
            keep.append(notice)
        elif _post(notice.order.back_url, form_of(notice)):
            delivered += 1
        else:
            failed += 1
            tried = notice.attempts + 1
            if tried < ATTEMPTS_MAX and not notice.is_forged:
                keep.append(Notice(order=notice.order, attempts=tried))
    return Delivery(delivered=delivered, failed=failed, keep=keep)


def _post(url: str, form: dict[str, str]) -> bool:
    """Post a form and tell whether the answer is 200; a redirect is not followed."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    link = kind(parts.hostname or "", parts.port, timeout=WAIT_SECONDS)
    # The timeout above is per read: a receiver that answers byte by byte needs a harder end.
    end = threading.Timer(WAIT_SECONDS, _cut, (link,))
    end.daemon = True
    end.start()
    try:
        path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        link.request("POST", path, urlencode(form), {"Content-Type": _CONTENT_TYPE})
        return link.getresponse().status == 200
    except (OSError, ValueError, http.client.HTTPException):
        return False
    finally:
        end.cancel()
        link.close()


def _cut(link: http.client.HTTPConnection) -> None:
    # The link may have been closed in the meantime: then there is nothing left to cut.
    with contextlib.suppress(OSError, AttributeError):
        link.sock.shutdown(socket.SHUT_RDWR)
