"""What a fact means for an application, its debtor and his agency.

Every reaction looks at what is there first, so that a fact which comes late does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final
from uuid import UUID

from disbursement import commissions, legs, loans
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel import moves
from kernel.actors import Actor, Role
from origination import (
    agency_states,
    applicants,
    closing,
    deciding,
    loan_news,
    offers,
    requotes,
)
from origination.records.agencies import Agency
from origination.records.applications import (
    APPLICATION_MOVES,
    CLOSED,
    Application,
    ApplicationCard,
    ApplicationStatus,
)
from origination.records.offers import OFFER_MOVES, OfferStatus
from origination.records.referrals import Referral
from origination.records.webhooks import AgencyState
from origination.tellings import News, tell_agency, tell_debtor, tell_of_referral
from underwriting import askings
from underwriting.decisions import Outcome


def _referral_received(news: News) -> None:
    tell_of_referral(news, AgencyState.RECEIVED)


def _referral_invited(news: News) -> None:
    tell_of_referral(news, AgencyState.INVITED)


def _referral_over(news: News) -> None:
    tell_of_referral(news, AgencyState.DECLINED_OR_WITHDRAWN)


def _submitted(news: News) -> None:
    application = applicants.get(news.session, news.fact.subject)
    tell_debtor(news, application, "application_submitted", once_for=application.id)
    tell_agency(news, application, AgencyState.APPLIED, occasion=application.id)


def _decided(news: News) -> None:
    application = applicants.get(news.session, news.fact.subject)
    templates = {"review": "application_in_review", "decline": "application_declined"}
    template = templates.get(news.fact.body["outcome"])
    if template is not None and not news.fact.body.get("goes_on", False):
        tell_debtor(news, application, template, once_for=UUID(news.fact.body["assessment_id"]))


def _review_requested(news: News) -> None:
    application = applicants.get(news.session, news.fact.subject)
    tell_debtor(news, application, "application_in_review", once_for=application.id)


def _reviewed(news: News) -> None:
    """Do what a person decided in the risk console."""
    application = _of(news)
    if application.assessment_id == news.fact.subject and (
        application.status is ApplicationStatus.REVIEW
    ):
        outcome = Outcome(news.fact.body["outcome"])
        deciding.conclude(news.session, application, outcome, by=news.by, at=news.at)


def _asked_anew(news: News) -> None:
    """Have an application assessed anew, as a person asked in the risk console."""
    application = _of(news)
    if application.assessment_id == news.fact.subject and (
        application.status is ApplicationStatus.REVIEW
    ):
        role, _, identity = news.fact.body["by"].partition(":")
        by, reason = Actor(Role(role), identity), news.fact.body["reason"]
        deciding.look_again(news.session, application, reason=reason, by=by, at=news.at)


def _offer_made(news: News) -> None:
    application = applicants.get(news.session, news.fact.subject)
    offer_id = UUID(news.fact.body["offer_id"])
    first = news.fact.body["version"] == 1
    tell_debtor(news, application, "offer_ready" if first else "requote_needed", once_for=offer_id)
    if first:
        tell_agency(news, application, AgencyState.APPROVED, occasion=application.id)


def _signed(news: News) -> None:
    application = applicants.get(news.session, news.fact.subject)
    once_for = UUID(news.fact.body["offer_id"])
    tell_debtor(news, application, "contract_signed", once_for=once_for)


def _closed(news: News) -> None:
    application = applicants.get(news.session, news.fact.subject)
    status = ApplicationStatus(news.fact.body["status"])
    if status is ApplicationStatus.EXPIRED and offers.latest(news.session, application):
        tell_debtor(news, application, "offer_expired", once_for=application.id)
    came_back = any(leg.status is LegStatus.RETURNED for leg in _legs(news, application))
    if status is not ApplicationStatus.ACTIVE and not came_back:
        tell_agency(news, application, AgencyState.DECLINED_OR_WITHDRAWN, occasion=application.id)


def _payout_paid(news: News) -> None:
    application = _of(news)
    _pay_on(news, application)
    tell_debtor(
        news,
        application,
        "payout_paid",
        once_for=news.fact.subject,
        values={"last4": _card(news).last4},
    )


def _payout_over(news: News) -> None:
    _pay_on(news, _of(news))


def _payout_returned(news: News) -> None:
    application = _of(news)
    _pay_on(news, application)
    tell_debtor(
        news,
        application,
        "payout_returned",
        once_for=news.fact.subject,
        values={"last4": _card(news).last4},
    )
    commissions.take_back(news.session, news.fact.subject, by=news.by, at=news.at)
    if _concerns_case(news, application):
        application.paid_off_at = None
        tell_agency(news, application, AgencyState.RETURNED, occasion=news.fact.subject)


def _payoff_verified(news: News) -> None:
    """Tell the agency that its case is paid off: by the issuer's own word, and not before.

    The case is one card; where it is none of the loan's, all of the loan's must be clear.
    """
    application = _of(news)
    case_card = _case_card(news, application)
    if case_card is None:
        done = all(
            leg.status is LegStatus.PAYOFF_VERIFIED
            for leg in _legs(news, application)
            if leg.status in legs.LIVE
        )
    else:
        done = case_card.id == _card(news).id
        if done:
            _owe_commission(news, application)
    if done and application.paid_off_at is None:
        application.paid_off_at = news.fact.at
        tell_agency(news, application, AgencyState.PAID_OFF, occasion=news.fact.subject)


def _owe_commission(news: News, application: Application) -> None:
    """Owe the agency its fee for the card it referred; another card earns it nothing."""
    referral = news.session.get_one(Referral, application.referral_id)
    agency = news.session.get_one(Agency, referral.agency_id)
    referrer = commissions.Agency(ref=agency.id, code=agency.code)
    commissions.earn(news.session, news.fact.subject, referrer, by=news.by, at=news.at)


def _requote_needed(news: News) -> None:
    application = _of(news)
    _pay_on(news, application)
    if application.status in {ApplicationStatus.PAYING, ApplicationStatus.REQUOTE}:
        requotes.ask(news.session, application, by=news.by, at=news.at)


def _loan_activated(news: News) -> None:
    application = _of(news)
    if application.status is ApplicationStatus.ACTIVE:
        return
    _pay_on(news, application, answered=True)
    closing.close(
        news.session,
        application,
        ApplicationStatus.ACTIVE,
        reason="the loan runs",
        by=news.by,
        at=news.at,
    )
    tell_debtor(news, application, "loan_active", once_for=news.fact.subject)


def _loan_over(news: News) -> None:
    """End an application whose loan came to nothing; one the debtor withdrew has ended."""
    application = _of(news)
    if application.status in CLOSED - {ApplicationStatus.ACTIVE}:
        return
    if application.status is not ApplicationStatus.ACTIVE:
        _pay_on(news, application, answered=True)
    closing.close(
        news.session,
        application,
        ApplicationStatus.FAILED,
        reason=news.fact.body.get("reason", ""),
        by=news.by,
        at=news.at,
    )
    tell_debtor(news, application, "loan_cancelled", once_for=news.fact.subject)


REACTIONS: Final[Mapping[str, Callable[[News], None]]] = MappingProxyType(
    {
        "referral.received": _referral_received,
        "referral.invited": _referral_invited,
        "referral.declined": _referral_over,
        "referral.lapsed": _referral_over,
        # A superseded referral's agency must not learn that another one owns the person.
        "application.submitted": _submitted,
        "application.decided": _decided,
        "application.review_requested": _review_requested,
        "application.closed": _closed,
        "assessment.reviewed": _reviewed,
        askings.ASKED: _asked_anew,
        "offer.made": _offer_made,
        "offer.signed": _signed,
        "payout.paid": _payout_paid,
        "payout.failed": _payout_over,
        "payout.cancelled": _payout_over,
        "payout.returned": _payout_returned,
        "payout.payoff_verified": _payoff_verified,
        "payout.requote_needed": _requote_needed,
        "loan.activated": _loan_activated,
        "loan.cancelled": _loan_over,
        "loan.undone": _loan_over,
        **loan_news.REACTIONS,
    }
)


def _of(news: News) -> Application:
    """Lock the application that a fact from a floor below is about."""
    application = applicants.get(news.session, UUID(news.fact.body["application_ref"]))
    applicants.lock(news.session, application)
    return application


def _pay_on(news: News, application: Application, *, answered: bool = False) -> None:
    """Note that paying has begun; `answered` ends a question that nobody waits for any more."""
    open_question = application.status is ApplicationStatus.REQUOTE and answered
    if application.status is not ApplicationStatus.SIGNED and not open_question:
        return
    asked = offers.with_status(news.session, application, OfferStatus.OPEN)
    if open_question and asked is not None:
        to = OfferStatus.WITHDRAWN
        moves.advance(news.session, asked, to, table=OFFER_MOVES, by=news.by, at=news.at)
    moves.advance(
        news.session,
        application,
        ApplicationStatus.PAYING,
        table=APPLICATION_MOVES,
        by=news.by,
        at=news.at,
        reason=news.fact.kind,
    )


def _legs(news: News, application: Application) -> Sequence[PayoutLeg]:
    if application.loan_id is None:
        return ()
    loan = loans.get(news.session, application.loan_id)
    return legs.of_loan(news.session, loan.id)


def _card(news: News) -> ApplicationCard:
    return news.session.get_one(ApplicationCard, UUID(news.fact.body["card_ref"]))


def _case_card(news: News, application: Application) -> ApplicationCard | None:
    referral = news.session.get_one(Referral, application.referral_id)
    return agency_states.case_card(news.session, application, referral)


def _concerns_case(news: News, application: Application) -> bool:
    case_card = _case_card(news, application)
    return case_card is None or case_card.id == _card(news).id
