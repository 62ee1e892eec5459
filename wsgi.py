"""The composition root: the one place that knows every floor, and decides nothing.

`create_app` makes the web application, `JOBS` lists what runs in the background, `main` is the
command line.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Final

import click
from flask import Flask

import demo.command
import sandbox.serve
from disbursement import audit_cli, checking, collection_cli, credit_cli, reconciliation_cli
from disbursement import cli as disbursement_cli
from disbursement.end_of_day_cli import end_of_day_command
from disbursement.end_of_day_jobs import JOBS as END_OF_DAY_JOBS
from disbursement.jobs import JOBS as DISBURSEMENT_JOBS
from disbursement.reconciliation_jobs import JOBS as RECONCILIATION_JOBS
from disbursement.restore_cli import restore as restore_group
from disbursement.schedule_cli import schedule as schedule_group
from disbursement.web import console as finance
from disbursement.web import letter_pages, notices
from kernel import commands, config, db, housekeeping, jobs, logs, sealing
from kernel.clock import SystemClock
from kernel.config import Settings
from kernel.database import DatabaseBehind, open_database
from kernel.embedded import EmbeddedDatabaseUnavailable
from kernel.jobs import Job
from kernel.surroundings import Surroundings, build
from kernel.version import VERSION
from kernel.web import serving
from kernel.web.application import described, make_app
from kernel.web.around import Doors
from origination.agency_cli import agency as agency_group
from origination.application_cli import application as application_group
from origination.application_jobs import JOBS as APPLICATION_JOBS
from origination.front_jobs import JOBS as FRONT_JOBS
from origination.referral_cli import import_referrals
from origination.web import agency_api, debtor_pages, parked_pages
from underwriting import cli as underwriting_cli
from underwriting.jobs import JOBS as UNDERWRITING_JOBS
from underwriting.web import console as risk

JOBS: Final[tuple[Job, ...]] = (
    *FRONT_JOBS,
    *APPLICATION_JOBS,
    *DISBURSEMENT_JOBS,
    *END_OF_DAY_JOBS,
    *RECONCILIATION_JOBS,
    *UNDERWRITING_JOBS,
    *housekeeping.JOBS,
)
DOORS: Final = Doors(
    homes={**finance.HOMES, **risk.HOMES, **parked_pages.HOMES},
    debtor_entry=debtor_pages.ENTRY,
)
EXIT_CONFIG: Final = 78
"""The settings or the database they name cannot be used (EX_CONFIG of sysexits.h)."""


def create_app(surroundings: Surroundings | None = None) -> Flask:
    """Make the web application with every door in it."""
    app = make_app(surroundings or surround(config.read(os.environ)), DOORS)
    described(app).register_blueprint(agency_api.blueprint)
    for blueprint in (
        debtor_pages.blueprint,
        finance.blueprint,
        risk.blueprint,
        parked_pages.blueprint,
        notices.blueprint,
        letter_pages.blueprint,
    ):
        app.register_blueprint(blueprint)
    risk.lead_to(app, parked_pages.SECTION)
    return app


def surround(settings: Settings) -> Surroundings:
    """Bind database, keys and logs of this process, and give what its edges need."""
    logs.configure()
    sealing.bind(sealing.Keyring(settings.seal_keys, settings.index_key))
    db.bind_when_needed(lambda: open_database(settings))
    return build(settings, SystemClock())


@click.group()
@click.version_option(VERSION, message="%(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Daichang: pay a delinquent card's debt to its issuer and book a loan that costs less."""
    if context.obj is None:
        context.obj = surround(config.read(os.environ))


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8900, show_default=True)
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 32))
@click.pass_obj
def run(surroundings: Surroundings, host: str, port: int, workers: int) -> None:
    """Serve the web: agencies, debtors, finance and risk."""
    serving.serve(lambda: create_app(surroundings), host=host, port=port, workers=workers)


@cli.command()
@click.pass_obj
def scheduler(surroundings: Surroundings) -> None:
    """Run the jobs in the background; a second one takes over when the first ends."""
    jobs.run_forever(JOBS, surroundings)


@cli.command("sandbox")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8901, show_default=True)
@click.pass_obj
def sandbox_command(surroundings: Surroundings, host: str, port: int) -> None:
    """Play the outside world on loopback; production refuses it."""
    if surroundings.settings.is_production:
        raise click.UsageError("production has real partners, no sandbox")
    sandbox.serve.main(host, port, key=surroundings.settings.partner_key)


@cli.command()
@click.pass_obj
def openapi(surroundings: Surroundings) -> None:
    """Print what the API says of itself."""
    described_api = described(create_app(surroundings)).spec.to_dict()
    click.echo(json.dumps(described_api, ensure_ascii=False, indent=2))


for command in (
    demo.command.command(create_app, JOBS),
    commands.doctor_command(checking.check_books),
    commands.db_group,
    agency_group,
    application_group,
    import_referrals,
    *underwriting_cli.COMMANDS,
    schedule_group,
    end_of_day_command,
    disbursement_cli.pay,
    disbursement_cli.approve,
    disbursement_cli.payout,
    *collection_cli.COMMANDS,
    credit_cli.credit_report,
    audit_cli.audit,
    audit_cli.letter,
    restore_group,
    reconciliation_cli.statement,
    reconciliation_cli.reconcile,
    reconciliation_cli.sign_off,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line; a faulty environment is told whole and ends with code 78."""
    try:
        cli()
    except config.ConfigFaults as faults:
        for fault in faults.faults:
            click.echo(f"settings: {fault}", err=True)
        sys.exit(EXIT_CONFIG)
    except (DatabaseBehind, EmbeddedDatabaseUnavailable) as unusable:
        click.echo(f"database: {unusable}", err=True)
        sys.exit(EXIT_CONFIG)


if __name__ == "__main__":
    main()
