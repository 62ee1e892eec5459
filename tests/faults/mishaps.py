"""What can happen to a crew, each under its name; a story draws from these by its seed."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.error import URLError

from tests.disbursement.partners import Partners
from tests.faults import lending
from tests.faults.crew import OURS, SANDBOX, SCHEDULERS, WEB, Crew
from tests.faults.proxy import Fault, Toxic, Way

BACKUP_AGE = timedelta(minutes=10)


@dataclass
class Stage:
    """One crew in one story, and what has happened to it."""

    crew: Crew
    random: Random
    trace: Callable[[str], None]
    happened: Counter[str] = field(default_factory=Counter)
    floods: list[threading.Thread] = field(default_factory=list)
    backup: Path | None = None
    backed_up_at: datetime | None = None

    def suffer(self, name: str) -> None:
        """Let one thing happen, by its name."""
        self.trace(name)
        (SPECIAL.get(name) or MENU[name])(self)
        self.happened[name] += 1

    def books(self) -> dict[str, Any]:
        """Read the channel's own books, if the channel answers now."""
        with suppress(URLError, OSError, json.JSONDecodeError):
            return Partners(self.crew.sandbox_url, self.crew.town.clock).books()
        return {"orders": []}


def kill_web(stage: Stage) -> None:
    """Kill gunicorn with its workers."""
    stage.crew.kill(WEB)


def kill_web_worker(stage: Stage) -> None:
    """Kill one worker of gunicorn; its parent makes another."""
    stage.crew.processes[WEB].kill_a_worker()


def kill_scheduler(stage: Stage) -> None:
    """Kill one of the two schedulers, whichever leads."""
    stage.crew.kill(stage.random.choice(SCHEDULERS))


def kill_both_schedulers(stage: Stage) -> None:
    """Kill both schedulers."""
    stage.crew.kill(*SCHEDULERS)


def kill_sandbox(stage: Stage) -> None:
    """Kill the channel itself; it wakes up with what it had taken."""
    stage.crew.kill(SANDBOX)


def kill_postmaster(stage: Stage) -> None:
    """Kill PostgreSQL's first process."""
    stage.crew.server.kill()


def kill_backend(stage: Stage) -> None:
    """Kill one session of PostgreSQL, which resets all of them."""
    stage.crew.server.kill_backend(stage.crew.database)


def restart_database(stage: Stage) -> None:
    """Restart PostgreSQL at once (pg_ctl -m immediate)."""
    stage.crew.server.crash()


def pause_scheduler(stage: Stage) -> None:
    """Stop a scheduler where it stands, for longer than its lease and its claims."""
    stage.crew.processes[stage.random.choice(SCHEDULERS)].pause()


def pause_web(stage: Stage) -> None:
    """Stop the web where it stands."""
    stage.crew.processes[WEB].pause()


def skew_clock(stage: Stage) -> None:
    """Let one process's clock jump, forward or back."""
    minutes = stage.random.choice((-60, -10, 10, 60))
    stage.crew.town.skew(stage.random.choice(OURS), timedelta(minutes=minutes))


def cut_before_commit(stage: Stage) -> None:
    """Cut connections to PostgreSQL just before their COMMIT reaches it."""
    for _ in range(stage.random.randint(1, 4)):
        stage.crew.to_database.inject(Fault(toxic=Toxic.BEFORE_COMMIT))


def cut_after_commit(stage: Stage) -> None:
    """Cut connections to PostgreSQL when their COMMIT was done and nobody has heard of it."""
    for _ in range(stage.random.randint(1, 4)):
        stage.crew.to_database.inject(Fault(toxic=Toxic.AFTER_COMMIT))


def cut_request(stage: Stage) -> None:
    """Cut connections to the channel or another partner in the middle of a request."""
    _cut(stage, Way.UP)


def cut_reply(stage: Stage) -> None:
    """Cut connections to the channel or another partner in the middle of the reply."""
    _cut(stage, Way.DOWN)


