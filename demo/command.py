"""`daichang demo`: run the main job from end to end, print what happened, leave the doors open."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import click
from flask import Flask
from rich.console import Console

from demo import crowds, doors, figures, lendingclub, month, stage, story, tables
from demo.crew import Crew
from demo.crowds import Crowd
from demo.figures import FourSides
from demo.month import Month
from demo.progress import Chapters
from demo.staff import CAPITAL, found
from demo.stage import LOG_NAME, Stage
from demo.story import Story
from kernel import logs
from kernel.clock import SetClock, business_day
from kernel.config import Settings
from kernel.db import transaction
from kernel.jobs import Job
from kernel.surroundings import Surroundings
from underwriting.models import registry, training
from underwriting.models.training_file import TrainingFileFaulty

DEFAULT_COUNT: Final = 50
DEFAULT_SEED: Final = 20261124
COUNT_MAX: Final = 5_000
PAYOUT_DAYS: Final = 2
DAYS: Final = PAYOUT_DAYS + story.DAYS_AFTER_PAYOUT
EXIT_MONEY_DIFFERS: Final = 1
EXIT_INPUT: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A story that was told to its end, with where the money was when the loans had begun."""

    story: Story
    sides: FourSides
    month: Month | None


def command(create_app: Callable[[Surroundings], Flask], jobs: Sequence[Job]) -> click.Command:
    """Make the command from what the composition root alone knows."""

    @click.command("demo")
    @click.option("--applicants", type=click.Path(path_type=Path), help="LendingClub rows to apply")
    @click.option("--train", type=click.Path(path_type=Path), help="older rows to train on")
    @click.option(
        "--limit",
        default=DEFAULT_COUNT,
        show_default=True,
        type=click.IntRange(1, COUNT_MAX),
        help="how many debtors apply",
    )
    @click.option("--seed", default=DEFAULT_SEED, show_default=True, help="of everything drawn")
    @click.option("--exit", "ends", is_flag=True, help="end after the tables")
    @click.option(
        "--json",
        "json_path",
        type=click.Path(path_type=Path, dir_okay=False, writable=True),
        help="write the figures",
    )
    @click.pass_obj
    def demo(
        surroundings: Surroundings,
        *,
        applicants: Path | None,
        train: Path | None,
        limit: int,
        seed: int,
        ends: bool,
        json_path: Path | None,
    ) -> None:
        """Run the main job on simulated debtors, or on real figures, and leave the doors open.

        Exit codes: 0 the money agrees on four sides, 1 it does not, 2 a file cannot be used.
        """
        _refuse_production(surroundings.settings)
        _require_folder(json_path)
        crowd = _crowd(applicants, train, limit=limit, seed=seed)
        home = surroundings.settings.home
        home.mkdir(parents=True, exist_ok=True)
        with (
            (home / LOG_NAME).open("w", encoding="utf-8") as log,
            _ended_like_ctrl_c(),
            suppress(KeyboardInterrupt),
        ):
            logs.configure(stream=log)
            agree = _run(
                home,
                crowd,
                create_app,
                jobs,
                seed=seed,
                ends=ends,
                json_path=json_path,
            )
            if not agree:
                raise SystemExit(EXIT_MONEY_DIFFERS)

    return demo


def _run(
    home: Path,
    crowd: Crowd,
    create_app: Callable[[Surroundings], Flask],
    jobs: Sequence[Job],
    *,
    seed: int,
    ends: bool,
    json_path: Path | None,
) -> bool:
    console = Console()
    begun = time.monotonic()
    first_morning = month.first_morning if crowd.lives_on else story.first_morning
    clock = SetClock(first_morning(datetime.now(UTC), days=DAYS + 1))
    with stage.set_up(home, clock) as set_up:
        with Chapters(console) as chapters:
            told = _tell(set_up, crowd, create_app, jobs, seed=seed, told=chapters.told)
        _report(console, crowd, told, begun=begun, json_path=json_path)
        if not ends:
            doors.open_until_ctrl_c(console, set_up, told.story)
    return told.sides.agree and (told.month is None or told.month.agrees)


