"""Gathering: asking every source about one application, with nothing open and nothing locked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from disbursement.issuer_answers import AccountCheck, QuotedPayoff
from disbursement.issuer_answers import InstalmentOffer as IssuersOffer
from disbursement.issuers import Issuers, NoSuchAccount
from kernel.clock import business_day
from kernel.outbound import Garbled, NoAnswer
from kernel.surroundings import Surroundings
from underwriting import canonical
from underwriting.bureau_file import NOTHING_TOLD
from underwriting.canonical import decimal_text, instant_text
from underwriting.dossier import (
    AccountType,
    CardDebt,
    Dossier,
    InstalmentOffer,
    Quote,
)
from underwriting.features import catalogue
from underwriting.inquiries import (
    Answer,
    AskedCard,
    AssessmentRequest,
    CardQuote,
    Gathered,
    Person,
    ReferredCase,
)
from underwriting.policy_rules import Figure
from underwriting.sources import bureau, income, watchlists
from underwriting.sources.asking import SourceSilent
from underwriting.sources.bureau import Report
from underwriting.sources.income import Proof
from underwriting.sources.watchlists import Check

ISSUERS: Final = "issuers"
PLACES: Final = Decimal("0.0001")
CARDS_MAX: Final = 20
"""Beyond what a door lets in; three calls are made for each card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Card:
    debt: CardDebt
    payoff: QuotedPayoff | None


def gather(request: AssessmentRequest, *, surroundings: Surroundings, at: datetime) -> Gathered:
    """Ask every source and freeze what they say; never call this inside a transaction.

    A silent income source leaves the income unverified, as one without a proof does. Any other
    silence ends the gathering: nothing is decided and nothing is lost.

    Raises:
        SourceSilent: the bureau, the watchlists or an issuer gave no answer that can be read.
        SourceRefused: a source does not accept the question.
    """
    if len(request.cards) > CARDS_MAX:
        raise ValueError(f"at most {CARDS_MAX} cards are asked about")
    outbound, person = surroundings.outbound, request.person
    check = watchlists.check(outbound[watchlists.NAME], person)
    report = bureau.report(outbound[bureau.NAME], person, authorisation_no=request.authorisation_no)
    proof, silence = _proof(surroundings, person)
    issuers = Issuers(outbound[ISSUERS])
    cards = tuple(_card(issuers, card, person) for card in request.cards)
    return Gathered(
        dossier=_dossier(request, check, report, proof, cards=cards, at=at),
        evidence=(
            _answer(watchlists.NAME, check.check_no, _check_body(check), at),
            _answer(bureau.NAME, report.report_no if report else "", _report_body(report), at),
            _answer(income.NAME, proof.proof_no if proof else "", _proof_body(proof, silence), at),
            *(_card_answer(card, at) for card in cards),
        ),
        quotes=tuple(
            CardQuote(
                card_ref=card.debt.card_ref,
                issuer_code=card.debt.issuer_code,
                payoff=card.payoff,
            )
            for card in cards
            if card.payoff is not None
        ),
    )


def _proof(surroundings: Surroundings, person: Person) -> tuple[Proof | None, str]:
    try:
        return income.proof(surroundings.outbound[income.NAME], person), ""
    except SourceSilent as silence:
        return None, silence.reason


def _card(issuers: Issuers, asked: AskedCard, person: Person) -> _Card:
    try:
        check = issuers.verify(asked.issuer_code, asked.number, person.name)
        payoff, offer = None, None
        if _may_be_cleared(check):
            payoff = issuers.quote(asked.issuer_code, asked.number)
            offer = issuers.instalment_offer(asked.issuer_code, asked.number)
    except NoSuchAccount:
        return _Card(debt=_unknown(asked), payoff=None)
    except NoAnswer as silence:
        raise SourceSilent(ISSUERS, silence.reason) from None
    except Garbled:
        raise SourceSilent(ISSUERS, "the answer cannot be read") from None
    return _Card(debt=_debt(asked, check, payoff, offer), payoff=payoff)


def _may_be_cleared(check: AccountCheck) -> bool:
    # A stranger's card is not asked about any further: what is owed on it is not ours to know.
    return (
        check.payable
        and check.name_matches
        and AccountType(check.account_type) is AccountType.CREDIT
    )


