"""The operator's commands for money that comes in: collections and debtors' transfers.

Exit codes: 0 done; 1 a person must look; 2 the command was not understood; 3 refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import func, or_, select

from disbursement import debit_orders, debiting, debits, incoming_transfers, terminal
from disbursement.records.debits import DebitOrder, DebitStatus, IncomingTransfer
from kernel.db import transaction
from kernel.surroundings import Surroundings

EXIT_NEEDS_A_PERSON: Final = 1
LIST_MAX: Final = 1_000


def _as_person(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--as", "login", required=True, help="Your login; the password is asked for."
    )(command)


@click.group("collect", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def collect(context: click.Context, *, as_json: bool) -> None:
    """Plan what is due, send it, ask what is undecided; once. Or look after collections.

    Exit code 1 when a collection is parked or the channel contradicted itself: a person must look.
    """
    if context.invoked_subcommand is not None:
        return
    surroundings: Surroundings = context.obj
    did = {
        "planned": debiting.plan_due(surroundings),
        "sent": debiting.send_due(surroundings),
        "asked": debiting.query_due(surroundings),
    }
    with transaction() as session:
        troubled = session.scalar(
            select(func.count())
            .select_from(DebitOrder)
            .where(or_(DebitOrder.parked, DebitOrder.contradicted_at.is_not(None)))
        )
    did["need_a_person"] = troubled or 0
    if as_json:
        click.echo(json.dumps(did))
    else:
        for name, count in did.items():
            click.echo(f"{name.replace('_', ' ')}: {count}")
    if troubled:
        raise SystemExit(EXIT_NEEDS_A_PERSON)


@collect.command("list")
@click.option("--status", type=click.Choice([status.value for status in DebitStatus]))
@click.option("--parked", is_flag=True, help="Only those that wait for a person.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, LIST_MAX))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(status: str | None, *, parked: bool, limit: int, as_json: bool) -> None:
    """List collections, the newest first. Card numbers are shown masked."""
    wanted = select(DebitOrder).order_by(DebitOrder.txn_time.desc().nulls_first(), DebitOrder.id)
    if status is not None:
        wanted = wanted.where(DebitOrder.status == DebitStatus(status))
    if parked:
        wanted = wanted.where(DebitOrder.parked)
    with transaction() as session:
        rows = [_of_debit(order) for order in session.scalars(wanted.limit(limit))]
    _show(rows, as_json=as_json)


@collect.command("unpark")
@click.argument("debit_id", type=click.UUID)
@_as_person
@click.pass_obj
def unpark(surroundings: Surroundings, debit_id: UUID, *, login: str) -> None:
    """Let the loops go on with the parked collection DEBIT_ID. Exit code 3 when refused."""
    with terminal.acting(login, at=surroundings.clock.now()) as (session, by, at):
        debit_orders.unpark(session, debit_id, by=by, at=at)
    click.echo("unparked")


@collect.command("cancel")
@click.argument("debit_id", type=click.UUID)
@click.option("--reason", required=True, help="Why; it is kept.")
@_as_person
@click.pass_obj
def cancel(surroundings: Surroundings, debit_id: UUID, *, reason: str, login: str) -> None:
    """Call off the collection DEBIT_ID, of which nothing was sent. Exit code 3 when refused."""
    with terminal.acting(login, at=surroundings.clock.now()) as (session, by, at):
        debit_orders.require_finance(by)
        debit_orders.cancel(session, debit_id, reason=reason, by=by, at=at)
    click.echo("called off")


@collect.command("rebook")
@click.argument("debit_id", type=click.UUID)
@_as_person
@click.pass_obj
def rebook(surroundings: Surroundings, debit_id: UUID, *, login: str) -> None:
    """Book on its loan the collection DEBIT_ID that stands in suspense. Exit code 3 when refused."""
    with terminal.acting(login, at=surroundings.clock.now()) as (session, by, at):
        is_aside = debits.rebook(session, debit_id, by=by, at=at).in_suspense
    click.echo("still in suspense" if is_aside else "booked")


@click.group("transfer")
def transfer() -> None:
    """Transfers of debtors whose reference names no loan."""


@transfer.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_transfers(*, as_json: bool) -> None:
    """List the transfers that are nobody's yet. Exit code 1 when there is one."""
    with transaction() as session:
        rows = [_of_transfer(one) for one in incoming_transfers.waiting(session)]
    _show(rows, as_json=as_json)
    if rows:
        raise SystemExit(EXIT_NEEDS_A_PERSON)


@transfer.command("propose")
@click.argument("transfer_id", type=click.UUID)
@click.option("--loan", "loan_id", required=True, type=click.UUID, help="Whose it is.")
@_as_person
@click.pass_obj
def propose(surroundings: Surroundings, transfer_id: UUID, *, loan_id: UUID, login: str) -> None:
    """Say whose the transfer TRANSFER_ID is; another person has to agree. Exit code 3 if refused."""
    with terminal.acting(login, at=surroundings.clock.now()) as (session, by, at):
        incoming_transfers.propose(session, transfer_id, loan_id=loan_id, by=by, at=at)
    click.echo("proposed; another person agrees")


@transfer.command("consent")
@click.argument("transfer_id", type=click.UUID)
@_as_person
@click.pass_obj
def consent(surroundings: Surroundings, transfer_id: UUID, *, login: str) -> None:
    """Agree whose the transfer TRANSFER_ID is, and book it. Exit code 3 when refused."""
    with terminal.acting(login, at=surroundings.clock.now()) as (session, by, at):
        incoming_transfers.consent(session, transfer_id, by=by, at=at)
    click.echo("booked")


@transfer.command("turn-down")
@click.argument("transfer_id", type=click.UUID)
@_as_person
@click.pass_obj
def turn_down(surroundings: Surroundings, transfer_id: UUID, *, login: str) -> None:
    """Disagree whose the transfer TRANSFER_ID is. Exit code 3 when refused."""
    with terminal.acting(login, at=surroundings.clock.now()) as (session, by, at):
        incoming_transfers.turn_down(session, transfer_id, by=by, at=at)
    click.echo("turned down")


COMMANDS: Final = (collect, transfer)


def _of_debit(order: DebitOrder) -> dict[str, str]:
    amount = order.requested if order.amount is None else order.amount
    return {
        "id": str(order.id),
        "loan": str(order.loan_id),
        "status": order.status.value + (" (parked)" if order.parked else ""),
        "purpose": order.purpose.value,
        "card": order.card_masked,
        "amount": str(amount),
        "order_no": order.order_no or "",
        "code": order.code or "",
    }


def _of_transfer(one: IncomingTransfer) -> dict[str, str]:
    return {
        "id": str(one.id),
        "day": str(one.day),
        "amount": str(one.amount),
        "reference": one.reference,
        "status": one.status.value,
        "loan": "" if one.loan_id is None else str(one.loan_id),
    }


def _show(rows: Sequence[dict[str, str]], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    if not rows:
        return
    table = Table(*rows[0], box=None)
    for row in rows:
        table.add_row(*map(escape, row.values()))
    Console(soft_wrap=True).print(table)
