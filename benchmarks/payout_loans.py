"""Loans whose cards wait to be paid, and the sandbox that pays them: generated, of nobody."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import select
from stdnum import luhn
from typing_extensions import override

from demo.processes import Processes, free_port
from disbursement import approvals, funders, legs, loans, positions, products, records
from disbursement.orders import LegOrder, LoanOrder
from disbursement.records.funders import LicenceType
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel import config, db, sealing
from kernel.actors import Actor, Role
from kernel.clock import SetClock, shanghai
from kernel.money import Money
from kernel.outbound import Outbound, Reply
from kernel.personal import CardNumber, PersonName, check_digit
from kernel.rates import Rate
from kernel.sealing import Keyring, seal
from kernel.surroundings import Surroundings, build

DAY: Final = date(2026, 11, 20)
MAKER: Final = Actor(Role.FINANCE_MAKER, "bench.maker")
CHECKER: Final = Actor(Role.FINANCE_CHECKER, "bench.checker")
DEBTOR: Final = Actor(Role.DEBTOR, "bench-debtor")
FUNDER: Final = "bench"
MONEY: Final = Money.yuan("100000000.00")
BALANCE: Final = "1000.00"
NAME: Final = "测试甲"
PEOPLE_A_CALL: Final = 500


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as it went out."""

    method: str
    path: str
    content: bytes
    headers: Mapping[str, str]


class Heard(Outbound):
    """A way to a partner on which every request is remembered."""

    heard: list[Exchange]

    @override
    def _call(self, method: str, path: str, *, content: bytes | None, kind: str | None) -> Reply:
        headers = dict(self._headers()) | ({} if kind is None else {"Content-Type": kind})
        self.heard.append(Exchange(method, path, content or b"", headers))
        return super()._call(method, path, content=content, kind=kind)


def import_tables() -> None:
    """Import every module of the floor that maps tables, so that all can be made."""
    for module in pkgutil.iter_modules(records.__path__, f"{records.__name__}."):
        importlib.import_module(module.name)


@contextmanager
def world(log_folder: Path) -> Iterator[Surroundings]:
    """Start a sandbox and give the surroundings of a process that speaks to it."""
    port = free_port(0)
    url = f"http://127.0.0.1:{port}"
    settings = config.read({"DAICHANG_ENV": "test"})
    settings = replace(settings, partner_urls=dict.fromkeys(config.PARTNERS, url))
    sealing.bind(Keyring(settings.seal_keys, settings.index_key))
    around = build(settings, SetClock(shanghai(DAY, 10)))
    with Processes(log_folder / "sandbox.log") as processes:
        processes.start(
            "sandbox",
            ["-m", "sandbox.serve", "--port", str(port)],
            environment={},
            ready=f"{url}/_control/healthz",
        )
        try:
            yield around
        finally:
            for outbound in around.outbound.values():
                outbound.close()


def overhearing(around: Surroundings) -> tuple[Surroundings, list[Exchange]]:
    """Give the same surroundings with every request to a partner remembered."""
    heard: list[Exchange] = []
    key, clock = around.settings.partner_key, around.clock

    def headers() -> Mapping[str, str]:
        return {"Authorization": f"Bearer {key}", "X-Sandbox-Now": clock.now().isoformat()}

    ways: dict[str, Outbound] = {}
    for name, url in around.settings.partner_urls.items():
        ways[name] = way = Heard(url, headers=headers)
        way.heard = heard
    return replace(around, outbound=ways), heard


def found(around: Surroundings) -> None:
    """Take a lender on, with money at the bank and at the channel."""
    around.outbound["channel"].post_json("/_control/fund", {"amount": str(MONEY)})
    at = around.clock.now()
    with db.transaction() as session:
        funder = funders.add(
            session,
            code=FUNDER,
            name="测试消费金融",
            licence=LicenceType.CONSUMER_FINANCE,
            issuer_code=None,
            at=at,
        )
        products.publish(
            session,
            funder_code=FUNDER,
            months=(12,),
            principal_min=Money.yuan("1000.00"),
            principal_max=Money.yuan("200000.00"),
            at=at,
        )
        positions.state_opening(session, funder, MONEY, by=CHECKER, at=at)


def place(around: Surroundings, serials: range) -> None:
    """Place one approved loan over one card for each serial number, known to the issuer."""
    people = [_person(serial) for serial in serials]
    for begin in range(0, len(people), PEOPLE_A_CALL):
        batch = {"people": people[begin : begin + PEOPLE_A_CALL]}
        reply = around.outbound["channel"].post_json("/_control/people", batch)
        if reply.status >= 300:
            raise RuntimeError(f"the sandbox answered {reply.status}")
    at = around.clock.now()
    for serial in serials:
        with db.transaction() as session:
            loan = loans.place(session, _order(serial, around), by=DEBTOR, at=at)
            for leg in legs.of_loan(session, loan.id):
                approvals.approve(session, leg.id, by=MAKER, at=at)


def statuses() -> list[LegStatus]:
    """Read how every payout stands."""
    with db.transaction() as session:
        return list(session.scalars(select(PayoutLeg.status)))


def _order(serial: int, around: Surroundings) -> LoanOrder:
    leg = LegOrder(
        card_ref=UUID(int=serial),
        issuer_code="CMB",
        card=seal(_card(serial)),
        payee=seal(PersonName(NAME)),
        ceiling=Money.yuan("2000.00"),
    )
    return LoanOrder(
        order_id=uuid4(),
        application_ref=uuid4(),
        debtor_ref=uuid4(),
        funder_code=FUNDER,
        product_code="balance_transfer",
        product_version=1,
        months=12,
        annual_rate=Rate.percent("12.00"),
        legs=(leg,),
        contract_sha256="ab" * 32,
        signed_at=around.clock.now(),
    )


def _card(serial: int) -> CardNumber:
    body = "622575" + str(serial).zfill(9)
    return CardNumber(body + luhn.calc_check_digit(body))


def _person(serial: int) -> dict[str, object]:
    first_17 = "110101" + f"{19000101 + serial % 100:08}" + f"{serial // 100 % 1000:03}"
    card = {
        "card_number": _card(serial).plain,
        "issuer_code": "CMB",
        "account_type": "credit",
        "state": "open",
        "balance": BALANCE,
        "minimum_due": "100.00",
        "past_due": "100.00",
        "days_past_due": 40,
        "credit_limit": "50000.00",
        "daily_rate": "0.0005",
        "as_of": DAY.isoformat(),
        "instalment_offer": None,
    }
    return {
        "national_id": first_17 + check_digit(first_17),
        "name": NAME,
        "mobile": "13900000001",
        "cards": [card],
    }
