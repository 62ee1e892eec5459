"""The operator's commands after a backup was restored: freeze payouts, and let them go on.

Exit codes: 0 done; 2 the command was not understood; 3 refused.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import click

from disbursement import restoring, terminal
from kernel.clock import SHANGHAI
from kernel.db import transaction
from kernel.surroundings import Surroundings

_TIME: Final = click.DateTime(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"])


@click.group("restore")
def restore() -> None:
    """Come back after a backup was put in the place of a lost database."""


@restore.command("begin")
@click.option("--lost-from", type=_TIME, required=True, help="When the backup was made.")
@click.option("--lost-until", type=_TIME, help="When the database was lost; now if left out.")
@click.option("--as", "login", required=True, help="Your login; the password is asked for.")
@click.pass_obj
def begin(
    surroundings: Surroundings, lost_from: datetime, lost_until: datetime | None, login: str
) -> None:
    """Freeze payouts and collections until the channel has told what was sent in the lost time.

    Times are Shanghai's. Run it before any other process is started.
    """
    at = surroundings.clock.now()
    with terminal.refusals_told():
        by = terminal.person(login, at=at)
        with transaction() as session:
            freeze = restoring.begin(
                session,
                lost_from=lost_from.replace(tzinfo=SHANGHAI),
                lost_until=at if lost_until is None else lost_until.replace(tzinfo=SHANGHAI),
                by=by,
                at=at,
            )
            days = [str(day) for day in restoring.days_of(freeze)]
    click.echo(f"frozen until the settlement files of {', '.join(days)} are there")


@restore.command("end")
@click.option("--as", "login", required=True, help="Your login; the password is asked for.")
@click.pass_obj
def end(surroundings: Surroundings, login: str) -> None:
    """Take back what the files name, and let payouts go on; another person than froze them."""
    at = surroundings.clock.now()
    with terminal.refusals_told():
        by = terminal.person(login, at=at)
        with transaction() as session:
            recovered = restoring.end(session, by=by, at=at)
    click.echo(f"{recovered.legs} payouts recovered; payouts go on")
