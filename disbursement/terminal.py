"""Who sits at the terminal: a person signs in there as in a browser, and a refusal is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import click
from sqlalchemy.orm import Session

from kernel import staff
from kernel.actors import Actor
from kernel.db import transaction
from kernel.refusals import Refused

EXIT_REFUSED: Final = 3
ADDRESS: Final = "terminal"
"""Stands where a browser's address would, for the limit on tries."""


def person(login: str, *, at: datetime) -> Actor:
    """Ask for the password of a login and give the person it belongs to.

    Raises:
        SignInRefused: login and password do not fit.
        TooManyTries: too many failed lately.
    """
    password = click.prompt("Password", hide_input=True, err=True)
    with transaction() as session:
        try_id = staff.begin_try(session, login=login, ip=ADDRESS, at=at)
    with transaction() as session:
        token = staff.sign_in(session, login=login, password=password, try_id=try_id, at=at)
        found = staff.signed_in(session, token, at=at)
        assert found is not None, "a session that has just begun has not ended"
        staff.sign_out(session, token, at=at)
        return Actor(found.role, str(found.id))


@contextmanager
def acting(login: str, *, at: datetime) -> Iterator[tuple[Session, Actor, datetime]]:
    """Sign a person in at the terminal and open a transaction for what he does."""
    with refusals_told():
        by = person(login, at=at)
        with transaction() as session:
            yield session, by, at


@contextmanager
def refusals_told() -> Iterator[None]:
    """Tell a refusal in one line on the error stream and end with code 3."""
    try:
        yield
    except Refused as refused:
        said = refused.title if refused.detail in {"", refused.title} else refused.detail
        click.echo(f"{refused.code}: {said}", err=True)
        raise SystemExit(EXIT_REFUSED) from None
