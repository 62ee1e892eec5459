"""The lender's terms as a dossier freezes them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from disbursement import funders, products
from kernel import law
from kernel.clock import business_day
from kernel.money import Money
from underwriting.dossier import LenderTerms


def terms(session: Session, funder_code: str, *, at: datetime) -> LenderTerms:
    """Give what a funder's balance-transfer product and the law allow on the day.

    Raises:
        NoSuchFunder: there is no such funder.
        NoSuchProduct: the funder has no such product, or no term the law allows.
    """
    funder = funders.get(session, funder_code)
    product = products.current(session, products.BALANCE_TRANSFER, funder_code)
    lawful = law.rule("loan_limits", on=business_day(at)).values
    months = tuple(months for months in product.months if months <= lawful["months_max"])
    if not months:
        raise products.NoSuchProduct(f"funder {funder_code!r} has no term that the law allows")
    return LenderTerms(
        funder_code=funder.code,
        issuer_code=funder.issuer_code,
        product_version=product.version,
        annual_cap=funders.cap(funder, business_day(at)),
        months=months,
        principal_min=product.principal_min,
        principal_max=min(product.principal_max, Money.yuan(lawful["amount_max"])),
    )
