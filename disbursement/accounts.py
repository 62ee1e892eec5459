"""The chart of accounts: what each code means, and opening them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from disbursement.records.ledger import Account, AccountKind, Floor
from kernel import ids
from kernel.refusals import Refused

CHART: Final[Mapping[str, tuple[AccountKind, Floor]]] = MappingProxyType(
    {
        "funding_bank": (AccountKind.ASSET, Floor.NONE),
        "in_transit": (AccountKind.LIABILITY, Floor.NONE),
        "loan_principal": (AccountKind.ASSET, Floor.NOT_BELOW_ZERO),
        "loan_interest": (AccountKind.ASSET, Floor.NONE),
        "loan_fees": (AccountKind.ASSET, Floor.NONE),
        "loan_penalty": (AccountKind.ASSET, Floor.NONE),
        "loan_credit": (AccountKind.LIABILITY, Floor.NOT_BELOW_ZERO),
        "interest_accrued": (AccountKind.ASSET, Floor.NONE),
        "interest_income": (AccountKind.INCOME, Floor.NONE),
        "penalty_income": (AccountKind.INCOME, Floor.NONE),
        "fee_income": (AccountKind.INCOME, Floor.NONE),
        "recovery_income": (AccountKind.INCOME, Floor.NONE),
        "interest_suspended": (AccountKind.LIABILITY, Floor.NONE),
        "write_off": (AccountKind.EXPENSE, Floor.NONE),
        "waiver": (AccountKind.EXPENSE, Floor.NONE),
        "commission_expense": (AccountKind.EXPENSE, Floor.NONE),
        "commission_payable": (AccountKind.LIABILITY, Floor.NONE),
        "collection": (AccountKind.ASSET, Floor.NONE),
        "channel_fees": (AccountKind.EXPENSE, Floor.NONE),
        "suspense": (AccountKind.LIABILITY, Floor.NONE),
        "capital": (AccountKind.LIABILITY, Floor.NONE),
    }
)
"""Kind and floor by the first part of an account's code, which is ``first/name``."""

LIMITABLE: Final = frozenset({"funding_bank", "collection"})
"""Accounts without a floor in the chart that may be given one each, such as a prefunded float."""

_NAMESPACE: Final = UUID("3f1d6f0e-8a55-5f4e-9d7e-2d6a5c1b9e02")


class NoSuchAccount(Refused):
    """The account's code is not of the chart, or the account was never opened."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "no_such_ledger_account"
    title = "There is no such ledger account"
    title_zh = "会计科目不存在"


def open_all(session: Session, codes: Iterable[str], *, at: datetime) -> None:
    """Open the accounts of these codes; those already open are left alone.

    Raises:
        NoSuchAccount: a code is not of the chart.
    """
    rows = [_row(code, at) for code in sorted(set(codes))]
    if rows:
        session.execute(insert(Account).on_conflict_do_nothing(), rows)


def forbid_overdraft(session: Session, code: str, *, at: datetime) -> None:
    """Let an account of real money never fall below zero; it is opened when it is not yet.

    Postings that lower it then wait for each other, and a bank's statement that shows an overdraft
    cannot be booked: limit what only we draw on, such as a float paid in beforehand.

    Raises:
        NoSuchAccount: the account is none that may be limited.
    """
    if code.partition("/")[0] not in LIMITABLE:
        raise NoSuchAccount(f"{code!r} is not limited by a person")
    open_all(session, [code], at=at)
    session.execute(update(Account).where(Account.code == code).values(floor=Floor.NOT_BELOW_ZERO))


def may_be_limited(code: str) -> bool:
    """Tell whether the account with this code may have a floor, by the chart or of its own."""
    first = code.partition("/")[0]
    return first in LIMITABLE or charted(code)[1] is not Floor.NONE


def charted(code: str) -> tuple[AccountKind, Floor]:
    """Give kind and floor of the account with this code.

    Raises:
        NoSuchAccount: the code is not of the chart.
    """
    first, _, name = code.partition("/")
    if first not in CHART or not name:
        raise NoSuchAccount(f"the chart has no {code!r}")
    return CHART[first]


def chart_columns() -> dict[str, list[str]]:
    """Give the chart by columns, for a query that compares accounts with it."""
    return {
        "first": list(CHART),
        "kind": [kind.value for kind, _ in CHART.values()],
        "floor": [floor.value for _, floor in CHART.values()],
        "limitable": [str(first in LIMITABLE).lower() for first in CHART],
    }


@lru_cache(maxsize=65_536)
def identity(code: str) -> UUID:
    """Give the identity of the account with this code."""
    return ids.derived(_NAMESPACE, code)


def identities_hex(codes: Iterable[str]) -> list[str]:
    """Give the identities of many accounts at once, in hexadecimal."""
    return ids.derived_hex(f"{_NAMESPACE}/{code}" for code in codes)


def funding_bank(funder_code: str) -> str:
    """Name the account of the bank that keeps a funder's money."""
    return f"funding_bank/{funder_code}"


