"""Commands that put models into service, let them challenge, and take them out again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click
from sqlalchemy.orm import Session

from disbursement import terminal
from kernel import db
from kernel.actors import COMMAND_LINE, Actor
from kernel.surroundings import Surroundings
from underwriting import evidence, promotions, routing, shadowing, shares
from underwriting.cli.faults import told_as_exit_codes
from underwriting.cli.printing import as_json_option, show
from underwriting.evidence import Evidence
from underwriting.models import registry, training_file
from underwriting.models import spec as specs

SHOWN_MAX: Final = 20

reason_option = click.option("--reason", default="", help="why, for the record")
file_option = click.option(
    "--file", type=click.Path(path_type=Path), help="compare on the newest loans of this file"
)
spec_option = click.option(
    "--spec", default="card_repayers", show_default=True, help="how FILE is read"
)
login_option = click.option("--as", "login", help="the risk officer's login; asks for the password")


@click.command("publish")
@click.argument("model")
@reason_option
@file_option
@spec_option
@click.option("--override", is_flag=True, help="ask a second risk officer in spite of the gate")
@login_option
@as_json_option
@click.pass_obj
def publish_command(
    surroundings: Surroundings,
    *,
    model: str,
    reason: str,
    file: Path | None,
    spec: str,
    override: bool,
    login: str | None,
    as_json: bool,
) -> None:
    """Put MODEL into service: the first one at once, a successor when it passes the gate.

    The gate compares both models on our own matured loans, or on the loans of FILE that are later
    than everything either learnt from. Exit code 15 when it holds the model back; with --override
    and --as a risk officer then asks another one (`daichang promotion confirm`).
    """
    with _acting(surroundings, login) as (by, at):
        found = _compared(model, file=file, spec=spec, at=at)
        with db.transaction() as session:
            record = registry.find(session, model)
            if found is None:
                promotions.publish_first(session, record, by=by, at=at, reason=reason)
                told: dict[str, Any] = {"model": model, "status": "serving"}
            elif override and not found.is_passed:
                request = promotions.ask_override(
                    session, record, found, reason=reason, by=by, at=at
                )
                told = {"model": model, "request": str(request.id), **_told(found)}
            else:
                promotions.promote(session, record, found, by=by, at=at, reason=reason)
                told = {"model": model, "status": "serving", **_told(found)}
    show(told, as_json=as_json)


@click.command("roll-back")
@reason_option
@login_option
@click.pass_obj
def roll_back_command(surroundings: Surroundings, *, reason: str, login: str | None) -> None:
    """Bring the champion before back into service, in one step."""
    with _acting(surroundings, login) as (by, at), db.transaction() as session:
        promotion = promotions.roll_back(session, reason=reason, by=by, at=at)
        (newest,) = promotions.history(session, limit=1)
        assert newest.id == promotion.id, "models are held until the end"
    click.echo(f"{newest.model} is in service instead of {newest.before}")


@click.group("promotion")
def promotion_group() -> None:
    """See how models came into service, and confirm what another officer asked for."""


@promotion_group.command("list")
@as_json_option
def list_promotions(*, as_json: bool) -> None:
    """List the promotions, the newest first."""
    with db.transaction() as session:
        found = promotions.history(session, limit=SHOWN_MAX)
    for each in found:
        told = {
            "at": each.at.isoformat(),
            "kind": each.kind.value,
            "model": each.model,
            "before": each.before,
            "by": each.by if each.asked_by is None else f"{each.asked_by}, {each.by}",
            "reason": each.reason,
            "evidence": each.evidence.get("detail"),
        }
        show(told, as_json=as_json)


@promotion_group.command("confirm")
@click.argument("request", type=click.UUID)
@click.option("--as", "login", required=True, help="the second risk officer's login")
@click.pass_obj
def confirm_promotion(surroundings: Surroundings, *, request: UUID, login: str) -> None:
    """Confirm as a second risk officer that a model serves without or against the gate."""
    with _acting(surroundings, login) as (by, at), db.transaction() as session:
        promotions.confirm_override(session, request, by=by, at=at)
        (newest,) = promotions.history(session, limit=1)
    click.echo(f"{newest.model} is in service instead of {newest.before}")


@click.group("challenger")
def challenger_group() -> None:
    """Let models score beside the champion, and give one of them a share of the applications."""


@challenger_group.command("add")
@click.argument("model")
@reason_option
@login_option
@click.pass_obj
def add_challenger(
    surroundings: Surroundings, *, model: str, reason: str, login: str | None
) -> None:
    """Let MODEL score every assessment after it was decided; it decides nothing."""
    with _acting(surroundings, login) as (by, at), db.transaction() as session:
        registry.challenge(session, registry.find(session, model), by=by, at=at, reason=reason)
    click.echo(f"{model} challenges")


@challenger_group.command("retire")
@click.argument("model")
@reason_option
@login_option
@click.pass_obj
def retire_challenger(
    surroundings: Surroundings, *, model: str, reason: str, login: str | None
) -> None:
    """Let MODEL challenge no more; a share it had is the champion's again."""
    with _acting(surroundings, login) as (by, at), db.transaction() as session:
        registry.retire(session, registry.find(session, model), by=by, at=at, reason=reason)
    click.echo(f"{model} is retired")


