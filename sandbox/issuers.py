"""The card issuers: account check, payoff quote, instalment offer, balance, settlement letter."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from flask import Blueprint, Response, g

from sandbox import cards, times, wire
from sandbox.amounts import write_yuan
from sandbox.cards import Card, Quote
from sandbox.wire import Body, Refused
from sandbox.world import World, world

blueprint = Blueprint("issuers", __name__, url_prefix="/issuers/<issuer_code>")

QUOTE_VALID: Final = timedelta(days=3)


@blueprint.post("/accounts/verify")
def verify(issuer_code: str) -> Response:
    """Tell whether a card can be paid, and whether the name is its holder's."""
    body = wire.read_object()
    name = wire.text(body, "name", most=64)
    here = world()
    with here.lock:
        card = _card(here, issuer_code, body)
        return wire.reply(
            {
                "payable": card.account_type == "credit" and card.state == "open",
                "account_type": card.account_type,
                "state": card.state,
                "name_matches": card.holder == name.strip(),
                "issuer_code": card.issuer_code,
            }
        )


@blueprint.post("/payoff-quotes")
def quote(issuer_code: str) -> Response:
    """Tell the amount that clears a card while the quote is valid."""
    body = wire.read_object()
    now: datetime = g.now
    here = world()
    with here.lock:
        card = _card(here, issuer_code, body)
        owed = cards.standing(card, now)
        amount = max(0, owed.owed_fen)
        valid_until = now + QUOTE_VALID
        card.remember(Quote(fen=amount, issued_at=now, valid_until=valid_until))
        past_due = min(card.past_due_fen, amount)
        return wire.reply(
            {
                "reference": here.number("PQ"),
                "amount": write_yuan(amount),
                "as_of": times.write_instant(now),
                "valid_until": times.write_instant(valid_until),
                "per_diem": write_yuan(owed.per_diem_fen),
                "minimum_due": write_yuan(min(card.minimum_due_fen, amount)),
                "past_due": write_yuan(past_due),
                "days_past_due": card.days_past_due if past_due else 0,
                "credit_limit": write_yuan(card.credit_limit_fen),
                "daily_rate": f"{card.daily_rate:f}",
            }
        )


@blueprint.post("/instalment-offers")
def instalment_offer(issuer_code: str) -> Response:
    """Tell the issuer's own instalment offer."""
    body = wire.read_object()
    here = world()
    with here.lock:
        card = _card(here, issuer_code, body)
    if card.instalment_offer is None:
        raise Refused(404, "no_offer", "the issuer makes no offer for this card")
    return wire.reply(card.instalment_offer)


@blueprint.post("/balances")
def balance(issuer_code: str) -> Response:
    """Tell what is owed on a card and what was paid last."""
    body = wire.read_object()
    now: datetime = g.now
    here = world()
    with here.lock:
        owed = cards.standing(_card(here, issuer_code, body), now)
    last = owed.last_payment
    return wire.reply(
        {
            "balance": write_yuan(owed.owed_fen),
            "as_of": times.write_instant(now),
            "last_payment": None
            if last is None
            else {"amount": write_yuan(last.fen), "posted_at": times.write_instant(last.posted_at)},
        }
    )


@blueprint.post("/settlement-letters")
def settlement_letter(issuer_code: str) -> Response:
    """Certify that nothing is owed on a card."""
    body = wire.read_object()
    now: datetime = g.now
    here = world()
    with here.lock:
        card = _card(here, issuer_code, body)
        owed = cards.standing(card, now)
        if owed.owed_fen > 0:
            raise Refused(409, "not_settled", "a balance is left on this card")
        letter_no = here.number("SL")
    last = owed.last_payment
    settled_on = card.as_of if last is None else last.posted_at.date()
    amount = write_yuan(0 if last is None else last.fen)
    text = (
        f"结清证明 {letter_no}：尾号 {card.number[-4:]} 的信用卡账户已于 {settled_on} 结清，"
        f"还款金额 {amount} 元。"
    )
    return wire.reply(
        {
            "letter_no": letter_no,
            "settled_on": settled_on.isoformat(),
            "amount": amount,
            "text": text,
        }
    )


def _card(here: World, issuer_code: str, body: Body) -> Card:
    """Find a card at its issuer.

    Raises:
        Refused: the issuer has no such card.
    """
    card = here.cards.get(wire.text(body, "card_number", like=wire.CARD_NUMBER))
    if card is None or card.issuer_code != issuer_code:
        raise Refused(404, "no_such_account", "the issuer has no such card")
    return card
