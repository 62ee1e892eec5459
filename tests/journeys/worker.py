"""A sender as a process of its own, to be killed: sends and asks until somebody ends it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from disbursement import sending
from kernel import config, db, logs, sealing
from kernel.clock import SetClock
from kernel.surroundings import build

READY, IDLE = "ready", "idle"


def main(words: Sequence[str]) -> None:
    """Work on a database with a sandbox at a given time, telling each step on standard output."""
    database_url, sandbox_url, at = words
    read = config.read({"DAICHANG_ENV": "test"})
    settings = replace(read, partner_urls=dict.fromkeys(config.PARTNERS, sandbox_url))
    logs.configure(stream=sys.stdout)
    db.bind(db.open_engine(database_url))
    sealing.bind(sealing.Keyring(settings.seal_keys, settings.index_key))
    surroundings = build(settings, SetClock(datetime.fromisoformat(at)))
    print(READY, flush=True)  # noqa: T201 - the word its parent waits for
    while sending.send_due(surroundings) + sending.query_due(surroundings):
        pass
    print(IDLE, flush=True)  # noqa: T201 - nothing is left to be killed over
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
