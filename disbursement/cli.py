"""The operator's commands for payouts: run the loops once, approve, list and look after legs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, or_, select

from disbursement import (
    approvals,
    batch_sending,
    contradictions,
    funders,
    payouts,
    positions,
    sending,
    terminal,
)
from disbursement.records.channels import Verdict
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel.db import transaction
from kernel.money import Money, NotAnAmount
from kernel.surroundings import Surroundings

EXIT_NEEDS_A_PERSON: Final = 1
LIST_MAX: Final = 1_000


@click.command("pay")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
@click.pass_obj
def pay(surroundings: Surroundings, *, as_json: bool) -> None:
    """Send what is approved, ask about what is undecided, check what was cleared; once.

    Exit code 1 when a payout is parked or the channel contradicted itself: a person must look.
    """
    did = {
        "sent": sending.send_due(surroundings) + batch_sending.send_due(surroundings),
        "asked": batch_sending.ask_due(surroundings) + sending.query_due(surroundings),
        "cleared": sending.check_due(surroundings),
    }
    with transaction() as session:
        troubled = session.scalar(
            select(func.count())
            .select_from(PayoutLeg)
            .where(or_(PayoutLeg.parked, PayoutLeg.contradicted_at.is_not(None)))
        )
    did["need_a_person"] = troubled or 0
    if as_json:
        click.echo(json.dumps(did))
    else:
        for name, count in did.items():
            click.echo(f"{name.replace('_', ' ')}: {count}")
    if troubled:
        raise SystemExit(EXIT_NEEDS_A_PERSON)


@click.command("approve")
@click.argument("leg_id", type=click.UUID)
@click.option("--as", "login", required=True, help="your login; the password is asked for")
@click.pass_obj
def approve(surroundings: Surroundings, leg_id: UUID, login: str) -> None:
    """Give your approval to the payout LEG_ID. Exit code 3 when it is refused."""
    at = surroundings.clock.now()
    with terminal.refusals_told():
        by = terminal.person(login, at=at)
        with transaction() as session:
            status = approvals.approve(session, leg_id, by=by, at=at).status
    click.echo(status)


@click.group("payout")
def payout() -> None:
    """Payouts: list them, approve them, look after the ones that stopped."""


payout.add_command(approve)


@payout.command("list")
@click.option("--status", type=click.Choice([status.value for status in LegStatus]))
@click.option("--parked", is_flag=True, help="only those that wait for a person")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, LIST_MAX))
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def list_(status: str | None, *, parked: bool, limit: int, as_json: bool) -> None:
    """List payouts, the newest first. Card numbers are shown masked."""
    wanted = select(PayoutLeg).order_by(PayoutLeg.txn_time.desc().nulls_first(), PayoutLeg.id)
    if status is not None:
        wanted = wanted.where(PayoutLeg.status == LegStatus(status))
    if parked:
        wanted = wanted.where(PayoutLeg.parked)
    with transaction() as session:
        rows = [_row(leg) for leg in session.scalars(wanted.limit(limit))]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
    else:
        _print(rows)


@payout.command("unpark")
@click.argument("leg_id", type=click.UUID)
@click.option("--as", "login", required=True, help="your login; the password is asked for")
@click.pass_obj
def unpark(surroundings: Surroundings, leg_id: UUID, login: str) -> None:
    """Let the loops try the parked payout LEG_ID again. Exit code 3 when it is refused."""
    at = surroundings.clock.now()
    with terminal.refusals_told():
        by = terminal.person(login, at=at)
        with transaction() as session:
            payouts.unpark(session, leg_id, by=by, at=at)
    click.echo("unparked")


@payout.command("succeed")
@click.argument("leg_id", type=click.UUID)
@click.option("--as", "login", required=True, help="your login; the password is asked for")
@click.pass_obj
def succeed(surroundings: Surroundings, leg_id: UUID, login: str) -> None:
    """Plan a new payout after the failed or returned LEG_ID. Exit code 3 when it is refused."""
    at = surroundings.clock.now()
    with terminal.refusals_told():
        by = terminal.person(login, at=at)
        with transaction() as session:
            successor_id = payouts.succeed_leg(session, leg_id, by=by, at=at).id
    click.echo(successor_id)


@payout.command("opening")
@click.argument("funder_code")
@click.argument("amount")
@click.option("--as", "login", required=True, help="your login; the password is asked for")
@click.pass_obj
def opening(surroundings: Surroundings, funder_code: str, amount: str, login: str) -> None:
    """State that AMOUNT yuan lay on FUNDER_CODE's account before the books begin.

    Exit code 3 when it is refused.
    """
    at = surroundings.clock.now()
    with terminal.refusals_told():
        by = terminal.person(login, at=at)
        with transaction() as session:
            position = positions.state_opening(
                session, funders.get(session, funder_code), _yuan(amount), by=by, at=at
            )
            free = positions.free(position)
    click.echo(f"free: {free}")


@payout.command("float")
@click.argument("funder_code")
@click.option("--as", "login", required=True, help="your login; the password is asked for")
@click.pass_obj
def keep_as_float(surroundings: Surroundings, funder_code: str, login: str) -> None:
    """Say that FUNDER_CODE pays in beforehand: its account may not go below zero in the books.

    Exit code 3 when it is refused.
    """
    at = surroundings.clock.now()
    with terminal.refusals_told():
        by = terminal.person(login, at=at)
        with transaction() as session:
            funder = funders.get(session, funder_code)
            positions.keep_as_float(session, funder, by=by, at=at)
    click.echo(f"{funder_code}: not below zero")


@payout.command("rule")
@click.argument("leg_id", type=click.UUID)
@click.option("--verdict", required=True, type=click.Choice([one.value for one in Verdict]))
@click.option("--reason", required=True, help="what you found out, and from whom")
@click.option("--as", "login", required=True, help="your login; the password is asked for")
@click.pass_obj
def rule(
    surroundings: Surroundings, leg_id: UUID, verdict: str, *, reason: str, login: str
) -> None:
    """Say what the payout LEG_ID came to after the channel contradicted itself.

    It is carried out when another person says the same. Exit code 3 when it is refused.
    """
    at = surroundings.clock.now()
    with terminal.refusals_told():
        by = terminal.person(login, at=at)
        with transaction() as session:
            is_decided = contradictions.rule(
                session, leg_id, verdict=Verdict(verdict), reason=reason, by=by, at=at
            )
    click.echo("decided" if is_decided else "kept; another person must say the same")


def _yuan(text: str) -> Money:
    try:
        return Money.yuan(text)
    except NotAnAmount as fault:
        raise click.BadParameter(str(fault)) from None


def _row(leg: PayoutLeg) -> dict[str, str]:
    amount = leg.amount if leg.amount is not None else leg.ceiling
    return {
        "id": str(leg.id),
        "status": leg.status.value + (" (parked)" if leg.parked else ""),
        "card": leg.card_masked,
        "amount": str(amount),
        "order_no": leg.order_no or "",
        "code": leg.code or "",
    }


def _print(rows: Sequence[dict[str, str]]) -> None:
    table = Table("payout", "status", "card", "amount", "order number", "code")
    for row in rows:
        table.add_row(*row.values())
    Console().print(table)
