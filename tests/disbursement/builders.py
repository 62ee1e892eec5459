"""Plain functions that make what the tests of disbursement are about; every person is made up."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy.orm import Session
from stdnum import luhn

from disbursement import funders, positions, products
from disbursement.orders import LegOrder, LoanOrder
from disbursement.records.funders import Funder, LicenceType
from disbursement.records.products import Product
from kernel.actors import Actor, Role, system
from kernel.clock import shanghai
from kernel.money import Money
from kernel.personal import CardNumber, PersonName, check_digit
from kernel.rates import Rate
from kernel.sealing import seal

TEN = shanghai(datetime(2026, 11, 20).date(), 10)  # noqa: DTZ001 - only its date is taken
MAKER = Actor(Role.FINANCE_MAKER, "li.na")
CHECKER = Actor(Role.FINANCE_CHECKER, "wang.fang")
DEBTOR = Actor(Role.DEBTOR, "debtor-1")
ORIGINATION = system("origination")
NAME = "测试甲"


def card_number(serial: int, start: str = "622575", length: int = 16) -> CardNumber:
    """Make a card number with a right check digit; no scripted fault of the sandbox in it."""
    body = start + str(serial).zfill(length - 1 - len(start))
    return CardNumber(body + luhn.calc_check_digit(body))


def national_id(serial: int) -> str:
    """Make an identity number with a right check digit, of nobody born in 1990."""
    first_17 = "11010119900101" + str(serial % 1000).zfill(3)
    return first_17 + check_digit(first_17)


def lender(
    session: Session,
    *,
    code: str = "hxcf",
    licence: LicenceType = LicenceType.CONSUMER_FINANCE,
    issuer_code: str | None = None,
    principal_max: str = "200000.00",
    months: tuple[int, ...] = (6, 12, 24, 36),
) -> tuple[Funder, Product]:
    """Make a funder with one version of the product."""
    funder = funders.add(
        session,
        code=code,
        name="华信消费金融",
        licence=licence,
        issuer_code=issuer_code,
        at=TEN,
    )
    product = products.publish(
        session,
        funder_code=code,
        months=months,
        principal_min=Money.yuan("1000.00"),
        principal_max=Money.yuan(principal_max),
        at=TEN,
    )
    positions.state_opening(session, funder, Money.yuan("100000000.00"), by=CHECKER, at=TEN)
    return funder, product


def leg_order(serial: int = 1, ceiling: str = "10000.00", **changed: object) -> LegOrder:
    """Make an order for one card at China Merchants Bank."""
    return LegOrder(
        **{
            "card_ref": UUID(int=serial),
            "issuer_code": "CMB",
            "card": seal(card_number(serial)),
            "payee": seal(PersonName(NAME)),
            "ceiling": Money.yuan(ceiling),
        }
        | changed
    )


def loan_order(*legs: LegOrder, **changed: object) -> LoanOrder:
    """Make a signed order over twelve months at 12 % a year."""
    return LoanOrder(
        **{
            "order_id": uuid4(),
            "application_ref": UUID(int=1001),
            "debtor_ref": UUID(int=1002),
            "funder_code": "hxcf",
            "product_code": "balance_transfer",
            "product_version": 1,
            "months": 12,
            "annual_rate": Rate.percent("12.00"),
            "legs": legs or (leg_order(),),
            "contract_sha256": "ab" * 32,
            "signed_at": TEN,
        }
        | changed
    )
