"""The staff's door: signing in and out."""

from __future__ import annotations

from http import HTTPStatus

import flask
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from marshmallow.validate import Length

from kernel import logs, staff
from kernel.actors import Role
from kernel.db import transaction
from kernel.web import access, forms
from kernel.web.around import around, client_ip, now, say

blueprint = Blueprint("staff", __name__)
log = logs.logger(__name__)

SECRET = frozenset({"password"})
WORDS = {
    "login": ("请输入用户名", "Enter your login"),
    "password": ("请输入密码", "Enter your password"),
}


class SignInForm(Schema):
    """What a person types to sign in."""

    login = fields.String(required=True, validate=Length(min=1, max=100))
    password = fields.String(required=True, validate=Length(min=1, max=staff.PASSWORD_MAX))


@blueprint.get("/sign-in")
@access.public("nobody can have signed in before the page for it")
def sign_in() -> ResponseReturnValue:
    """Show the page."""
    return _page(forms.Filled())


@blueprint.post("/sign-in")
@access.public("nobody can have signed in before the page for it")
def enter() -> ResponseReturnValue:
    """Begin a session for whoever knows the password."""
    filled = forms.read(SignInForm(), WORDS, secret=SECRET)
    if not filled.is_good:
        return _page(filled), HTTPStatus.UNPROCESSABLE_ENTITY
    login, password = filled.values["login"], filled.values["password"]
    try:
        with transaction() as session:
            tried = staff.begin_try(session, login=login, ip=client_ip(), at=now())
        with transaction() as session:
            token = staff.sign_in(session, login=login, password=password, try_id=tried, at=now())
            person = staff.signed_in(session, token, at=now())
    except (staff.SignInRefused, staff.TooManyTries) as refused:
        log.warning("sign_in.refused", kind=type(refused).__name__)
        again = filled.with_fault("login", refused.title_zh, refused.title)
        return _page(again), refused.status
    # Nothing that a stranger may have planted in this browser before survives the sign-in.
    flask.session.clear()
    flask.session[access.STAFF_TOKEN] = token
    home = None if person is None else around().doors.homes.get(person.role)
    return redirect(_following(home or url_for("staff.signed_in")), HTTPStatus.SEE_OTHER)


@blueprint.post("/sign-out")
@access.public("signing out twice is harmless, and the form token proves the page")
def sign_out() -> ResponseReturnValue:
    """End the session, here and in the database."""
    token = flask.session.get(access.STAFF_TOKEN)
    if isinstance(token, str):
        with transaction() as session:
            staff.sign_out(session, token, at=now())
    flask.session.clear()
    return redirect(url_for("staff.sign_in"), HTTPStatus.SEE_OTHER)


@blueprint.get("/signed-in")
@access.allow(*sorted(staff.STAFF_ROLES))
def signed_in() -> ResponseReturnValue:
    """Show who is signed in, with the way to the console and out."""
    person = access.signed_in_staff()
    assert person is not None, "the guard let a signed-in person in"
    return render_template(
        "signed_in.html", person=person, home=around().doors.homes.get(Role(person.role))
    )


def _page(filled: forms.Filled) -> str:
    following = request.values.get("next", "")
    return render_template(
        "sign_in.html", form=filled, next=following, title=say("登录", "Sign in")
    )


def _following(home: str) -> str:
    """Give where to go after signing in: a path of ours, never another site."""
    wanted = request.form.get("next", "")
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    if is_ours and wanted.isascii() and wanted.isprintable():
        return wanted
    return home
