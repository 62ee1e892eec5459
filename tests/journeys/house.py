"""The whole house on real HTTP, its staff at their terminals, and an agency at its door."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import requests
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

import wsgi
from disbursement import accounts, funders, ledger, products
from disbursement.ledger import Posting
from disbursement.records.funders import LicenceType
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel import config, jobs, staff
from kernel.actors import Role, system
from kernel.clock import SetClock, business_day
from kernel.db import transaction
from kernel.money import Money
from kernel.staff import NewStaff
from kernel.surroundings import Surroundings, build
from kernel.web import signing
from kernel.web.signing import IssuedKey
from tests.disbursement.partners import Partners
from tests.origination.apply import world
from tests.origination.front import builders as front
from tests.underwriting.models.rows import trained
from underwriting.models import registry

CAPITAL = Money.yuan("500000.00")
FUNDER = "huaxin"
PASSWORD = "correct horse battery"
SETUP = system("test-setup")
STAFF = {
    "li.na": Role.FINANCE_MAKER,
    "wang.fang": Role.FINANCE_CHECKER,
    "zhao.lei": Role.FINANCE_CHECKER,
    "sun.yi": Role.RISK_OFFICER,
}


@dataclass
class Agency:
    """An agency's computer: it signs what it sends, on real HTTP."""

    url: str
    clock: SetClock
    key: IssuedKey

    def refer(self, *, idempotency_key: str | None = None, **changes: Any) -> requests.Response:
        """Refer a case."""
        return self.post("/v1/referrals", front.payload(**changes), idempotency_key=idempotency_key)

    def post(
        self,
        path: str,
        payload: object,
        *,
        idempotency_key: str | None = None,
        signed: dict[str, str] | None = None,
    ) -> requests.Response:
        """Post JSON under a signature of its own, or under one that is given."""
        body = json.dumps(payload).encode()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": idempotency_key or uuid4().hex,
            **(signed or self.signature("POST", path, body)),
        }
        return requests.post(self.url + path, data=body, headers=headers, timeout=10)

    def state(self, case_no: str) -> str:
        """Ask how far a case is."""
        path = f"/v1/referrals/{case_no}"
        headers = self.signature("GET", path, b"")
        return requests.get(self.url + path, headers=headers, timeout=10).json()["state"]

    def signature(self, method: str, target: str, body: bytes) -> dict[str, str]:
        """Sign a request."""
        return signing.sign_request(
            self.key, method=method, target=target, body=body, at=self.clock.now()
        )


@dataclass
class House:
    """Every door of the house, the world outside, and the clock they share."""

    around: Surroundings
    clock: SetClock
    partners: Partners
    url: str
    app: Flask
    agency: Agency = field(init=False)

    def found(self, *, lender_issued: str | None = None) -> None:
        """Set up lender, capital, model, staff and one agency, as before the first day.

        The lender issues no cards of its own, unless it is said for which bank it stands.
        """
        self.partners.fund(str(CAPITAL))
        with transaction() as session:
            lend(session, FUNDER, issuer_code=lender_issued, at=self.clock.now())
            _pay_capital_in(session, self.clock)
            model = registry.register(session, trained(), by=SETUP, at=self.clock.now())
            registry.publish(session, model, by=SETUP, at=self.clock.now())
            for login, role in STAFF.items():
                person = NewStaff(login=login, password=PASSWORD, role=role, display_name=login)
                staff.hire(session, person, by=SETUP, at=self.clock.now())
        assert self.command("agency", "add", "beichen", "北辰资产管理").exit_code == 0
        shown = self.command("agency", "key", "beichen").stdout.split()
        key = IssuedKey(name=shown[shown.index("X-Agency-Key:") + 1], secret=shown[-1])
        self.agency = Agency(self.url, self.clock, key)

    def command(self, *words: str, login: str | None = None) -> Result:
        """Type a command of the whole command line; a person signs in with his password."""
        asked = (*words, "--as", login) if login else words
        return CliRunner().invoke(wsgi.cli, asked, obj=self.around, input=f"{PASSWORD}\n")

    def run_jobs(self) -> None:
        """Run every job in the background until the facts are acted on and told."""
        for _ in range(2):
            done = jobs.run_all(wsgi.JOBS, self.around)
            assert None not in done.values(), done
            world.follow(self.around)

    def approve(self) -> int:
        """Approve every payout that waits, at the terminal, and count the approvals."""
        given = 0
        for leg in self.legs():
            for login in ("li.na", "wang.fang"):
                if leg.status not in {LegStatus.PLANNED, LegStatus.REQUOTE_NEEDED}:
                    break
                result = self.command("approve", str(leg.id), login=login)
                assert result.exit_code == 0, result.stderr
                given += 1
                if result.stdout.split()[-1] == LegStatus.APPROVED:
                    break
        return given

    def pay(self) -> dict[str, int]:
        """Run the sending and asking loops by the command, and give what it says."""
        return said(self.command("pay", "--json"))

    def pay_until_decided(self) -> None:
        """Send, hear the channel's notices over HTTP, and ask as often as it takes."""
        self.pay()
        for minutes in (4, 2, 3, 5, 9, 17, 33):
            self.clock.advance(timedelta(minutes=minutes))
            self.partners.deliver()
            self.pay()
        self.run_jobs()

    def legs(self) -> list[PayoutLeg]:
        """Read every payout leg as it is."""
        with transaction() as session:
            return list(session.scalars(select(PayoutLeg).order_by(PayoutLeg.ceiling)))


def lend(session: Session, code: str, *, issuer_code: str | None, at: datetime) -> None:
    """Take a lender on with one product; one that issues cards is a bank."""
    licence = LicenceType.CONSUMER_FINANCE if issuer_code is None else LicenceType.BANK
    funders.add(
        session, code=code, name="华信金融", licence=licence, issuer_code=issuer_code, at=at
    )
    products.publish(
        session,
        funder_code=code,
        months=(6, 12, 24),
        principal_min=Money.yuan("1000.00"),
        principal_max=Money.yuan("200000.00"),
        at=at,
    )


def said(result: Result) -> Any:
    """Read the JSON of a command; outside a real process its logs stand before it."""
    return json.loads(result.stdout.splitlines()[-1])


@contextmanager
def opened(settings: config.Settings, clock: SetClock, partners: Partners) -> Iterator[House]:
    """Serve the composition root's application in a thread, on the test's clock."""
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    url = f"http://127.0.0.1:{server.server_port}"
    around = build(replace(settings, public_url=url), clock)
    server.app = app = wsgi.create_app(around)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield House(around, clock, partners, url, app)
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
        for outbound in around.outbound.values():
            outbound.close()


def _pay_capital_in(session: Session, clock: SetClock) -> None:
    bank, capital = accounts.funding_bank(FUNDER), f"capital/{FUNDER}"
    accounts.open_all(session, [bank, capital], at=clock.now())
    posting = Posting(
        id=uuid4(),
        debit=bank,
        credit=capital,
        amount=CAPITAL,
        reason="capital paid in",
        event_ref=uuid4(),
        value_date=business_day(clock.now()),
    )
    ledger.post(session, posting, at=clock.now())
