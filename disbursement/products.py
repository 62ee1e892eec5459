"""Products: the fixed terms under which a funder lends, one version after the other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import funders
from disbursement.records.products import Product
from disbursement.schedule.contract import Method
from kernel import ids, law
from kernel.clock import business_day
from kernel.money import Money
from kernel.refusals import Refused

BALANCE_TRANSFER: Final = "balance_transfer"
"""The one product there is: a loan that clears card debts."""


class NoSuchProduct(Refused):
    """The funder has no such product, or no such version of it."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_product"
    title = "There is no such product"
    title_zh = "产品不存在"


class NotAProduct(Refused):
    """The terms contradict each other or the law."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "not_a_product"
    title = "These terms make no product"
    title_zh = "产品条款无效"


def publish(
    session: Session,
    *,
    funder_code: str,
    months: Sequence[int],
    principal_min: Money,
    principal_max: Money,
    at: datetime,
    code: str = BALANCE_TRANSFER,
) -> Product:
    """Publish a version of a product; the same terms again are the version in force.

    Raises:
        NoSuchFunder: there is no such funder.
        NotAProduct: no terms, an amount or a term outside the law, or a minimum above the maximum.
    """
    funder = funders.get(session, funder_code)
    terms = sorted(set(months))
    _require_lawful(terms, principal_min, principal_max, at=at)
    latest = _latest(session, code, funder_code)
    wanted = (terms, principal_min, principal_max)
    if latest and (latest.months, latest.principal_min, latest.principal_max) == wanted:
        return latest
    version = latest.version + 1 if latest else 1
    product = Product(
        id=ids.derived(funder.id, code, version),
        code=code,
        version=version,
        funder_id=funder.id,
        months=terms,
        method=Method.ANNUITY.value,
        principal_min=principal_min,
        principal_max=principal_max,
        created_at=at,
    )
    session.add(product)
    session.flush()
    return product


def current(session: Session, code: str, funder_code: str) -> Product:
    """Find the latest version of a funder's product.

    Raises:
        NoSuchProduct: the funder has no such product.
    """
    found = _latest(session, code, funder_code)
    if found is None:
        raise NoSuchProduct(f"funder {funder_code!r} has no product {code!r}")
    return found


def get(session: Session, code: str, funder_code: str, version: int) -> Product:
    """Find one version of a funder's product.

    Raises:
        NoSuchFunder: there is no such funder.
        NoSuchProduct: the funder has no such version.
    """
    funder = funders.get(session, funder_code)
    found = session.get(Product, ids.derived(funder.id, code, version))
    if found is None:
        raise NoSuchProduct(f"funder {funder_code!r} has no product {code!r} version {version}")
    return found


def _latest(session: Session, code: str, funder_code: str) -> Product | None:
    return session.scalar(
        select(Product)
        .where(Product.code == code, Product.funder_id == funders.get(session, funder_code).id)
        .order_by(Product.version.desc())
        .limit(1)
    )


def _require_lawful(
    months: Sequence[int], principal_min: Money, principal_max: Money, *, at: datetime
) -> None:
    limits = law.rule("loan_limits", on=business_day(at)).values
    if not months or months[0] < 1 or months[-1] > limits["months_max"]:
        raise NotAProduct(f"a term is between 1 and {limits['months_max']} months")
    if not Money(0) < principal_min <= principal_max:
        raise NotAProduct("the smallest loan is above zero and not above the largest")
    if principal_max > Money.yuan(limits["amount_max"]):
        raise NotAProduct(f"the law allows at most {limits['amount_max']} yuan")
