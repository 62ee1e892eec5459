"""Funders: who lends, and what the law lets that kind of lender charge."""

from __future__ import annotations

from datetime import date, datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import accounts
from disbursement.records.funders import Funder, LicenceType
from kernel import ids, law
from kernel.rates import Rate
from kernel.refusals import Refused

_NAMESPACE: Final = UUID("b6a1c0f2-6a52-5d0a-8a55-0d1b7c9d4e33")


class NoSuchFunder(Refused):
    """No funder has this code."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_funder"
    title = "There is no such funder"
    title_zh = "资方不存在"


class FunderConflict(Refused):
    """A funder of this code exists with other particulars."""

    code = "funder_conflict"
    title = "Another funder has this code"
    title_zh = "该代码已用于另一资方"


class FunderIsIssuer(Refused):
    """The funder issued the card itself: it would lend to cover its own bad debt."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "funder_is_issuer"
    title = "The funder is the bank that issued the card"
    title_zh = "资方即发卡行，不可代偿"


def add(
    session: Session,
    *,
    code: str,
    name: str,
    licence: LicenceType,
    issuer_code: str | None,
    at: datetime,
) -> Funder:
    """Add a funder with its bank and capital accounts; the same again is the one already there.

    Raises:
        FunderConflict: the code is taken by a funder with other particulars.
    """
    known = session.scalar(select(Funder).where(Funder.code == code))
    if known is not None:
        if (known.name, known.licence, known.issuer_code) != (name, licence, issuer_code):
            raise FunderConflict(f"funder {code} exists with other particulars")
        return known
    funder = Funder(
        id=ids.derived(_NAMESPACE, code),
        code=code,
        name=name,
        licence=licence,
        issuer_code=issuer_code,
        created_at=at,
    )
    session.add(funder)
    session.flush()
    # All at once and now: an account that postings open when they first need it is one that they
    # would wait for each other over.
    accounts.open_all(session, [name(code) for name in accounts.OF_A_FUNDER], at=at)
    return funder


def get(session: Session, code: str) -> Funder:
    """Find a funder by its code.

    Raises:
        NoSuchFunder: there is none.
    """
    found = session.scalar(select(Funder).where(Funder.code == code))
    if found is None:
        raise NoSuchFunder(f"no funder {code!r}")
    return found


def cap(funder: Funder, on: date) -> Rate:
    """Tell the most a borrower may pay a year to a lender of this licence on a day."""
    return Rate.percent(law.rule("price_caps", on=on).values[funder.licence])


def require_other_bank(funder: Funder, issuer_code: str) -> None:
    """See that the card was issued by somebody else than the funder.

    Raises:
        FunderIsIssuer: it was not.
    """
    if funder.issuer_code is not None and funder.issuer_code == issuer_code:
        raise FunderIsIssuer(f"funder {funder.code} issued the card")
