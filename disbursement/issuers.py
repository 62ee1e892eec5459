"""The card issuers from outside: is the card payable, what clears it, and was it cleared.

Every call may raise `NoAnswer` (nobody knows) or `Garbled` (the answer cannot be read); neither is
ever taken for a no.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import quote

from disbursement.issuer_answers import (
    AccountCheck,
    AccountType,
    CardBalance,
    InstalmentOffer,
    LastPayment,
    QuotedPayoff,
    SettlementLetter,
)
from kernel.clock import require_aware
from kernel.money import ZERO, Money
from kernel.outbound import Garbled, NoAnswer, Outbound, Reply
from kernel.personal import CardNumber, PersonName

T = TypeVar("T")

TEXT_MAX: Final = 2_000
DAYS_MAX: Final = 36_500
MONTHS_MAX: Final = 360
RATE_STEP: Final = Decimal("1e-12")


class NoSuchAccount(Exception):
    """The issuer says that it has no such card."""


class Issuers:
    """The way to all card issuers."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def verify(self, issuer_code: str, card: CardNumber, name: PersonName) -> AccountCheck:
        """Ask what a card is and whether it is this person's.

        Raises:
            NoSuchAccount: the issuer has no such card.
            NoAnswer: nobody knows.
            Garbled: the answer cannot be read.
        """
        body = {"card_number": card.plain, "name": name.plain}
        return _read(self._tell(issuer_code, "accounts/verify", body), _account_check)

    def quote(self, issuer_code: str, card: CardNumber) -> QuotedPayoff:
        """Ask what clears a card.

        Raises:
            NoSuchAccount: the issuer has no such card.
            NoAnswer: nobody knows.
            Garbled: the answer cannot be read.
        """
        body = {"card_number": card.plain}
        return _read(self._tell(issuer_code, "payoff-quotes", body), _quoted_payoff)

    def instalment_offer(self, issuer_code: str, card: CardNumber) -> InstalmentOffer | None:
        """Ask for the issuer's own instalment offer; None when it makes none.

        Raises:
            NoSuchAccount: the issuer has no such card.
            NoAnswer: nobody knows.
            Garbled: the answer cannot be read.
        """
        body = {"card_number": card.plain}
        found = self._ask(issuer_code, "instalment-offers", body, nothing="no_offer")
        return None if found is None else _read(found, _instalment_offer)

    def balance(self, issuer_code: str, card: CardNumber) -> CardBalance:
        """Ask what is owed on a card.

        Raises:
            NoSuchAccount: the issuer has no such card.
            NoAnswer: nobody knows.
            Garbled: the answer cannot be read.
        """
        body = {"card_number": card.plain}
        return _read(self._tell(issuer_code, "balances", body), _card_balance)

    def settlement_letter(self, issuer_code: str, card: CardNumber) -> SettlementLetter | None:
        """Ask for a certificate that nothing is owed; None while something is.

        Raises:
            NoSuchAccount: the issuer has no such card.
            NoAnswer: nobody knows.
            Garbled: the answer cannot be read.
        """
        body = {"card_number": card.plain}
        found = self._ask(issuer_code, "settlement-letters", body, nothing="not_settled")
        return None if found is None else _read(found, _settlement_letter)

    def _tell(self, issuer_code: str, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
        found = self._ask(issuer_code, what, body, nothing="")
        assert found is not None, "no refusal has an empty code"
        return found

    def _ask(
        self, issuer_code: str, what: str, body: Mapping[str, Any], *, nothing: str
    ) -> dict[str, Any] | None:
        """Post a question; `nothing` is the code by which the issuer says there is none."""
        reply = self._outbound.post_json(f"/issuers/{quote(issuer_code, safe='')}/{what}", body)
        if reply.status == HTTPStatus.OK:
            return reply.json()
        code = _error_code(reply)
        if code == "no_such_account":
            raise NoSuchAccount("the issuer has no such card")
        if nothing and code == nothing:
            return None
        raise NoAnswer(f"the issuer answered with status {reply.status}")


def _error_code(reply: Reply) -> str:
    """Give the code of a refusal; a 5xx or anything unreadable has none."""
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ""
    try:
        return str(reply.json().get("error", ""))
    except Garbled:
        return ""


def _read(body: Mapping[str, Any], build: Callable[[Mapping[str, Any]], T]) -> T:
    try:
        return build(body)
    except (KeyError, TypeError, ValueError, InvalidOperation):
        raise Garbled("the issuer's answer lacks a field or has one of another form") from None


def _account_check(body: Mapping[str, Any]) -> AccountCheck:
    return AccountCheck(
        payable=_flag(body["payable"]),
        account_type=AccountType(body["account_type"]),
        state=_text(body["state"]),
        name_matches=_flag(body["name_matches"]),
        issuer_code=_text(body["issuer_code"]),
    )


def _quoted_payoff(body: Mapping[str, Any]) -> QuotedPayoff:
    return QuotedPayoff(
        reference=_text(body["reference"]),
        amount=_not_negative(body["amount"]),
        as_of=_instant(body["as_of"]),
        valid_until=_instant(body["valid_until"]),
        per_diem=_not_negative(body["per_diem"]),
        minimum_due=_not_negative(body["minimum_due"]),
        past_due=_not_negative(body["past_due"]),
        days_past_due=_count(body["days_past_due"], most=DAYS_MAX),
        credit_limit=_not_negative(body["credit_limit"]),
        daily_rate=_fraction(body["daily_rate"]),
    )


def _instalment_offer(body: Mapping[str, Any]) -> InstalmentOffer:
    return InstalmentOffer(
        months=_count(body["months"], most=MONTHS_MAX),
        monthly_fee_rate=_fraction(body["monthly_fee_rate"]),
        monthly_payment=_not_negative(body["monthly_payment"]),
        total_cost=_not_negative(body["total_cost"]),
    )


def _card_balance(body: Mapping[str, Any]) -> CardBalance:
    last = body["last_payment"]
    return CardBalance(
        balance=Money.yuan(_text(body["balance"])),
        as_of=_instant(body["as_of"]),
        last_payment=None
        if last is None
        else LastPayment(
            amount=_not_negative(last["amount"]), posted_at=_instant(last["posted_at"])
        ),
    )


def _settlement_letter(body: Mapping[str, Any]) -> SettlementLetter:
    return SettlementLetter(
        letter_no=_text(body["letter_no"]),
        settled_on=date.fromisoformat(_text(body["settled_on"])),
        amount=_not_negative(body["amount"]),
        text=_text(body["text"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_MAX:
        raise ValueError("not a short text")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("not true or false")
    return value


def _count(value: object, *, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError("not a count")
    return value


def _not_negative(value: object) -> Money:
    money = Money.yuan(_text(value))
    if money < ZERO:
        raise ValueError("below zero")
    return money


def _fraction(value: object) -> Decimal:
    found = Decimal(_text(value))
    if not 0 <= found < 1 or found != found.quantize(RATE_STEP):
        raise ValueError("not a fraction with at most twelve decimals")
    return found


def _instant(value: object) -> datetime:
    return require_aware(datetime.fromisoformat(_text(value)))
