"""The debtor's pages: one question on each, in Chinese and English, with no script needed."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, g

from kernel.db import transaction
from kernel.web import debtor_session
from origination import lending
from origination.web import (
    budget_pages,
    card_pages,
    check_pages,
    consent_pages,
    contract_pages,
    device_cookie,
    entrance_pages,
    identity_pages,
    loan_pages,
    offer_pages,
    pay_pages,
    progress_pages,
    repayment_pages,
    requote_pages,
    result_pages,
    sign_in_pages,
)

ENTRY: Final = "/resume"
"""Where a debtor without a session begins again: the value of `Doors.debtor_entry`."""

blueprint = Blueprint("debtor", __name__, template_folder="templates")
for pages in (
    entrance_pages,
    sign_in_pages,
    identity_pages,
    consent_pages,
    card_pages,
    budget_pages,
    check_pages,
    result_pages,
    offer_pages,
    contract_pages,
    progress_pages,
    requote_pages,
    loan_pages,
    pay_pages,
    repayment_pages,
):
    blueprint.register_blueprint(pages.blueprint)


@blueprint.before_request
def _look_up_the_lender() -> None:
    """Find who lends, before a view opens its own transaction."""
    with transaction() as session:
        funder = lending.present(session)
        g.lender_name = funder.name if funder is not None else None


@blueprint.after_request
def _know_the_browser_again(response: Response) -> Response:
    """Give a number to the browser of whoever has signed in."""
    return device_cookie.after(response)


@blueprint.context_processor
def _around_every_page() -> dict[str, object]:
    """Name the lender on every page, and tell whether somebody is signed in."""
    return {
        "lender_name": g.get("lender_name"),
        "signed_in": debtor_session.current() is not None,
    }
