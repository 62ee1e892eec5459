"""Reading people and their cards from the control call that loads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

from sandbox import bureau_events, times, wire
from sandbox.amounts import write_yuan
from sandbox.cards import Card
from sandbox.wire import Body, Refused
from sandbox.world import Hit, Person

PEOPLE_PER_CALL_MAX: Final = 5_000
CARDS_PER_PERSON_MAX: Final = 50
HITS_PER_PERSON_MAX: Final = 50
FIGURES_MAX: Final = 500

NATIONAL_ID: Final = re.compile(r"[0-9A-Za-z]{1,32}", re.ASCII)
INCOME_SOURCES: Final = ("social_insurance", "tax", "payroll")
ACCOUNT_TYPES: Final = ("credit", "debit", "prepaid")
STATES: Final = ("open", "closed", "frozen")

Household = tuple[Person, tuple[Card, ...]]


def read(body: Body, *, today: date) -> list[Household]:
    """Read everybody in a control call; one bad field refuses them all.

    Raises:
        Refused: 400, naming the first bad field by its place.
    """
    found = wire.as_list(body.get("people"), "people", most=PEOPLE_PER_CALL_MAX)
    return [_household(one, f"people[{place}]", today) for place, one in enumerate(found)]


def _household(value: object, where: str, today: date) -> Household:
    body = wire.as_object(value, where)
    try:
        national_id = wire.text(body, "national_id", like=NATIONAL_ID)
        name = wire.text(body, "name", most=64).strip()
        listed = wire.as_list(body.get("cards"), "cards", most=CARDS_PER_PERSON_MAX)
        cards = tuple(
            _card(one, f"cards[{place}]", (national_id, name), today)
            for place, one in enumerate(listed)
        )
        income = body.get("monthly_income")
        person = Person(
            national_id=national_id,
            name=name,
            mobile=wire.text(body, "mobile", like=wire.MOBILE),
            figures=_figures(body.get("figures")),
            events=bureau_events.read(body),
            monthly_income_fen=None if income is None else wire.fen(body, "monthly_income"),
            income_source=wire.choice(body, "income_source", INCOME_SOURCES, "social_insurance"),
            employment_months=wire.whole(body, "employment_months", default=0, most=1_200),
            hits=_hits(body.get("watchlist")),
            is_deceased=wire.flag(body, "deceased", default=False),
            identity_matches=wire.flag(body, "identity_matches", default=True),
            card_numbers=tuple(card.number for card in cards),
        )
    except Refused as refusal:
        raise _placed(refusal, where) from None
    return person, cards


def _card(value: object, where: str, holder: tuple[str, str], today: date) -> Card:
    body = wire.as_object(value, where)
    try:
        return Card(
            number=wire.text(body, "card_number", like=wire.CARD_NUMBER),
            holder_id=holder[0],
            holder=holder[1],
            issuer_code=wire.text(body, "issuer_code", like=wire.CODE),
            account_type=wire.choice(body, "account_type", ACCOUNT_TYPES, "credit"),
            state=wire.choice(body, "state", STATES, "open"),
            balance_fen=wire.fen(body, "balance", default=0),
            minimum_due_fen=wire.fen(body, "minimum_due", default=0),
            past_due_fen=wire.fen(body, "past_due", default=0),
            days_past_due=wire.whole(body, "days_past_due", default=0),
            credit_limit_fen=wire.fen(body, "credit_limit", default=0),
            daily_rate=wire.rate(body, "daily_rate", default="0.0005"),
            as_of=_as_of(body, today),
            instalment_offer=_offer(body.get("instalment_offer")),
        )
    except Refused as refusal:
        raise _placed(refusal, where) from None


def _as_of(body: Body, today: date) -> date:
    if body.get("as_of") is None:
        return today
    text = wire.text(body, "as_of", most=40)
    try:
        return times.read_day(text) if len(text) == 10 else times.read_instant(text).date()
    except ValueError:
        wire.bad_field("as_of", "must be a day or a time with offset")


def _offer(value: object) -> Mapping[str, object] | None:
    if value is None:
        return None
    body = wire.as_object(value, "instalment_offer")
    rate = wire.rate(body, "monthly_fee_rate", default="0")
    return {
        "months": wire.whole(body, "months", default=12, least=1, most=120),
        "monthly_fee_rate": f"{rate:f}",
        "monthly_payment": write_yuan(wire.fen(body, "monthly_payment")),
        "total_cost": write_yuan(wire.fen(body, "total_cost")),
    }


def _figures(value: object) -> Mapping[str, int | float | None] | None:
    if value is None:
        return None
    body = wire.as_object(value, "figures")
    if len(body) > FIGURES_MAX:
        wire.bad_field("figures", f"must have at most {FIGURES_MAX} entries")
    figures: dict[str, int | float | None] = {}
    for name, figure in body.items():
        if len(name) > 100 or not wire.is_clean(name):
            wire.bad_field("figures", "has a name that is malformed")
        if isinstance(figure, bool) or not isinstance(figure, int | float | None):
            wire.bad_field("figures", "must be numbers or nulls")
        figures[name] = figure
    return figures


def _hits(value: object) -> tuple[Hit, ...]:
    hits: list[Hit] = []
    for one in wire.as_list(value, "watchlist", most=HITS_PER_PERSON_MAX):
        body = wire.as_object(one, "watchlist")
        hits.append(Hit(list_name=wire.text(body, "list"), reason=wire.text(body, "reason")))
    return tuple(hits)


def _placed(refusal: Refused, where: str) -> Refused:
    return Refused(refusal.status, refusal.code, f"{where}.{refusal.message}")
