"""The finance console with people at it, for tests: sign in, open a page, send its form."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html import unescape

from flask import Flask
from flask.testing import FlaskClient

from disbursement.web import console
from kernel import config, staff
from kernel.actors import Actor, Role, system
from kernel.clock import SetClock
from kernel.db import transaction
from kernel.surroundings import Surroundings
from kernel.web.application import make_app
from kernel.web.around import Doors
from tests.disbursement.statements.files import ACCOUNT, MERCHANT
from tests.kernel.web_builders import PASSWORD

PEOPLE = {
    "maker": (Role.FINANCE_MAKER, "林会计"),
    "checker": (Role.FINANCE_CHECKER, "周复核"),
    "second": (Role.FINANCE_CHECKER, "吴复核"),
    "risk": (Role.RISK_OFFICER, "陈风控"),
}


def app(clock: SetClock) -> Flask:
    """Make an application with the finance console in it."""
    settings = replace(
        config.read({"DAICHANG_ENV": "test"}), channel_merchant=MERCHANT, funding_account=ACCOUNT
    )
    given = Surroundings(settings=settings, clock=clock, outbound={})
    made = make_app(given, Doors(homes=console.HOMES))
    made.register_blueprint(console.blueprint)
    return made


def hire_all(clock: SetClock) -> dict[str, Actor]:
    """Hire one person of each role, and a second checker."""
    with transaction() as session:
        return {
            login: Actor(
                role,
                str(
                    staff.hire(
                        session,
                        staff.NewStaff(
                            login=login, password=PASSWORD, role=role, display_name=name
                        ),
                        by=system("test"),
                        at=clock.now(),
                    ).id
                ),
            )
            for login, (role, name) in PEOPLE.items()
        }


@dataclass
class Person:
    """Somebody at a browser of his own."""

    client: FlaskClient

    def opens(self, path: str, status: int = 200) -> str:
        """Open a page and give what it says."""
        reply = self.client.get(path, headers={"Accept-Language": "zh-CN"})
        assert reply.status_code == status, (reply.status_code, reply.text[-2000:])
        return reply.text

    def sends(self, path: str, to: str, status: int = 303, **fields: object) -> str:
        """Open a page, send its form, follow where it leads and give what is said there."""
        page = self.opens(path)
        reply = self.client.post(
            to,
            data={"csrf_token": token(page), "form_key": key(page), **fields},
            headers={"Accept-Language": "zh-CN"},
        )
        assert reply.status_code == status, (reply.status_code, reply.text[-2000:])
        return reply.text if status != 303 else self.opens(reply.location)


@dataclass
class Desk:
    """The console, who works at it, and a browser for each."""

    app: Flask
    actors: dict[str, Actor]

    def person(self, login: str) -> Person:
        """Sign somebody in."""
        client = self.app.test_client()
        page = client.get("/sign-in").text
        client.post(
            "/sign-in", data={"csrf_token": token(page), "login": login, "password": PASSWORD}
        )
        return Person(client)


def token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None, page
    return found[1]


def key(page: str) -> str:
    found = re.search(r'name="form_key" value="([^"]+)"', page)
    return found[1] if found else "A" * 24


def text(page: str) -> str:
    """Give what a page says, without its tags, on one line."""
    main = page[page.index("<main") : page.index("</main>")]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", main)))


def links(page: str, start: str) -> list[str]:
    """List the addresses on a page that begin in a certain way."""
    return [unescape(one) for one in re.findall(r'href="([^"]+)"', page) if one.startswith(start)]
