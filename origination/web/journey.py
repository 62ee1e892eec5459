"""Where a debtor stands: his one application, its first unfinished step, and the pages of a step.

No address names an application: the session says whose pages these are.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, Final, ParamSpec

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from kernel.db import transaction
from kernel.web import debtor_session
from kernel.web.access import actor
from kernel.web.around import language
from kernel.web.idempotency import once_per_form
from origination import applicants, applications, cards, consents
from origination.records.applications import FILLING_IN, Application, ApplicationStatus
from origination.records.consents import REQUIRED, Purpose
from origination.records.referrals import Locale, Referral

STEPS: Final = 7
"""Mobile, identity, consents, cards, income, costs, check."""
GO_ON: Final = "debtor.progress.go_on"

P = ParamSpec("P")
_Page = Callable[Concatenate[Session, Application, P], ResponseReturnValue]
_S = ApplicationStatus
_ENDPOINTS: Final = {
    _S.SUBMITTED: "debtor.check.waiting",
    _S.ASSESSING: "debtor.check.waiting",
    _S.REVIEW: "debtor.result.show",
    _S.DECLINED: "debtor.result.show",
    _S.OFFERED: "debtor.offer.show",
    _S.REQUOTE: "debtor.requote.ask",
    _S.ACTIVE: "debtor.loan.show",
    _S.EXPIRED: "debtor.result.ended",
    _S.WITHDRAWN: "debtor.result.ended",
}


def seen(*statuses: ApplicationStatus) -> Callable[[_Page[P]], Callable[P, ResponseReturnValue]]:
    """Show a page while the application has one of the statuses, else send the debtor on."""

    def decorate(view: _Page[P]) -> Callable[P, ResponseReturnValue]:
        @wraps(view)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            with transaction() as session:
                application = mine(session)
                if statuses and application.status not in statuses:
                    return onward()
                return view(session, application, *args, **kwargs)

        return wrapper

    return decorate


def acted(*statuses: ApplicationStatus) -> Callable[[_Page[...]], Callable[..., Any]]:
    """Act once per form while the application has one of the statuses, else send the debtor on.

    While he is filling in, he is spoken to in the language of the page he sends.
    """

    def decorate(view: _Page[...]) -> Callable[..., Any]:
        @once_per_form
        @wraps(view)
        def wrapper(*, session: Session, **kwargs: Any) -> ResponseReturnValue:  # noqa: ANN401 - of the route
            application = mine(session)
            if application.status not in statuses:
                return onward()
            if application.status in FILLING_IN and application.locale != spoken():
                applications.speak(session, application, spoken(), by=actor())
            return view(session, application, **kwargs)

        return wrapper

    return decorate


def mine(session: Session) -> Application:
    """Find the application of whoever is signed in.

    Raises:
        NoSuchApplication: none was begun.
    """
    present = debtor_session.current()
    assert present is not None, "the view is for debtors with a session"
    found = applications.latest(session, session.get_one(Referral, present.referral_id))
    if found is None:
        raise applicants.NoSuchApplication()
    return found


def onward() -> ResponseReturnValue:
    """Send the debtor to the first step he has not finished."""
    return redirect(url_for(GO_ON), HTTPStatus.SEE_OTHER)


def to(endpoint: str, **values: Any) -> ResponseReturnValue:  # noqa: ANN401 - of the route
    """Send the debtor to a page after what he sent was kept."""
    return redirect(url_for(endpoint, **values), HTTPStatus.SEE_OTHER)


def first_unfinished(session: Session, application: Application) -> str:
    """Give the address of the first step that is not finished."""
    if application.status not in FILLING_IN:
        return url_for(_ENDPOINTS.get(application.status, "debtor.progress.show"))
    purpose = next_consent(session, application)
    if purpose is not None:
        return url_for("debtor.consents.ask", slug=slug(purpose))
    if application.status is ApplicationStatus.STARTED:
        return url_for("debtor.identity.ask")
    if not cards.listed(session, application):
        return url_for("debtor.cards.ask")
    return url_for(_of_budget(application))


def _of_budget(application: Application) -> str:
    if application.stated_monthly_income is None:
        return "debtor.budget.ask_income"
    if application.essential_costs is None:
        return "debtor.budget.ask_costs"
    return "debtor.check.answers"


def next_consent(session: Session, application: Application) -> Purpose | None:
    """Give the next consent to be asked for: one before the identity, the others after it."""
    if application.status is ApplicationStatus.STARTED:
        needed = frozenset({Purpose.IDENTITY_CHECK})
    else:
        needed = REQUIRED
    return next(iter(consents.missing(session, application, needed=needed)), None)


def slug(purpose: Purpose) -> str:
    """Write a purpose as a part of an address."""
    return purpose.value.replace("_", "-")


def spoken() -> Locale:
    """Give the language of this request as the debtor's records name it."""
    return Locale(language().value)


def evidence() -> dict[str, str]:
    """Tell how something was agreed to: by which page, in which language, in what session."""
    rule = request.url_rule.rule if request.url_rule is not None else ""
    return {
        "page": rule,
        "language": language().value,
        "session": "signed in by one-time code",
    }