def capital(funder_code: str) -> str:
    """Name the account of what a funder put in."""
    return f"capital/{funder_code}"


def in_transit(channel: str) -> str:
    """Name the account of what a channel was told to pay and the bank has not shown yet."""
    return f"in_transit/{channel}"


def loan_principal(loan_id: UUID) -> str:
    """Name the account of what a loan's debtor owes as principal."""
    return f"loan_principal/{loan_id}"


def loan_interest(loan_id: UUID) -> str:
    """Name the account of what a loan's debtor owes as interest that has fallen due."""
    return f"loan_interest/{loan_id}"


def loan_fees(loan_id: UUID) -> str:
    """Name the account of what a loan's debtor owes as fees that have fallen due."""
    return f"loan_fees/{loan_id}"


def loan_penalty(loan_id: UUID) -> str:
    """Name the account of what a loan's debtor owes for paying late."""
    return f"loan_penalty/{loan_id}"


def loan_credit(loan_id: UUID) -> str:
    """Name the account of a loan's money that came in early or too much: it is the debtor's."""
    return f"loan_credit/{loan_id}"


def interest_accrued(funder_code: str) -> str:
    """Name the account of interest that a funder has earned and that is not due yet."""
    return f"interest_accrued/{funder_code}"


def interest_income(funder_code: str) -> str:
    """Name the account of a funder's income from interest."""
    return f"interest_income/{funder_code}"


def penalty_income(funder_code: str) -> str:
    """Name the account of a funder's income from late payment."""
    return f"penalty_income/{funder_code}"


def fee_income(funder_code: str) -> str:
    """Name the account of a funder's income from fees."""
    return f"fee_income/{funder_code}"


def recovery_income(funder_code: str) -> str:
    """Name the account of what came in for a funder's loans after they were written off."""
    return f"recovery_income/{funder_code}"


def interest_suspended(funder_code: str) -> str:
    """Name the account of interest and penalty that are owed and not counted as income.

    These are loans in non-accrual.
    """
    return f"interest_suspended/{funder_code}"


def write_off(funder_code: str) -> str:
    """Name the account of what a funder gave up for lost."""
    return f"write_off/{funder_code}"


def waiver(funder_code: str) -> str:
    """Name the account of what a funder gave up for a debtor's sake."""
    return f"waiver/{funder_code}"


def commission_expense(funder_code: str) -> str:
    """Name the account of what agencies cost a funder."""
    return f"commission_expense/{funder_code}"


def commission_payable(agency_ref: UUID) -> str:
    """Name the account of what is owed to an agency; a claw-back may turn it round."""
    return f"commission_payable/{agency_ref}"


def collection(channel: str) -> str:
    """Name the account of what a channel collected and the bank has not shown yet."""
    return f"collection/{channel}"


def channel_fees(channel: str) -> str:
    """Name the account of what a channel charged."""
    return f"channel_fees/{channel}"


def suspense(channel: str) -> str:
    """Name the account of a channel's money that nobody can explain yet."""
    return f"suspense/{channel}"


def _row(code: str, at: datetime) -> dict[str, object]:
    kind, floor = charted(code)
    return {"id": identity(code), "code": code, "kind": kind, "floor": floor, "opened_at": at}


OF_A_FUNDER: Final = (
    funding_bank,
    capital,
    interest_accrued,
    interest_income,
    penalty_income,
    fee_income,
    recovery_income,
    interest_suspended,
    write_off,
    waiver,
)
"""What names the accounts that every funder has."""