@challenger_group.command("share")
@click.argument("model")
@click.argument("percent")
@reason_option
@file_option
@spec_option
@login_option
@as_json_option
@click.pass_obj
def give_share(
    surroundings: Surroundings,
    *,
    model: str,
    percent: str,
    reason: str,
    file: Path | None,
    spec: str,
    login: str | None,
    as_json: bool,
) -> None:
    """Let MODEL decide on PERCENT (0 to 50) of the applications, by a fixed lot.

    Less than it has holds at once. More is asked for by one risk officer (--as), on our own matured
    loans or those of FILE, and holds when another one confirms it (`daichang challenger confirm`).
    Exit code 15 when the gate for a share holds it back.
    """
    with _acting(surroundings, login) as (by, at):
        share = _share(percent)
        with db.transaction() as session:
            record = registry.find(session, model)
            is_less = share <= 0 or share < routing.share_of(session, record, at=at)
            if is_less:
                shares.lower(session, record, share, reason=reason, by=by, at=at)
        told: dict[str, Any] = {"model": model, "percent": percent}
        if not is_less:
            found = _compared(model, file=file, spec=spec, at=at)
            if found is None:
                raise shares.NotAChallenger(f"{model} is the champion, or there is none")
            with db.transaction() as session:
                request = shares.ask(session, share, found, reason=reason, by=by, at=at)
            told |= {
                "request": str(request.id),
                "evidence": found.to_plain(),
                # What the second officer should know; it keeps nobody from a share.
                "not_for_promotion": list(found.reasons),
            }
    show(told, as_json=as_json)


@challenger_group.command("confirm")
@click.argument("request", type=click.UUID)
@click.option("--as", "login", required=True, help="the second risk officer's login")
@click.pass_obj
def confirm_share(surroundings: Surroundings, *, request: UUID, login: str) -> None:
    """Confirm as a second risk officer that a challenger decides on a share from now on."""
    with _acting(surroundings, login) as (by, at), db.transaction() as session:
        rule = shares.confirm(session, request, by=by, at=at)
        (newest,) = routing.history(session, limit=1)
        assert newest.id == rule.id, "models are held until the end"
    percent = (newest.share * 100).normalize()
    click.echo(f"{newest.challenger} decides on {percent:f} % of the applications")


@challenger_group.command("show")
@as_json_option
@click.pass_obj
def show_challengers(surroundings: Surroundings, *, as_json: bool) -> None:
    """Show who is champion, who challenges, on what share, and what was asked for or went wrong."""
    with db.transaction() as session:
        told = _standing(session, at=surroundings.clock.now())
    show(told, as_json=as_json)


def _standing(session: Session, *, at: datetime) -> dict[str, Any]:
    champion, challengers = registry.champion(session), registry.challengers(session)
    newest = routing.history(session, limit=1)
    return {
        "champion": None if champion is None else champion.name,
        "challengers": [each.name for each in challengers],
        "deciding": None if not newest else newest[0].challenger,
        "share": "0" if not newest else str(newest[0].share.normalize()),
        "since": None if not newest else newest[0].since.isoformat(),
        "asked": [
            {
                "request": str(each.id),
                "model": each.challenger,
                "share": f"{each.share.normalize():f}",
                "by": each.asked_by,
                "reason": each.reason,
                "evidence": each.evidence["detail"],
            }
            for each in shares.waiting(session, at=at)
        ],
        "failed": {each.name: routing.failures(session, each) for each in challengers},
        "shadow_scores": {each.model: each.scored for each in shadowing.counted(session)},
        "shadow_faults": {each.model: each.faulty for each in shadowing.counted(session)},
    }


@contextmanager
def _acting(surroundings: Surroundings, login: str | None) -> Iterator[tuple[Actor, datetime]]:
    """Act as whoever signs in, or as whoever has the machine itself."""
    at = surroundings.clock.now()
    with told_as_exit_codes():
        yield COMMAND_LINE if login is None else terminal.person(login, at=at), at


def _compared(model: str, *, file: Path | None, spec: str, at: datetime) -> Evidence | None:
    """Compare a model with the champion; None where there is none, or where it is this one."""
    with db.transaction() as session:
        record, champion = registry.find(session, model), registry.champion(session)
        if champion is None or champion.id == record.id:
            return None
        models = evidence.contest(session, champion, record)
        if file is None:
            return evidence.matured(session, models, at=at)
    frame = training_file.read_training_file(file, specs.find(spec))
    return evidence.of_file(frame, models, name=file.name)


def _told(found: Evidence) -> dict[str, Any]:
    return {"evidence": found.to_plain(), "passed": found.is_passed, "why": list(found.reasons)}


def _share(percent: str) -> Decimal:
    try:
        share = Decimal(percent) / 100
    except InvalidOperation:
        share = Decimal("NaN")
    if not share.is_finite():
        raise shares.RoutingFaulty(f"{percent!r} is no percentage")
    return share