def _tell(
    set_up: Stage,
    crowd: Crowd,
    create_app: Callable[[Surroundings], Flask],
    jobs: Sequence[Job],
    *,
    seed: int,
    told: Callable[[str, int, int], None],
) -> Told:
    clock = set_up.clock
    told("model trained", 0, 1)
    model = training.train(crowd.training, crowd.spec, seed)
    told("model trained", 1, 1)
    with transaction() as session:
        team = found(session, at=clock.now())
        registry.publish(
            session,
            registry.register(session, model, by=team.risk, at=clock.now()),
            by=team.risk,
            at=clock.now(),
        )
    set_up.town.settle(crowd.people, as_of=clock.now().isoformat(), funding=CAPITAL)
    with (
        Crew(set_up.settings, clock.now(), log_path=str(set_up.settings.home / LOG_NAME)) as crew,
        stage.web_on(set_up, create_app),
    ):
        telling = Story(
            surroundings=set_up.surroundings,
            clock=clock,
            town=set_up.town,
            crew=crew,
            team=team,
            jobs=jobs,
            random=Random(seed),
            told=told,
        )
        _days(telling, crowd)
        with transaction() as session:
            sides = figures.four_sides(session, set_up.town)
        lived = month.live_through(telling) if crowd.lives_on else None
    return Told(story=telling, sides=sides, month=lived)


def _days(telling: Story, crowd: Crowd) -> None:
    first_day = business_day(telling.clock.now())
    share = -(-len(crowd.people) // PAYOUT_DAYS)
    for number in range(DAYS):
        today = first_day + timedelta(days=number)
        people = crowd.people[number * share : (number + 1) * share] if number < PAYOUT_DAYS else ()
        if people:
            story.working_day(telling, people, first=number * share)
        story.close_day(telling, today)


def _report(
    console: Console,
    crowd: Crowd,
    told: Told,
    *,
    begun: float,
    json_path: Path | None,
) -> None:
    telling, sides = told.story, told.sides
    with transaction() as session:
        lent = figures.lending(session, telling.applicants)
        paid = figures.payouts(session, unknown_at_first=len(telling.unknown_at_first))
    counts = {
        "referred": telling.referred,
        "applied": len(telling.applicants),
        "signed": telling.signed,
        "days signed by two persons": telling.days_signed,
    }
    seconds = round(time.monotonic() - begun, 1)
    tables.print_figures(console, crowd, counts=counts, lent=lent, paid=paid, sides=sides)
    if told.month is not None:
        tables.print_month(console, told.month)
    console.print(f"{seconds} s")
    if json_path is not None:
        found_figures: dict[str, Any] = {
            "source": crowd.source,
            "outcome": crowd.outcome,
            "notes": list(crowd.notes),
            "referred": telling.referred,
            "applied": len(telling.applicants),
            "signed": telling.signed,
            "days_signed": telling.days_signed,
            **figures.as_mapping(sides, lent, paid),
            **({} if told.month is None else {"month": told.month.as_mapping()}),
            "seconds": seconds,
        }
        json_path.write_text(
            json.dumps(found_figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
        )


def _crowd(applicants: Path | None, train: Path | None, *, limit: int, seed: int) -> Crowd:
    year_now = datetime.now(UTC).year
    if applicants is None:
        if train is not None:
            raise click.UsageError("--train goes with --applicants")
        return crowds.simulated(seed=seed, count=limit, year_now=year_now)
    try:
        return crowds.of_lendingclub(
            applicants, train=train, limit=limit, seed=seed, year_now=year_now
        )
    except (lendingclub.ApplicantsFaulty, TrainingFileFaulty, training.NotTrainable) as fault:
        click.echo(f"{type(fault).__name__}: {fault}", err=True)
        raise SystemExit(EXIT_INPUT) from None


def _require_folder(json_path: Path | None) -> None:
    """See before the story is told that its figures can be written."""
    if json_path is not None and not json_path.parent.is_dir():
        raise click.UsageError(f"--json: there is no folder {json_path.parent.name}")


def _refuse_production(settings: Settings) -> None:
    if settings.is_production:
        raise click.UsageError("the demo runs on a clock of its own, which production refuses")


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM end the demo the same way as Ctrl-C: everything started is stopped."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
