"""Commands for applications that wait for a person: list what is parked, release, assess anew."""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import UUID

import click

from disbursement import terminal
from kernel.clock import SHANGHAI
from kernel.db import transaction
from kernel.surroundings import Surroundings
from origination import applicants, deciding, parking
from origination.parking import ParkedApplication
from underwriting import anew, assessments
from underwriting.anew import NotBeforeAPerson


@click.group()
def application() -> None:
    """Applications that wait for a person: what is parked, and assessing anew."""


@application.command("list-parked")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def list_parked(*, as_json: bool) -> None:
    """List the parked applications and what stood in the way of each."""
    with transaction() as session:
        rows = [_row(each) for each in parking.listed(session)]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo(", ".join(f"{name} {value}" for name, value in row.items() if value))
    click.echo(f"{len(rows)} parked")


@application.command("unpark")
@click.argument("application_ids", type=click.UUID, nargs=-1, required=True)
@click.option("--as", "login", required=True, help="your login; the password is asked for")
@click.pass_obj
def unpark(surroundings: Surroundings, application_ids: Sequence[UUID], *, login: str) -> None:
    """Have parked applications assessed again: all that are named, or none.

    Exit code 3 when it is refused.
    """
    with terminal.acting(login, at=surroundings.clock.now()) as (session, by, at):
        for application_id in dict.fromkeys(application_ids):
            found = applicants.get(session, application_id)
            deciding.unpark(session, found, by=by, at=at)
    click.echo("unparked")


@application.command("assess-anew")
@click.argument("application_id", type=click.UUID)
@click.option("--reason", required=True, help="what has changed; it is kept")
@click.option("--as", "login", required=True, help="your login; the password is asked for")
@click.pass_obj
def assess_anew(
    surroundings: Surroundings, application_id: UUID, *, reason: str, login: str
) -> None:
    """Have an application in review assessed anew. Exit code 3 when it is refused."""
    with terminal.acting(login, at=surroundings.clock.now()) as (session, by, at):
        found = applicants.get(session, application_id)
        if found.assessment_id is None:
            raise NotBeforeAPerson()
        kept = assessments.get(session, found.assessment_id)
        anew.ask(session, kept, reason=reason, by=by, at=at)
        left = anew.left(session, kept, at=at)
    click.echo(f"it will be assessed anew; {left} more allowed")


def _row(parked: ParkedApplication) -> dict[str, str | int]:
    at = parked.parked_at
    return {
        "application": str(parked.id),
        "cause": parked.obstacle.cause.value,
        "source": parked.obstacle.source,
        "parked_at": "" if at is None else at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        "tries": parked.tries,
    }
