"""Who lends, as a debtor is told before anything is decided."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import products
from disbursement.products import NoSuchProduct
from disbursement.records.funders import Funder


def present(session: Session) -> Funder | None:
    """Give the first lender that has a product; None while there is none.

    An offer names its own lender: the first one does not lend where it issued one of the cards.
    """
    for funder in session.scalars(select(Funder).order_by(Funder.created_at, Funder.code)):
        try:
            products.current(session, products.BALANCE_TRANSFER, funder.code)
        except NoSuchProduct:
            continue
        return funder
    return None
