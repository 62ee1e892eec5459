"""Making offers: from an approval, and anew for a signed loan whose card became dearer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from disbursement import funders, late_terms, products
from kernel import events, ids, moves
from kernel.actors import Actor
from kernel.clock import business_day
from kernel.money import Money
from kernel.rates import Rate
from kernel.refusals import Refused
from origination import cards, disclosure, offers
from origination.disclosure import CardLine, Disclosure, Lender, Terms
from origination.records.applications import (
    APPLICATION_MOVES,
    Application,
    ApplicationStatus,
)
from origination.records.offers import OFFER_MOVES, Offer, OfferCard, OfferStatus
from underwriting.better_off import Comparison
from underwriting.decisions import Decision
from underwriting.dossier import Dossier

VALID_DAYS: Final = 7
"""At most; an issuer's quote seldom holds so long."""


class QuotesExpired(Refused):
    """The issuers' quotes that the approval rests on hold no longer: assess anew."""

    status = HTTPStatus.CONFLICT
    code = "quotes_expired"
    title = "The cards' payoff amounts are out of date; assess the application again"
    title_zh = "发卡行结清报价已过期，请重新评估"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What an offer is made from: the decision with its terms, and the dossier behind it."""

    assessment_id: UUID
    decision: Decision
    dossier: Dossier

    def __post_init__(self) -> None:
        assert self.decision.has_terms, "only a decision with terms can be offered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dearer:
    """What a card costs now, and the most that may then be sent to it."""

    quoted: Money
    ceiling: Money
    valid_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """What is known about an offer before its disclosure is worked out."""

    assessment_id: UUID
    version: int
    terms: Terms
    comparison: Comparison


def make(
    session: Session, application: Application, approval: Approval, *, by: Actor, at: datetime
) -> Offer:
    """Offer what was approved and move the application to offered.

    Raises:
        QuotesExpired: a chosen card's quote holds no longer.
        NoSuchFunder: the lender of the approval is unknown.
        MoveRefused: the application waits for no offer.
    """
    decision = approval.decision
    assert decision.comparison is not None, "a decision with terms has a comparison"
    valid_until = _valid_until(approval, at=at)
    terms = Terms(
        lender=_lender(session, approval.dossier.lender.funder_code),
        product_code=products.BALANCE_TRANSFER,
        product_version=approval.dossier.lender.product_version,
        cards=_lines(session, application, approval),
        valid_until=valid_until,
        **_price(decision, cap=approval.dossier.lender.annual_cap, at=at),
    )
    frame = _Frame(
        assessment_id=approval.assessment_id,
        version=_next_version(session, application),
        terms=terms,
        comparison=decision.comparison,
    )
    moves.advance(
        session, application, ApplicationStatus.OFFERED, table=APPLICATION_MOVES, by=by, at=at
    )
    return _written(session, application, frame, by=by, at=at)


def make_dearer(
    session: Session,
    application: Application,
    signed: Offer,
    *,
    ceilings: Mapping[UUID, Dearer],
    by: Actor,
    at: datetime,
) -> Offer:
    """Offer a signed loan anew with higher ceilings for the cards that became dearer.

    Rate, term, lender and the other cards stay; the alternatives are those of the first offer.

    Raises:
        QuotesExpired: a new quote holds no longer.
    """
    before = offers.shown(signed)
    lines = tuple(
        _dearer_line(line, ceilings.get(UUID(line["card_ref"]))) for line in before["cards"]
    )
    valid_until = min(
        *(dearer.valid_until for dearer in ceilings.values()), at + timedelta(days=VALID_DAYS)
    )
    if valid_until <= at:
        raise QuotesExpired()
    funder = funders.get(session, signed.funder_code)
    rate, on = Rate(signed.annual_rate), business_day(at)
    terms = Terms(
        lender=_lender(session, signed.funder_code),
        product_code=signed.product_code,
        product_version=signed.product_version,
        annual_rate=rate,
        months=signed.months,
        penalty=late_terms.penalty(rate, cap=funders.cap(funder, on), on=on),
        cards=lines,
        value_date=on,
        valid_until=valid_until,
    )
    frame = _Frame(
        assessment_id=signed.assessment_id,
        version=_next_version(session, application),
        terms=terms,
        comparison=disclosure.read_comparison(before["comparison"]),
    )
    return _written(session, application, frame, by=by, at=at)


def _written(
    session: Session, application: Application, frame: _Frame, *, by: Actor, at: datetime
) -> Offer:
    terms = frame.terms
    told = disclosure.build(
        terms,
        staying=frame.comparison.staying,
        offers=frame.comparison.offers,
        cheaper_from=frame.comparison.cheaper_from,
    )
    offer = _offer(application, frame, told, at=at)
    moves.begin(session, offer, table=OFFER_MOVES, by=by, at=at)
    session.add_all(
        OfferCard(
            id=ids.derived(offer.id, "card", str(line.card_ref)),
            offer_id=offer.id,
            card_id=line.card_ref,
            issuer_code=line.issuer_code,
            quoted=line.quoted,
            ceiling=line.ceiling,
        )
        for line in terms.cards
    )
    session.flush()
    events.append(
        session,
        "offer.made",
        subject=application.id,
        at=at,
        body={"offer_id": str(offer.id), "version": offer.version},
    )
    return offer


def _offer(application: Application, frame: _Frame, told: Disclosure, *, at: datetime) -> Offer:
    terms = frame.terms
    return Offer(
        id=ids.derived(application.id, "offer", frame.version),
        application_id=application.id,
        version=frame.version,
        assessment_id=frame.assessment_id,
        funder_code=terms.lender.code,
        product_code=terms.product_code,
        product_version=terms.product_version,
        principal=terms.principal,
        annual_rate=terms.annual_rate.annual,
        months=terms.months,
        instalment=told.plan.instalment,
        total_interest=told.plan.total_interest,
        simple_apr=told.simple_apr,
        irr=told.irr,
        status=OfferStatus.OPEN,
        made_at=at,
        valid_until=terms.valid_until,
        disclosure=told.content.decode(),
        disclosure_sha256=told.sha256,
        read_from_at=None,
    )


def _price(decision: Decision, *, cap: Rate, at: datetime) -> dict[str, Any]:
    assert decision.annual_rate is not None, "a decision with terms has a rate"
    assert decision.months is not None, "a decision with terms has a term"
    on = business_day(at)
    return {
        "annual_rate": decision.annual_rate,
        "months": decision.months,
        "penalty": late_terms.penalty(decision.annual_rate, cap=cap, on=on),
        "value_date": on,
    }


def _valid_until(approval: Approval, *, at: datetime) -> datetime:
    """Give the end of the offer: a quote that holds no longer would cost another amount."""
    chosen = {card.card_ref for card in approval.decision.chosen}
    ends = [
        card.quote.valid_until
        for card in approval.dossier.cards
        if card.card_ref in chosen and card.quote is not None
    ]
    valid_until = min(*ends, at + timedelta(days=VALID_DAYS))
    if valid_until <= at:
        raise QuotesExpired()
    return valid_until


def _lines(session: Session, application: Application, approval: Approval) -> tuple[CardLine, ...]:
    entered = {card.id: card for card in cards.listed(session, application)}
    issuers = {card.card_ref: card.issuer_code for card in approval.dossier.cards}
    return tuple(
        CardLine(
            card_ref=chosen.card_ref,
            issuer_code=issuers[chosen.card_ref],
            last4=entered[chosen.card_ref].last4,
            quoted=chosen.amount,
            ceiling=chosen.ceiling,
        )
        for chosen in approval.decision.chosen
    )


def _dearer_line(line: Mapping[str, Any], dearer: Dearer | None) -> CardLine:
    return CardLine(
        card_ref=UUID(line["card_ref"]),
        issuer_code=line["issuer_code"],
        last4=line["last4"],
        quoted=Money.yuan(line["quoted"]) if dearer is None else dearer.quoted,
        ceiling=Money.yuan(line["ceiling"]) if dearer is None else dearer.ceiling,
    )


def _lender(session: Session, code: str) -> Lender:
    funder = funders.get(session, code)
    return Lender(code=funder.code, name=funder.name, licence=funder.licence.value)


def _next_version(session: Session, application: Application) -> int:
    last = session.scalar(
        select(func.max(Offer.version)).where(Offer.application_id == application.id)
    )
    return 1 + (last or 0)
