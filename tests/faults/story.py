"""One story: a seed decides what happens to the crew, then everything heals and is judged."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from urllib.error import URLError

from sqlalchemy import select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from kernel import config, db, sealing
from kernel.clock import business_day, shanghai
from kernel.db import transaction
from kernel.money import ZERO, Money
from kernel.records import JobState
from tests.disbursement.partners import Partners
from tests.faults import mishaps, oracle
from tests.faults.crew import SANDBOX, Crew, assembled
from tests.faults.lending import Lending, thaw
from tests.faults.mishaps import END_OF_DAY, MENU, RESTORE, Stage
from tests.faults.oracle import Verdict
from tests.faults.postgres import Server
from tests.faults.town import Town

LOANS = 6
STEPS = 9
DAYS_MIN, DAYS_MAX = 3, 8
DAYS_OF_COLLECTING_MAX = 18
"""Five tries for a due date, each of which two looks a day may take two days to plan, send and book."""
RESTORED_EVERY, COLLECTED_EVERY = 3, 4
"""Of so many seeds one goes back to a backup, and one goes on to the first instalments."""
WAIT_SECONDS_MAX = 120
HOURS = ((9, 5), (22, 0))
"""When the town's clock is stopped to see the jobs run: files are there, queries are due."""
BEGINNINGS = (
    shanghai(date(2026, 11, 20), 10),
    shanghai(date(2026, 11, 20), 22, 52),
    shanghai(date(2026, 11, 20), 23, 52),
    shanghai(date(2026, 12, 31), 23, 50),
)
"""Ten in the morning; the channel's cut-off, midnight and the year's end within the story."""
WATCHED = (
    *("payout-send", "payout-query", "reconcile-day"),
    *("debit-plan", "debit-send", "debit-query", "end-of-day"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a story came to."""

    seed: int
    happened: Counter[str]
    complaints: tuple[str, ...]
    paid: Money
    returned: Money
    collected: Money
    seconds: float
    days: int


def tell(
    seed: int, server: Server, folder: Path, *, trace: Callable[[str], None] = lambda _: None
) -> Told:
    """Tell the story of a seed on a server that runs, each thing that happens to `trace`."""
    begun = time.monotonic()
    random = Random(seed)
    at = BEGINNINGS[seed % len(BEGINNINGS)]
    with opened(server, folder, f"story_{seed}", at=at) as crew, telling_notices(crew):
        lending = Lending(Partners(crew.sandbox_url, crew.town.clock), random)
        lending.open_books()
        lending.place(loans_count=LOANS)
        stage = Stage(crew, random, trace)
        crew.start()
        crew.wait_for_web()
        wait_until_jobs_run(crew)
        trace("the crew works")
        let_it_happen(stage, lending, with_restore=seed % RESTORED_EVERY == 0)
        heal(stage)
        days, verdict = let_days_go_by(stage, lending)
        if seed % COLLECTED_EVERY == 0 and not verdict.complaints:
            more, verdict = collect_in_trouble(stage, lending)
            days += more
        leaked = oracle.plain_numbers(crew.logs(), lending.cards)
    return Told(
        seed=seed,
        happened=stage.happened,
        complaints=(*verdict.complaints, *(f"F30: {one} stands in a log" for one in leaked)),
        paid=Money(verdict.paid_fen),
        returned=Money(verdict.returned_fen),
        collected=Money(verdict.collected_fen),
        seconds=time.monotonic() - begun,
        days=days,
    )


def broken_off(seed: int, complaint: str) -> Told:
    """Say of a story that could not be told to its end why."""
    return Told(
        seed=seed,
        happened=Counter(),
        complaints=(complaint,),
        paid=ZERO,
        returned=ZERO,
        collected=ZERO,
        seconds=0.0,
        days=0,
    )


def let_it_happen(stage: Stage, lending: Lending, *, with_restore: bool) -> None:
    """Pay loans out while one thing after the other goes wrong."""
    crew, random = stage.crew, stage.random
    backup_at = random.randrange(1, STEPS // 2) if with_restore else None
    disaster_at = random.randrange(STEPS // 2 + 1, STEPS) if with_restore else None
    for step in range(STEPS):
        lending.release()
        _when_it_can(lending.approve)
        if step == backup_at:
            mishaps.back_up(stage)
        for name in random.sample(sorted(MENU), random.randint(1, 2)):
            stage.suffer(name)
        time.sleep(0.2 + random.random() * 0.8)
        if step == disaster_at:
            stage.suffer(RESTORE)
        crew.town.advance(timedelta(seconds=random.randint(30, 360)))
        mend_some(stage)


def collect_in_trouble(stage: Stage, lending: Lending) -> tuple[int, Verdict]:
    """Let the first instalments fall due, and be collected while things go wrong again."""
    crew, random = stage.crew, stage.random
    running = lending.bind_cards()
    crew.town.advance_to(shanghai(lending.first_due_day(), 8, 30))
    stage.trace(f"instalments of {running} loans fall due")
    names = [END_OF_DAY, *random.sample(sorted(MENU), STEPS // 2 - 1)]
    random.shuffle(names)
    for name in names:
        stage.suffer(name)
        time.sleep(0.2 + random.random() * 0.8)
        crew.town.advance(timedelta(seconds=random.randint(30, 360)))
        mend_some(stage)
    heal(stage)
    return let_days_go_by(stage, lending, days_max=DAYS_OF_COLLECTING_MAX)


def mend_some(stage: Stage) -> None:
    """Start again what has died and let go on what was paused, as a supervisor would; not always."""
    crew, random = stage.crew, stage.random
    crew.to_channel.heal()
    crew.to_partners.heal()
    for process in crew.processes.values():
        if process.is_paused and random.random() < 0.5:
            process.resume()
        elif not process.lives and random.random() < 0.8:
            process.start()


def heal(stage: Stage) -> None:
    """End every fault: from here on the crew must find its way by itself."""
    stage.trace("all is healed")
    stage.crew.heal()
    stage.crew.start()
    for flood in stage.floods:
        flood.join(WAIT_SECONDS_MAX)


def let_days_go_by(
    stage: Stage, lending: Lending, *, days_max: int = DAYS_MAX
) -> tuple[int, Verdict]:
    """Let days pass until the judge has nothing to say, but no more than so many."""
    lending.released = list(lending.loan_ids)
    day = 0
    while True:
        day += 1
        for hour, minute in HOURS:
            _let_hours_go_by(stage, lending, hour, minute)
        if day < DAYS_MIN:
            continue
        with transaction() as session:
            verdict = oracle.judge(session, lending.partners.books())
        if not verdict.complaints or day >= days_max:
            return day, verdict


def _let_hours_go_by(stage: Stage, lending: Lending, hour: int, minute: int) -> None:
    """Let the next such time of a day come, with whatever staff have to do, and see the jobs run."""
    town = stage.crew.town
    wanted = shanghai(business_day(town.clock.now()), hour, minute)
    if wanted <= town.clock.now():
        wanted += timedelta(days=1)
    town.advance_to(wanted)
    _when_it_can(lambda: thaw(at=town.clock.now()))
    _when_it_can(lending.look_after)
    _when_it_can(lending.approve)
    wait_until_jobs_run(stage.crew)
    stage.trace(f"{wanted:%m-%d %H:%M} has passed")


def wait_until_jobs_run(crew: Crew) -> None:
    """Wait until each watched job has ended once more, whoever runs it and whatever his clock."""
    before: dict[str, datetime] = {}
    until = time.monotonic() + WAIT_SECONDS_MAX
    while not _when_it_can(lambda: before.update(_last_runs()) is None):
        assert time.monotonic() < until, "the database does not come back"
        time.sleep(0.1)

    def all_ran() -> bool:
        now = _last_runs()
        return all(name in now and now[name] != before.get(name) for name in WATCHED)

    while not _when_it_can(all_ran):
        crew.revive()
        assert time.monotonic() < until, f"the jobs do not run:\n{crew.logs()[-4000:]}"
        time.sleep(0.05)


def _last_runs() -> dict[str, datetime]:
    with transaction() as session:
        return {state.name: state.ran_at for state in session.scalars(select(JobState))}


@contextmanager
def opened(server: Server, folder: Path, name: str, *, at: datetime) -> Iterator[Crew]:
    """Open a crew on a database of its own, with the sandbox alone at work so far."""
    server.drop(name)
    town = Town(folder / "time")
    town.set(at)
    with (
        bound(server.create(name)) as engine,
        assembled(folder, server, name, town=town, engine=engine) as crew,
    ):
        crew.start(SANDBOX)
        yield crew
    server.drop(name)


@contextmanager
def bound(url: str) -> Iterator[Engine]:
    """Let this process look at the database, past any proxy."""
    engine = db.open_engine(url)
    db.bind(engine)
    settings = config.read({"DAICHANG_ENV": "test"})
    sealing.bind(sealing.Keyring(settings.seal_keys, settings.index_key))
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def telling_notices(crew: Crew) -> Iterator[None]:
    """Have the channel post its notices all the time, whoever is there to hear them."""
    ending = threading.Event()

    def tell_them() -> None:
        while not ending.wait(0.3):
            with suppress(URLError, OSError, ValueError):
                Partners(crew.sandbox_url, crew.town.clock).deliver()

    thread = threading.Thread(target=tell_them, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(WAIT_SECONDS_MAX)


def _when_it_can(act: Callable[[], int]) -> int:
    """Do something of the staff's; while the database is away, they come back later."""
    try:
        return act()
    except SQLAlchemyError:
        return 0
