"""The demo's people at work: who they are, what they sign in with, what they approve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from disbursement import accounts, funders, ledger, products
from disbursement.records.funders import LicenceType
from kernel import ids, staff
from kernel.actors import Actor, Role, system
from kernel.clock import business_day
from kernel.money import Money
from kernel.staff import NewStaff
from kernel.web import signing
from kernel.web.signing import IssuedKey
from origination import agencies
from origination.records.agencies import Agency

FUNDER: Final = "anxin"
AGENCY: Final = "beichen"
CAPITAL: Final = Money.yuan("90000000.00")
MONTHS: Final = (12, 24, 36)
PRINCIPAL: Final = (Money.yuan("500.00"), Money.yuan("200000.00"))
PASSWORD: Final = "demo-only-2026"  # noqa: S105 - printed for whoever runs the demo
PEOPLE: Final[Mapping[str, tuple[Role, str]]] = {
    "maker": (Role.FINANCE_MAKER, "林会计"),
    "checker": (Role.FINANCE_CHECKER, "周复核"),
    "risk": (Role.RISK_OFFICER, "陈风控"),
    "operator": (Role.OPERATOR, "值班运维"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """The actors of the demo."""

    maker: Actor
    checker: Actor
    risk: Actor
    agency: Agency
    agency_key: IssuedKey
    """What the agency signs its requests with."""


def found(session: Session, *, at: datetime) -> Team:
    """Register lender, product, capital, agency and staff of the demo."""
    founder = system("demo")
    funders.add(
        session,
        code=FUNDER,
        name="安信消费金融有限公司（演示）",
        licence=LicenceType.CONSUMER_FINANCE,
        issuer_code=None,
        at=at,
    )
    products.publish(
        session,
        funder_code=FUNDER,
        months=MONTHS,
        principal_min=PRINCIPAL[0],
        principal_max=PRINCIPAL[1],
        at=at,
    )
    accounts.open_all(session, [accounts.funding_bank(FUNDER), f"capital/{FUNDER}"], at=at)
    ledger.post(
        session,
        ledger.Posting(
            id=ids.derived(ids.NAMESPACE, "demo", "capital", str(at)),
            debit=accounts.funding_bank(FUNDER),
            credit=f"capital/{FUNDER}",
            amount=CAPITAL,
            reason="capital paid in",
            event_ref=ids.derived(ids.NAMESPACE, "demo", "capital", str(at)),
            value_date=business_day(at),
        ),
        at=at,
    )
    hired = {
        login: staff.hire(
            session,
            NewStaff(login=login, password=PASSWORD, role=role, display_name=name, agency_id=None),
            by=founder,
            at=at,
        )
        for login, (role, name) in PEOPLE.items()
    }
    agency = agencies.register(session, code=AGENCY, name="北辰催收（演示）", by=founder, at=at)
    return Team(
        maker=Actor(Role.FINANCE_MAKER, str(hired["maker"].id)),
        checker=Actor(Role.FINANCE_CHECKER, str(hired["checker"].id)),
        risk=Actor(Role.RISK_OFFICER, str(hired["risk"].id)),
        agency=agency,
        agency_key=signing.issue_key(session, owner=agency.id, by=founder, at=at),
    )
