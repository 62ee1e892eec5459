"""The bureau's file on a person, event by event: who asked, which accounts, what was repaid. Pure.

A list that was not told is None; an empty one was told and has nothing in it. Rows say when they
happened and when each part of them became known, so that features can be drawn as of any instant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeVar

from kernel.money import Money
from underwriting.canonical import instant_text, read_instant, read_text, read_whole

INQUIRIES_MAX: Final = 1_000
ACCOUNTS_MAX: Final = 500
REPAYMENTS_MAX: Final = 3_000
"""Ten years of twenty-five accounts."""
ORGANISATION_MAX: Final = 40
LATE_MONTHS_MAX: Final = 600

Row = TypeVar("Row")


class OrganisationKind(StrEnum):
    """What kind of organisation asked the bureau, as data products tell multi-lender inquiries."""

    BANK = "bank"
    CONSUMER_FINANCE = "consumer_finance"
    CASH_LOAN = "cash_loan"
    P2P = "p2p"
    CREDIT_PAY = "credit_pay"
    CONSUMER_INSTALMENT = "consumer_instalment"
    BALANCE_TRANSFER = "balance_transfer"
    DIVERSION = "diversion"
    """Sells the applicant on to lenders."""
    CREDIT_BUREAU = "credit_bureau"
    DATA_AGGREGATOR = "data_aggregator"
    OTHER = "other"
    """One that is not known here; never counted as a lender."""


LENDERS: Final = (
    OrganisationKind.BANK,
    OrganisationKind.CONSUMER_FINANCE,
    OrganisationKind.CASH_LOAN,
    OrganisationKind.P2P,
    OrganisationKind.CREDIT_PAY,
    OrganisationKind.CONSUMER_INSTALMENT,
    OrganisationKind.BALANCE_TRANSFER,
)


class AccountKind(StrEnum):
    """What kind of credit an account is."""

    CARD = "card"
    INSTALMENT = "instalment"
    CASH_LOAN = "cash_loan"
    MORTGAGE = "mortgage"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """One query by one organisation."""

    at: datetime
    kind: OrganisationKind
    organisation: str
    """The asker's code, to tell one from another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One credit account, as last reported."""

    opened_at: datetime
    kind: AccountKind
    limit: Money
    reported_at: datetime
    """When balance and late months became known."""
    balance: Money
    late_months: int
    """Months with a late payment since it was opened."""
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repayment:
    """One payment that was due on an account."""

    due_at: datetime
    due: Money
    paid_at: datetime | None
    """None while it is open."""
    paid: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class BureauFile:
    """What the bureau told of a person event by event."""

    inquiries: tuple[Inquiry, ...] | None = None
    accounts: tuple[Account, ...] | None = None
    repayments: tuple[Repayment, ...] | None = None

    @property
    def is_told(self) -> bool:
        """Whether any list was told, an empty one too."""
        return any(getattr(self, each.name) is not None for each in fields(self))

    def plain(self) -> dict[str, Any]:
        """Spell the lists, one told as such and one untold as null."""
        return {
            "inquiries": _spelled(self.inquiries, _inquiry_plain),
            "accounts": _spelled(self.accounts, _account_plain),
            "repayments": _spelled(self.repayments, _repayment_plain),
        }


NOTHING_TOLD: Final = BureauFile()


def read(plain: Mapping[str, Any]) -> BureauFile:
    """Read the lists from their spelling; one that is missing or null was not told.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: something is misspelled, or a list is
            longer than anybody's.
    """
    return BureauFile(
        inquiries=_read(plain.get("inquiries"), _inquiry, most=INQUIRIES_MAX),
        accounts=_read(plain.get("accounts"), _account, most=ACCOUNTS_MAX),
        repayments=_read(plain.get("repayments"), _repayment, most=REPAYMENTS_MAX),
    )


def _spelled(
    rows: tuple[Row, ...] | None, spell: Callable[[Row], dict[str, Any]]
) -> list[dict[str, Any]] | None:
    return None if rows is None else [spell(row) for row in rows]


def _read(
    plain: object, read_one: Callable[[Mapping[str, Any]], Row], *, most: int
) -> tuple[Row, ...] | None:
    if plain is None:
        return None
    if not isinstance(plain, list) or len(plain) > most:
        raise ValueError(f"not a list of at most {most} rows")
    return tuple(read_one(row) for row in plain)


def _inquiry_plain(inquiry: Inquiry) -> dict[str, Any]:
    return {
        "at": instant_text(inquiry.at),
        "kind": inquiry.kind.value,
        "organisation": inquiry.organisation,
    }


def _inquiry(plain: Mapping[str, Any]) -> Inquiry:
    organisation = read_text(plain["organisation"])
    if not 0 < len(organisation) <= ORGANISATION_MAX:
        raise ValueError("not the code of an organisation")
    return Inquiry(
        at=read_instant(plain["at"]),
        kind=_kind(OrganisationKind, plain["kind"]),
        organisation=organisation,
    )


def _account_plain(account: Account) -> dict[str, Any]:
    return {
        "opened_at": instant_text(account.opened_at),
        "kind": account.kind.value,
        "limit": str(account.limit),
        "reported_at": instant_text(account.reported_at),
        "balance": str(account.balance),
        "late_months": account.late_months,
        "closed_at": _instant_text(account.closed_at),
    }


def _account(plain: Mapping[str, Any]) -> Account:
    return Account(
        opened_at=read_instant(plain["opened_at"]),
        kind=_kind(AccountKind, plain["kind"]),
        limit=Money.yuan(plain["limit"]),
        reported_at=read_instant(plain["reported_at"]),
        balance=Money.yuan(plain["balance"]),
        late_months=read_whole(plain["late_months"], most=LATE_MONTHS_MAX),
        closed_at=_instant(plain["closed_at"]),
    )


def _repayment_plain(repayment: Repayment) -> dict[str, Any]:
    return {
        "due_at": instant_text(repayment.due_at),
        "due": str(repayment.due),
        "paid_at": _instant_text(repayment.paid_at),
        "paid": str(repayment.paid),
    }


def _repayment(plain: Mapping[str, Any]) -> Repayment:
    return Repayment(
        due_at=read_instant(plain["due_at"]),
        due=Money.yuan(plain["due"]),
        paid_at=_instant(plain["paid_at"]),
        paid=Money.yuan(plain["paid"]),
    )


Kind = TypeVar("Kind", OrganisationKind, AccountKind)


def _kind(kinds: type[Kind], word: object) -> Kind:
    """Take a word that is not known here as "other": the bureau adds kinds without asking us."""
    known = read_text(word)
    return kinds(known) if known in set(kinds) else kinds("other")


def _instant_text(at: datetime | None) -> str | None:
    return None if at is None else instant_text(at)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else read_instant(text)
