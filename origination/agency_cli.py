"""The commands that open the door to an agency: register it, give it a key, take one back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from kernel.actors import COMMAND_LINE
from kernel.db import transaction
from kernel.refusals import Refused
from kernel.surroundings import Surroundings
from kernel.web import signing
from origination import agencies, agency_statements


@click.group()
def agency() -> None:
    """Register agencies and issue the keys they sign their requests with."""


@agency.command()
@click.argument("code")
@click.argument("name")
@click.pass_obj
def add(surroundings: Surroundings, *, code: str, name: str) -> None:
    """Register an agency under a short code."""
    try:
        with transaction() as session:
            agencies.register(
                session, code=code, name=name, by=COMMAND_LINE, at=surroundings.clock.now()
            )
    except Refused as refusal:
        raise click.ClickException(f"{refusal.title}. {refusal.detail}") from None
    click.echo(f"agency {code} is registered")


@agency.command()
@click.argument("code")
@click.pass_obj
def key(surroundings: Surroundings, *, code: str) -> None:
    """Issue a signing key; the secret is shown this once."""
    try:
        with transaction() as session:
            found = agencies.by_code(session, code)
            issued = signing.issue_key(
                session, owner=found.id, by=COMMAND_LINE, at=surroundings.clock.now()
            )
    except Refused as refusal:
        raise click.ClickException(f"{refusal.title}. {refusal.detail}") from None
    click.echo(f"X-Agency-Key: {issued.name}\nsecret:       {issued.secret}")


@agency.command()
@click.argument("key_name")
@click.pass_obj
def revoke(surroundings: Surroundings, *, key_name: str) -> None:
    """Revoke a signing key at once."""
    with transaction() as session:
        signing.revoke_key(session, key_name, by=COMMAND_LINE, at=surroundings.clock.now())
    click.echo(f"key {key_name} is revoked")


@agency.command()
@click.argument("code")
@click.option(
    "--month",
    required=True,
    type=click.DateTime(formats=["%Y-%m"]),
    help="the month, such as 2026-11",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="write it to a file")
def statement(*, code: str, month: datetime, out: Path | None) -> None:
    """Write what an agency earned and gave back in a month, as CSV that it may be sent."""
    try:
        with transaction() as session:
            found = agencies.by_code(session, code)
            made = agency_statements.of_month(session, found, month=month.date())
    except Refused as refusal:
        raise click.ClickException(f"{refusal.title}. {refusal.detail}") from None
    sheet = agency_statements.as_csv(made)
    if out is None:
        click.echo(sheet, nl=False)
    else:
        out.write_text(sheet, encoding="utf-8")
        click.echo(f"{len(made.earned)} fees, {made.closing} yuan owed after the month: {out}")
