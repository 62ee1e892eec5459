"""Commands about lending policies."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from kernel import clock
from kernel.clock import business_day
from kernel.db import transaction
from kernel.surroundings import Surroundings
from underwriting import backtests, policy
from underwriting.backtests import Backtest, Span
from underwriting.cli.faults import content, told_as_exit_codes
from underwriting.cli.printing import as_json_option, file_argument, show, spell_json
from underwriting.comparing import LARGEST_MAX, Tally
from underwriting.policy import Policy


@click.group("policy")
def policy_group() -> None:
    """Show, check and compare lending policies."""


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


@policy_group.command("diff")
@click.argument("old")
@click.argument("new")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="only assessments from this day on"
)
@click.option(
    "--limit",
    type=click.IntRange(0, LARGEST_MAX),
    default=20,
    show_default=True,
    help="how many of the largest changes are listed",
)
@as_json_option
@click.pass_obj
def policy_diff(
    surroundings: Surroundings,
    *,
    old: str,
    new: str,
    since: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """Decide every stored dossier under OLD and NEW and tell who changes, and by how much.

    OLD and NEW are versions, or policy files that are not in service yet. Scores are those stored
    with the dossiers, so no model is needed; nothing is written.
    """
    with told_as_exit_codes():
        backtest = Backtest(old=_policy(old), new=_policy(new), tally=Tally(largest=limit))
    span = Span(
        since=None if since is None else clock.shanghai(since.date()),
        until=surroundings.clock.now(),
    )
    _run(backtest, span)
    if as_json:
        click.echo(spell_json(backtest.to_plain()))
    else:
        _show_backtest(backtest)


def _policy(named: str) -> Policy:
    """Take a version of ours, or a file's path."""
    path = Path(named)
    return policy.parse(content(path)) if path.suffix == ".toml" else policy.load(named)


def _run(backtest: Backtest, span: Span) -> None:
    with transaction() as session:
        total = backtests.count(session, span)
        backtest.bounds = backtests.bounds_of_models(session)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("dossiers", total=total)
        after = None
        while True:
            with transaction() as session:
                read = backtests.page(session, span, after=after)
            if not read:
                return
            for stored in read:
                backtest.add(stored)
                progress.advance(task)
            after = read[-1].assessment_id


def _show_backtest(backtest: Backtest) -> None:
    told = backtest.to_plain()
    show(
        {
            "policies": f"{told['old']} -> {told['new']}",
            "dossiers compared": told["compared"],
            "changed": told["changed"],
            "changed in": told["changed_in"],
            "not compared": {
                "unreadable": told["unreadable"],
                "without a stored score": told["without_score"],
            },
            "compared without": {
                "a stored bound": told["without_bound"],
                "stored factors": told["without_factors"],
            },
            "price": told["price"],
        },
        as_json=False,
    )
    console = Console()
    for table in (_outcomes(told), _amounts(told), _reasons(told), _largest(told)):
        if table.row_count:
            console.print(table)


def _outcomes(told: dict[str, Any]) -> Table:
    table = Table("outcome before", "after", "dossiers", title="Outcomes")
    for row in told["outcomes"]:
        table.add_row(row["before"], row["after"], str(row["dossiers"]))
    return table


def _amounts(told: dict[str, Any]) -> Table:
    names = ("sum_before", "sum_after", "raised", "raised_by", "lowered", "lowered_by")
    table = Table("amount", *(name.replace("_", " ") for name in names), title="Amounts in yuan")
    for amount in ("limit", "principal", "interest"):
        table.add_row(amount, *(str(told[amount][name]) for name in names))
    return table


def _reasons(told: dict[str, Any]) -> Table:
    table = Table("reason", "gained", "lost", title="Reasons")
    for row in told["reasons"]:
        table.add_row(row["reason"], str(row["gained"]), str(row["lost"]))
    return table


def _largest(told: dict[str, Any]) -> Table:
    table = Table("assessment", "loan changes by", "before", "after", title="Largest changes")
    for row in told["largest"]:
        table.add_row(
            row["assessment"], row["principal_by"], _side(row["before"]), _side(row["after"])
        )
    return table


def _side(side: dict[str, Any]) -> str:
    terms = (
        f" {side['principal']} at {side['annual_rate_percent']} % for {side['months']} months"
        if side["months"] is not None
        else ""
    )
    return f"{side['outcome']}{terms} (limit {side['limit']})"


def _show_policy(found: Policy, *, as_json: bool) -> None:
    told: dict[str, Any] = {
        "version": found.version,
        "in_force": found.in_force.isoformat(),
        "sha256": found.sha256,
        "bands": [
            f"{band.name}: PD to {band.pd_max}, {band.annual_rate} % a year"
            + ("" if band.income_multiple is None else f", {band.income_multiple} monthly incomes")
            for band in found.bands
        ],
    }
    if found.added is not None:
        told |= {
            "cells": [
                f"{cell.name}: upper bound to {cell.bound_max}, "
                f"{cell.income_multiple} monthly incomes"
                for cell in found.added.cells
            ],
            "fraud": [
                f"{rule.name}: {rule.figure.value} above {rule.more_than}, {rule.action.value}"
                for rule in found.added.fraud
            ],
            "cards": found.added.cards.value,
        }
    if found.review is not None:
        told["review"] = f"within {found.review.hours} hours"
    show(told, as_json=as_json)