def drop_request(stage: Stage) -> None:
    """Let a request to the channel vanish."""
    stage.crew.to_channel.inject(Fault(toxic=Toxic.DROP, way=Way.UP))


def drop_reply(stage: Stage) -> None:
    """Let a reply of the channel vanish."""
    stage.crew.to_channel.inject(Fault(toxic=Toxic.DROP, way=Way.DOWN))


def drip_reply(stage: Stage) -> None:
    """Let a reply of the channel come at one byte a second."""
    stage.crew.to_channel.inject(Fault(toxic=Toxic.DRIP, way=Way.DOWN))


def slow_network(stage: Stage) -> None:
    """Let everything between us, the channel and the database take longer."""
    for proxy in (stage.crew.to_channel, stage.crew.to_database):
        for way in Way:
            seconds = stage.random.random() / 5
            proxy.inject(Fault(toxic=Toxic.LATE, way=way, seconds=seconds))


def reset_channel(stage: Stage) -> None:
    """Reset every connection to the channel and the other partners."""
    stage.crew.to_channel.sever()
    stage.crew.to_partners.sever()


def reset_database(stage: Stage) -> None:
    """Reset every connection to PostgreSQL."""
    stage.crew.to_database.sever()


def channel_down(stage: Stage) -> None:
    """Let nobody through to the channel until the next step."""
    stage.crew.to_channel.take_down()


def flood_of_notices(stage: Stage) -> None:
    """Pour duplicate and forged notices over the web's door."""
    orders = stage.books()["orders"]
    given = (stage.crew.to_web.url, orders)
    stage.floods.append(threading.Thread(target=lending.flood, args=given, kwargs={"count": 25}))
    stage.floods[-1].start()


def kill_end_of_day(stage: Stage) -> None:
    """Begin the end of day beside the scheduler's, and kill it somewhere on its way."""
    begun = stage.crew.start_command("end-of-day")
    time.sleep(1 + stage.random.random() * 2)
    begun.kill()
    begun.wait(60)


def restore_backup(stage: Stage) -> None:
    """Lose the database and go back to a backup of ten minutes ago, as the runbook says."""
    crew = stage.crew
    assert stage.backup is not None
    assert stage.backed_up_at is not None
    missing = stage.backed_up_at + BACKUP_AGE - crew.town.clock.now()
    crew.town.advance(max(missing, timedelta(0)))
    crew.kill(*OURS)
    crew.server.stop()
    crew.server.restore(stage.backup)
    lending.freeze(stage.backed_up_at, at=crew.town.clock.now())
    crew.start(SANDBOX, *OURS)


def back_up(stage: Stage) -> None:
    """Make the backup that a later disaster goes back to."""
    stage.backup = stage.crew.server.folder / f"backup-{stage.crew.database}"
    shutil.rmtree(stage.backup, ignore_errors=True)
    stage.crew.server.back_up(stage.backup)
    stage.backed_up_at = stage.crew.town.clock.now()


MENU: Mapping[str, Callable[[Stage], None]] = {
    act.__name__.replace("_", " "): act
    for act in (
        kill_web, kill_web_worker, kill_scheduler, kill_both_schedulers, kill_sandbox,
        kill_postmaster, kill_backend, restart_database, pause_scheduler, pause_web, skew_clock,
        cut_before_commit, cut_after_commit, cut_request, cut_reply, drop_request, drop_reply,
        drip_reply, slow_network, reset_channel, reset_database, channel_down, flood_of_notices,
    )
}  # fmt: skip
RESTORE, END_OF_DAY = "restore backup", "kill end of day"
SPECIAL: Mapping[str, Callable[[Stage], None]] = {
    RESTORE: restore_backup,
    END_OF_DAY: kill_end_of_day,
}
"""What needs its own moment in a story."""


def _cut(stage: Stage, way: Way) -> None:
    for _ in range(stage.random.randint(1, 3)):
        after = stage.random.randint(1, 1500)
        proxy = stage.random.choice((stage.crew.to_channel, stage.crew.to_partners))
        proxy.inject(Fault(toxic=Toxic.CUT, way=way, after_bytes=after))
