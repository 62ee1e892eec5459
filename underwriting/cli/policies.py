"""Commands about lending policies."""

from __future__ import annotations

from pathlib import Path

import click

from kernel.clock import business_day
from kernel.surroundings import Surroundings
from underwriting import policy
from underwriting.cli.faults import content, told_as_exit_codes
from underwriting.cli.printing import as_json_option, file_argument, show
from underwriting.policy import Policy


@click.group("policy")
def policy_group() -> None:
    """Show and check lending policies."""


@policy_group.command("show")
@click.argument("version", required=False)
@as_json_option
@click.pass_obj
def policy_show(surroundings: Surroundings, *, version: str | None, as_json: bool) -> None:
    """Show the policy of VERSION, or the one in force."""
    with told_as_exit_codes():
        found = (
            policy.load(version)
            if version
            else policy.in_force(business_day(surroundings.clock.now()))
        )
    _show_policy(found, as_json=as_json)


@policy_group.command("check")
@file_argument
@as_json_option
def policy_check(*, file: Path, as_json: bool) -> None:
    """Read the policy in FILE as strictly as it would be read in service."""
    with told_as_exit_codes():
        found = policy.parse(content(file))
    _show_policy(found, as_json=as_json)


def _show_policy(found: Policy, *, as_json: bool) -> None:
    show(
        {
            "version": found.version,
            "in_force": found.in_force.isoformat(),
            "sha256": found.sha256,
            "bands": [
                f"{band.name}: PD to {band.pd_max}, {band.annual_rate} % a year, "
                f"{band.income_multiple} monthly incomes"
                for band in found.bands
            ],
        },
        as_json=as_json,
    )
