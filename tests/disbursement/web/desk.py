"""The finance console with people at it, for tests: sign in, open a page, send its form."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask import Flask

from disbursement.web import console, letter_pages
from kernel import config, staff
from kernel.actors import Actor, Role, system
from kernel.clock import SetClock
from kernel.db import transaction
from kernel.surroundings import Surroundings
from kernel.web.application import make_app
from kernel.web.around import Doors
from tests.disbursement.statements.files import ACCOUNT, MERCHANT
from tests.kernel.console_reader import Person, signed_in
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
    made.register_blueprint(letter_pages.blueprint)
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
class Desk:
    """The console, who works at it, and a browser for each."""

    app: Flask
    actors: dict[str, Actor]

    def person(self, login: str) -> Person:
        """Sign somebody in."""
        return signed_in(self.app, login)
