"""A journal of what the world was asked, so that a world that was killed wakes up as it was.

Everything the sandbox does follows from its requests, in their order, and the time each carries:
a line is written before a request is acted on, and a restart acts on every line again.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from flask import Flask, g, request

_UNKEPT: Final = ("/_control/healthz", "/_control/books", "/_control/notices/deliver", "/sms/inbox")
"""What changes nothing, and what speaks to others: it must not be said twice."""


@dataclass(slots=True)
class Journal:
    """One file, and one request at a time that may change the world."""

    path: Path
    is_awake: bool = False
    turn: threading.Lock = field(default_factory=threading.Lock)

    def keep(self) -> None:
        """Wait for one's turn, and write the request down."""
        if not self.is_awake or request.path.startswith(_UNKEPT):
            return
        self.turn.acquire()
        g.has_turn = True
        line = {
            "method": request.method,
            "path": request.full_path,
            "at": g.now.isoformat(),
            "key": request.headers.get("Authorization", ""),
            "type": request.content_type or "",
            "body": base64.b64encode(request.get_data()).decode("ascii"),
        }
        with self.path.open("a", encoding="ascii") as file:
            file.write(json.dumps(line) + "\n")

    def end_turn(self, _fault: BaseException | None) -> None:
        """Let the next one have its turn."""
        if g.pop("has_turn", False):
            self.turn.release()

    def lines(self) -> Iterator[dict[str, Any]]:
        """Read the requests; a last line that was cut is taken away, for it was never acted on."""
        if not self.path.exists():
            return
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            self.path.write_bytes(whole)
        for line in whole.splitlines():
            yield json.loads(line)


def wake(app: Flask, path: Path) -> None:
    """Act on what the journal holds, then write every further request down before acting on it."""
    journal = Journal(path)
    app.before_request(journal.keep)
    app.teardown_request(journal.end_turn)
    client = app.test_client()
    for line in journal.lines():
        client.open(
            line["path"],
            method=line["method"],
            data=base64.b64decode(line["body"]),
            content_type=line["type"] or None,
            headers={"X-Sandbox-Now": line["at"], "Authorization": line["key"]},
        )
    journal.is_awake = True
