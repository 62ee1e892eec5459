"""What an agency's computer receives, and whether each word of it bears our signature."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import time_machine
from standardwebhooks import Webhook

from tests.kernel.partner import Behaviour, answers, reply

TAKEN: Behaviour = answers(reply(b"ok", headers=("Connection: close",)))


def verified(request: bytes, secret: str) -> dict[str, Any]:
    """Read a webhook as its receiver would at that moment, refusing what is not signed."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = (line.partition(": ") for line in head.decode().split("\r\n")[1:])
    headers = {name.lower(): value for name, _, value in lines}
    sent_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    with time_machine.travel(sent_at, tick=False):
        told: dict[str, Any] = Webhook(secret).verify(body, headers)
    return told
