"""What an order must satisfy before it is placed: form, product, law and conflict of interest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Final

from sqlalchemy.orm import Session

from disbursement import funders, late_terms, products
from disbursement.issuer_answers import AccountType
from disbursement.orders import LoanOrder
from disbursement.records.funders import Funder
from disbursement.records.products import Product
from disbursement.schedule.contract import Penalty
from kernel import law
from kernel.clock import business_day
from kernel.money import ZERO, Money
from kernel.rates import CONTEXT
from kernel.refusals import FieldFault, Refused

LEGS_MAX: Final = 12
"""As many cards as an application may hold."""
RATE_STEP: Final = Decimal("0.00000001")
"""What the column keeps of a rate; a finer one would be booked as another."""


class OrderMalformed(Refused):
    """The order contradicts itself."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "order_malformed"
    title = "The order cannot be read as a loan"
    title_zh = "订单内容有误"


class TermNotOffered(Refused):
    """The product is not offered for this many months."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "term_not_offered"
    title = "The product is not offered for this term"
    title_zh = "产品不支持该期限"


class AmountOutsideProduct(Refused):
    """The cards' ceilings add up to an amount that product or law do not allow."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "amount_outside_product"
    title = "The amount is outside what the product allows"
    title_zh = "金额超出产品范围"


class RateAboveCap(Refused):
    """The rate is above what the funder's licence allows on that day."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "rate_above_cap"
    title = "The rate is above the legal ceiling"
    title_zh = "利率超过法定上限"


class NotACreditCard(Refused):
    """The issuer said that the card is no credit card: there is no debt on it to clear."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "not_a_credit_card"
    title = "The card is not a credit card"
    title_zh = "该卡不是信用卡"


@dataclass(frozen=True, slots=True)
class Terms:
    """The funder and the product version that an order names, and what paying late costs."""

    funder: Funder
    product: Product
    penalty: Penalty


def require(session: Session, order: LoanOrder, *, at: datetime) -> Terms:
    """Give the order's funder and product when every rule allows it.

    Raises:
        Refused: the class says which rule does not; see `loans.place`.
    """
    faults = tuple(_faults(order, at))
    if faults:
        raise OrderMalformed(f"order {order.order_id} contradicts itself", faults=faults)
    product = products.get(session, order.product_code, order.funder_code, order.product_version)
    funder = funders.get(session, order.funder_code)
    for leg in order.legs:
        funders.require_other_bank(funder, leg.issuer_code)
        require_credit(leg.account_type)
    on = business_day(at)
    if order.months not in product.months:
        raise TermNotOffered(f"the product is offered for {product.months} months")
    require_amount(Money.total(leg.ceiling for leg in order.legs), product, on=on)
    cap = funders.cap(funder, on)
    if order.annual_rate > cap:
        raise RateAboveCap(f"at most {cap} % a year may be charged")
    penalty = order.penalty or _of_the_house(order, funder)
    return Terms(funder, product, replace(penalty, annual_rate=min(penalty.annual_rate, cap)))


def require_amount(total: Money, product: Product, *, on: date) -> None:
    """See that a loan may be as large as this.

    Raises:
        AmountOutsideProduct: product or law do not allow it.
    """
    largest = min(
        product.principal_max, Money.yuan(law.rule("loan_limits", on=on).values["amount_max"])
    )
    if not product.principal_min <= total <= largest:
        raise AmountOutsideProduct(f"{total} is not between {product.principal_min} and {largest}")


def require_different_cards(card_indexes: Sequence[str]) -> None:
    """See that no card number stands under two references.

    Raises:
        OrderMalformed: one does.
    """
    if len(set(card_indexes)) != len(card_indexes):
        raise OrderMalformed(faults=(FieldFault("/legs", "a card is cleared once"),))


def require_credit(account_type: AccountType | None) -> None:
    """See that a card is not known to be anything but a credit card.

    Raises:
        NotACreditCard: its issuer said so.
    """
    if account_type not in {None, AccountType.CREDIT}:
        raise NotACreditCard(f"the issuer calls it a {account_type} card")


def _of_the_house(order: LoanOrder, funder: Funder) -> Penalty:
    on = business_day(order.signed_at)
    return late_terms.penalty(order.annual_rate, cap=funders.cap(funder, on), on=on)


def _is_kept_whole(penalty: Penalty) -> bool:
    rate = penalty.annual_rate.annual
    return rate >= 0 and rate == rate.quantize(RATE_STEP, context=CONTEXT)


def _faults(order: LoanOrder, at: datetime) -> Iterator[FieldFault]:
    if not 1 <= len(order.legs) <= LEGS_MAX:
        yield FieldFault("/legs", f"between 1 and {LEGS_MAX} cards are cleared by one loan")
    if len({leg.card_ref for leg in order.legs}) != len(order.legs):
        yield FieldFault("/legs", "a card is named once")
    for position, leg in enumerate(order.legs):
        if leg.ceiling <= ZERO:
            yield FieldFault(f"/legs/{position}/ceiling", "an amount is above zero")
    rate = order.annual_rate.annual
    if rate < 0 or rate != rate.quantize(RATE_STEP, context=CONTEXT):
        yield FieldFault(
            "/annual_rate", "a rate is not negative and has at most six decimals in percent"
        )
    if re.fullmatch(r"[0-9a-f]{64}", order.contract_sha256) is None:
        yield FieldFault("/contract_sha256", "64 small hex digits of the signed contract")
    if order.penalty is not None and not _is_kept_whole(order.penalty):
        yield FieldFault("/penalty", "a penalty rate is one that the books can keep")
    if order.signed_at > at:
        yield FieldFault("/signed_at", "an order is placed after it was signed")
