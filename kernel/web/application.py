"""Make the web application: one pipeline that every request passes, views left out.

In order: request id, limits of the body, who may come in, form token, the view; on the way back
cookies, language and protecting headers. The composition root registers the blueprints.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import structlog
from flask import Flask, Response, g, request
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError
from werkzeug.middleware.proxy_fix import ProxyFix

from kernel import logs
from kernel.config import Settings
from kernel.surroundings import Surroundings
from kernel.web import (
    access,
    api,
    bodies,
    debtor_session,
    health,
    pages,
    problems,
    shielding,
    sign_in,
)
from kernel.web.around import EXTENSION, Around, Doors, now, surroundings
from kernel.web.declared import is_static

__all__ = ["described", "make_app", "now", "surroundings"]

REQUEST_ID_HEADER: Final = "X-Request-Id"
API_EXTENSION: Final = "daichang-api"

log = logs.logger(__name__)


def make_app(given: Surroundings, doors: Doors | None = None) -> Flask:
    """Make an application with everything of the kernel in it and no view of any floor."""
    app = Flask("kernel.web", static_folder="static", template_folder="templates")
    app.extensions[EXTENSION] = Around(surroundings=given, doors=doors or Doors())
    _configure(app, given.settings)
    csrf = CSRFProtect(app)
    problems.install(app)
    app.register_error_handler(CSRFError, _of_form_token)
    app.before_request(_begin)
    health.install(app)
    app.before_request(bodies.guard)
    app.before_request(access.guard)
    app.before_request(lambda: csrf.protect() if access.needs_form_token() else None)
    app.after_request(_end)
    app.after_request(shielding.after)
    app.after_request(debtor_session.after)
    pages.install(app)
    app.extensions[API_EXTENSION] = api.install(app)
    app.register_blueprint(sign_in.blueprint)
    app.register_blueprint(health.blueprint)
    return app


def described(app: Flask) -> api.Api:
    """Give the API of an application, to register described blueprints with."""
    found = app.extensions[API_EXTENSION]
    assert isinstance(found, api.Api)
    return found


def _configure(app: Flask, settings: Settings) -> None:
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME="__Host-session" if settings.is_production else "session",
        SESSION_COOKIE_SECURE=settings.is_production,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=12),
        # Checked by the pipeline below, after it is known who may come in.
        WTF_CSRF_CHECK_DEFAULT=False,
        # As long as the session: people read slowly before they sign.
        WTF_CSRF_TIME_LIMIT=None,
        TEMPLATES_AUTO_RELOAD=False,
        PREFERRED_URL_SCHEME="https" if settings.is_production else "http",
        PROPAGATE_EXCEPTIONS=False,
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    if settings.is_production:
        # Exactly one proxy of ours stands in front and writes these headers anew.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]


def _begin() -> None:
    structlog.contextvars.clear_contextvars()
    g.request_id = logs.request_id(request.headers.get(REQUEST_ID_HEADER))
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    response.headers[REQUEST_ID_HEADER] = g.get("request_id", "")
    say = log.debug if request.endpoint and is_static(request.endpoint) else log.info
    say(
        "request.answered",
        rule=problems.path_for_log(),
        method=request.method,
        status=response.status_code,
    )
    return response


def _of_form_token(_: CSRFError) -> Response:
    log.warning("form_token.refused", rule=problems.path_for_log())
    return problems.answer(problems.other("form_token"))
