"""Commands that show what waits for a person and what was spent on approvals at random."""

from __future__ import annotations

import click

from kernel import db
from kernel.surroundings import Surroundings
from underwriting import exploration, review_queue
from underwriting.cli.printing import as_json_option, show, spell_json

EXIT_OVERDUE = 31
"""Something is overdue; the queue is printed all the same."""


@click.command("reviews")
@as_json_option
@click.pass_obj
def reviews_command(surroundings: Surroundings, *, as_json: bool) -> None:
    """Show how reviews stand and what waits for a person. Exit code 31 when something is overdue."""
    at = surroundings.clock.now()
    with db.transaction() as session:
        standing = review_queue.standing(session, at=at)
        waiting = review_queue.queue(session, at=at)
    told = {
        "open": standing.open,
        "overdue": standing.overdue,
        "answered": standing.answered,
        "in_time": standing.in_time,
        "median_hours": None if standing.median_hours is None else str(standing.median_hours),
        "share_in_time": None if standing.share_in_time is None else str(standing.share_in_time),
    }
    rows = [
        {
            "assessment": str(each.assessment_id),
            "cause": each.cause.value,
            "hours": str(each.hours),
            "due_at": None if each.due_at is None else each.due_at.isoformat(),
            "overdue": each.is_overdue,
            "proposed": None if each.proposed is None else each.proposed.value,
        }
        for each in waiting
    ]
    if as_json:
        click.echo(spell_json({**told, "queue": rows}))
    else:
        show(told, as_json=False)
        for row in rows:
            click.echo(", ".join(f"{key} {value}" for key, value in row.items()))
    if standing.overdue:
        raise SystemExit(EXIT_OVERDUE)


@click.command("exploration")
@click.option("--months", type=click.IntRange(1, 120), default=12, show_default=True)
@as_json_option
def exploration_command(*, months: int, as_json: bool) -> None:
    """Show what the approvals at random of the last months came to."""
    with db.transaction() as session:
        spent = exploration.spent(session, months=months)
    rows = [
        {
            "month": each.month.isoformat(),
            "drawn": each.drawn,
            "granted": each.granted,
            "principal": str(each.principal),
            "loss": str(each.loss),
        }
        for each in spent
    ]
    if as_json:
        click.echo(spell_json({"months": rows}))
        return
    for row in rows or [{"months": "none"}]:
        show(row, as_json=False)