def _debt(
    asked: AskedCard,
    check: AccountCheck,
    payoff: QuotedPayoff | None,
    offer: IssuersOffer | None,
) -> CardDebt:
    return CardDebt(
        card_ref=asked.card_ref,
        issuer_code=check.issuer_code,
        account_type=AccountType(check.account_type),
        payable=check.payable,
        name_matches=check.name_matches,
        quote=None
        if payoff is None
        else Quote(
            amount=payoff.amount,
            as_of=payoff.as_of,
            valid_until=payoff.valid_until,
            per_diem=payoff.per_diem,
            minimum_due=payoff.minimum_due,
            past_due=payoff.past_due,
            days_past_due=payoff.days_past_due,
            credit_limit=payoff.credit_limit,
            daily_rate=payoff.daily_rate,
            reference=payoff.reference,
        ),
        offer=None
        if offer is None
        else InstalmentOffer(
            months=offer.months,
            monthly_payment=offer.monthly_payment,
            total_cost=offer.total_cost,
        ),
    )


def _unknown(asked: AskedCard) -> CardDebt:
    return CardDebt(
        card_ref=asked.card_ref,
        issuer_code=asked.issuer_code,
        account_type=AccountType.UNKNOWN,
        payable=False,
        name_matches=False,
        quote=None,
        offer=None,
    )


def _dossier(
    request: AssessmentRequest,
    check: Check,
    report: Report | None,
    proof: Proof | None,
    *,
    cards: tuple[_Card, ...],
    at: datetime,
) -> Dossier:
    return Dossier(
        application_ref=request.application_ref,
        as_of=at,
        age=request.person.national_id.age_on(business_day(at)),
        purpose=request.purpose,
        stated_monthly_income=request.stated_monthly_income,
        verified_monthly_income=None if proof is None else proof.monthly_income,
        income_source=None if proof is None else proof.source,
        employment_months=request.employment_months if proof is None else proof.employment_months,
        essential_costs=request.essential_costs,
        identity_matches=request.identity_matches,
        deceased=request.deceased,
        watchlist_hits=check.hits,
        has_bureau_file=report is not None,
        figures={**_figures(report, at), **request.ring, **_inflation(request.case, cards)},
        cards=tuple(card.debt for card in cards),
        lender=request.lender,
        bureau_file=NOTHING_TOLD if report is None else report.file,
    )


def _figures(report: Report | None, at: datetime) -> dict[str, Decimal | None]:
    if report is None:
        return {}
    return {**report.figures, **catalogue.drawn(report.file, as_of=at)}


def _inflation(case: ReferredCase | None, cards: tuple[_Card, ...]) -> dict[str, Decimal]:
    """Tell how far the agency's figure lies above the issuer's, in percent of the issuer's.

    A debt that fell since it was stated looks the same, so a person looks and nothing is declined.
    """
    if case is None or case.stated_balance is None:
        return {}
    stated_of = (card.debt for card in cards if card.debt.card_ref == case.stated_card_ref)
    debt = next(stated_of, None)
    if debt is None or debt.quote is None or debt.quote.amount.fen <= 0:
        return {}
    over = max(Decimal(0), case.stated_balance.ratio_to(debt.quote.amount) - 1) * 100
    return {Figure.BALANCE_OVER_VERIFIED_PCT.value: over.quantize(PLACES, ROUND_HALF_EVEN)}


def _answer(source: str, reference: str, body: Mapping[str, Any], at: datetime) -> Answer:
    return Answer(source=source, reference=reference, body=canonical.dump(body), asked_at=at)


def _check_body(check: Check) -> dict[str, Any]:
    return {
        "as_of": instant_text(check.as_of),
        "hits": [{"list": hit.name, "reason": hit.reason} for hit in check.hits],
    }


def _report_body(report: Report | None) -> dict[str, Any]:
    if report is None:
        return {"nothing": "no_file"}
    events = {"file": report.file.plain()} if report.file.is_told else {}
    return {
        "as_of": instant_text(report.as_of),
        "figures": {
            name: None if value is None else decimal_text(value)
            for name, value in report.figures.items()
        },
        **events,
    }


def _proof_body(proof: Proof | None, silence: str) -> dict[str, Any]:
    if proof is None:
        return {"nothing": "silent" if silence else "no_proof"}
    return {
        "as_of": instant_text(proof.as_of),
        "monthly_income": str(proof.monthly_income),
        "source": proof.source,
        "employment_months": proof.employment_months,
    }


def _card_answer(card: _Card, at: datetime) -> Answer:
    debt = card.debt
    body = {
        "card_ref": str(debt.card_ref),
        "issuer_code": debt.issuer_code,
        "account_type": debt.account_type.value,
        "payable": debt.payable,
        "name_matches": debt.name_matches,
    }
    reference = "" if debt.quote is None else debt.quote.reference
    return _answer(ISSUERS, reference, body, at)
