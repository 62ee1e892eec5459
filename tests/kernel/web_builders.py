"""An application with small views of its own, to show what the ground does for every view."""

from __future__ import annotations

import re
from dataclasses import replace

from flask import Flask
from flask.testing import FlaskClient

from kernel import config, db, staff
from kernel.actors import Role, system
from kernel.clock import SetClock
from kernel.records import Staff
from kernel.surroundings import Surroundings
from kernel.web.application import make_app
from kernel.web.around import Doors

PASSWORD = "a long enough password"


def surroundings(clock: SetClock, **changes: object) -> Surroundings:
    settings = replace(config.read({"DAICHANG_ENV": "test"}), **changes)  # type: ignore[arg-type]
    return Surroundings(settings=settings, clock=clock, outbound={})


def app(clock: SetClock, doors: Doors | None = None, **changes: object) -> Flask:
    return make_app(surroundings(clock, **changes), doors)


def hire(
    clock: SetClock, *, login: str = "lin", role: Role = Role.FINANCE_MAKER, **more: object
) -> Staff:
    new = staff.NewStaff(
        login=login,
        password=PASSWORD,
        role=role,
        display_name="Lin",
        **more,  # type: ignore[arg-type]
    )
    with db.transaction() as session:
        return staff.hire(session, new, by=system("test"), at=clock.now())


def form_token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def form_key(page: str) -> str:
    found = re.search(r'name="form_key" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def sign_in(client: FlaskClient, *, login: str = "lin", password: str = PASSWORD, **more: str):
    page = client.get("/sign-in").text
    return client.post(
        "/sign-in",
        data={"csrf_token": form_token(page), "login": login, "password": password, **more},
    )
