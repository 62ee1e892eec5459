"""Commands that put models into service and take them out of it."""

from __future__ import annotations

import click

from kernel import db
from kernel.actors import COMMAND_LINE
from kernel.surroundings import Surroundings
from underwriting.cli.faults import told_as_exit_codes
from underwriting.models import registry


@click.command("publish")
@click.argument("model")
@click.option("--reason", default="", help="why, for the record")
@click.pass_obj
def publish_command(surroundings: Surroundings, *, model: str, reason: str) -> None:
    """Put MODEL into service and retire the one before it; also brings an earlier one back."""
    with told_as_exit_codes(), db.transaction() as session:
        record = registry.find(session, model)
        registry.publish(
            session, record, by=COMMAND_LINE, at=surroundings.clock.now(), reason=reason
        )
    click.echo(f"{model} is in service")
