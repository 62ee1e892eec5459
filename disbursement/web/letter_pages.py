"""The page where anybody checks a letter of settlement by what stands on it."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from disbursement import settlement_letters
from disbursement.settlement_letters import NoSuchLetter
from kernel.db import transaction
from kernel.web import access
from kernel.web.forms import Filled

blueprint = Blueprint("letters", __name__, url_prefix="/letters", template_folder="templates")


@blueprint.get("/check")
@access.public("a letter is checked by whoever holds it; nothing personal comes back")
def check() -> ResponseReturnValue:
    """Ask for number and code, and say whether the letter stands."""
    number, code = request.args.get("number", "")[:40], request.args.get("code", "")[:40]
    form = Filled(typed={"number": number, "code": code})
    if not number and not code:
        return render_template("disbursement/letter_check.html", form=form, letter=None)
    try:
        with transaction() as session:
            letter, standing = settlement_letters.check(session, number, code)
    except NoSuchLetter as refused:
        form = form.with_fault("number", refused.title_zh, refused.title)
        page = render_template("disbursement/letter_check.html", form=form, letter=None)
        return page, HTTPStatus.NOT_FOUND
    return render_template(
        "disbursement/letter_check.html", form=form, letter=letter, standing=standing
    )
