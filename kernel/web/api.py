"""The JSON API's description (OpenAPI 3.1) and the blueprint its views are made of."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NoReturn, cast

import flask
import flask_smorest  # type: ignore[import-untyped]
import webargs
from flask import Flask, Response, jsonify
from marshmallow import Schema, fields
from typing_extensions import override
from webargs.flaskparser import FlaskParser, abort

from kernel import strict_json
from kernel.web import idempotency, signing
from kernel.web.access import public
from kernel.web.declared import V, declared, routes
from kernel.web.fields import InstantField, MoneyField, PersonalField, RateField
from kernel.web.problems import PROBLEM_TYPE

TITLE: Final = "Daichang for agencies"
VERSION: Final = "1"
DESCRIPTION_PATH: Final = "/v1/openapi.json"


class ProblemFault(Schema):
    """One faulty place of a request."""

    pointer = fields.String(metadata={"description": "JSON pointer into the body"})
    parameter = fields.String(metadata={"description": "name of a query parameter or header"})
    detail = fields.String(required=True)


class ProblemDocument(Schema):
    """A fault as RFC 9457 tells it."""

    type = fields.String(required=True, metadata={"examples": ["/problems/not_signed"]})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True, metadata={"description": "stable, never translated"})
    detail = fields.String()
    errors = fields.List(fields.Nested(ProblemFault))
    request_id = fields.String()


class _Parser(FlaskParser):
    """Reads bodies by our strict JSON, so that a view never meets what cannot be kept."""

    @override
    def _raw_load_json(self, req: flask.Request) -> Any:
        if not req.is_json:
            return webargs.missing
        body = req.get_data(cache=True)
        if not body:
            return webargs.missing
        try:
            return strict_json.read(body)
        except strict_json.NotJson:
            _refuse_json()

    @override
    def load_json(self, req: flask.Request, schema: Schema) -> Any:
        return self._raw_load_json(req)


def _refuse_json() -> NoReturn:
    abort(400, messages={"json": ["Not JSON that we can read."]})


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """A blueprint of described views; give it a `url_prefix` below /v1."""

    ARGUMENTS_PARSER = _Parser()

    def get(self, rule: str, **options: Any) -> Callable[[V], V]:  # noqa: ANN401 - Flask's own
        """Answer GET."""
        return self._typed(super().get(rule, **options))

    def post(self, rule: str, **options: Any) -> Callable[[V], V]:  # noqa: ANN401 - Flask's own
        """Answer POST; the view is `idempotent` or says why it need not be."""
        return self._typed(super().post(rule, **options))

    def arguments(
        self,
        schema: type[Schema] | Schema,
        **options: Any,  # noqa: ANN401 - flask-smorest's own
    ) -> Callable[[V], V]:
        """Read the body (or another `location`) by a schema into the view's next argument."""
        return self._typed(super().arguments(schema, **options))

    def response(
        self,
        status: int,
        schema: type[Schema] | Schema | None = None,
        **options: Any,  # noqa: ANN401 - flask-smorest's own
    ) -> Callable[[V], V]:
        """Write what the view returns by a schema, with a status."""
        return self._typed(super().response(status, schema, **options))

    def alt_response(self, status: int, **options: Any) -> Callable[[V], V]:  # noqa: ANN401
        """Describe another answer, such as ``alt_response(409, description="...")``."""
        return self._typed(super().alt_response(status, **options))

    def doc(self, **words: Any) -> Callable[[V], V]:  # noqa: ANN401 - flask-smorest's own
        """Add words to the description."""
        return self._typed(super().doc(**words))

    @staticmethod
    def _typed(decorator: object) -> Callable[[V], V]:
        return cast("Callable[[V], V]", decorator)


class Api(flask_smorest.Api):  # type: ignore[misc]
    """Describes the API; faults are told by `kernel.web.problems`, not from here."""

    ERROR_SCHEMA = ProblemDocument

    @override
    def _register_error_handlers(self) -> None:
        """Leave the faults to the one handler of the application."""

    @override
    def _register_responses(self) -> None:
        self.DEFAULT_RESPONSE_CONTENT_TYPE = PROBLEM_TYPE
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE

    def document(self) -> dict[str, Any]:
        """Give the whole description."""
        found = cast("dict[str, Any]", self.spec.to_dict())
        for rule, method, view in routes(self._app):
            operation = found["paths"].get(_path(rule), {}).get(method.lower())
            if operation and declared(view, method, "repeatable") == idempotency.BY_KEY:
                reference = {"$ref": "#/components/parameters/IdempotencyKey"}
                operation.setdefault("parameters", []).append(reference)
        return found


def _path(rule: str) -> str:
    """Write a rule's placeholders as OpenAPI does: ``<uuid:id>`` as ``{id}``."""
    return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule)


def install(app: Flask) -> Api:
    """Make the description of an application's API and serve it."""
    app.config.update(API_TITLE=TITLE, API_VERSION=VERSION, OPENAPI_VERSION="3.1.0")
    api = Api(app)
    for field in (MoneyField, RateField, PersonalField):
        api.register_field(field, "string", None)
    api.register_field(InstantField, "string", "date-time")
    _describe_signing(api)

    @public("the description of the API holds no data")
    def openapi() -> Response:
        return jsonify(api.document())

    app.add_url_rule(DESCRIPTION_PATH, "openapi", openapi)
    return api


def _describe_signing(api: Api) -> None:
    schemes = {
        "key": signing.KEY_HEADER,
        "timestamp": signing.TIMESTAMP_HEADER,
        "nonce": signing.NONCE_HEADER,
        "signature": signing.SIGNATURE_HEADER,
    }
    for name, header in schemes.items():
        api.spec.components.security_scheme(
            name, {"type": "apiKey", "in": "header", "name": header}
        )
    api.spec.options["security"] = [{name: [] for name in schemes}]
    api.spec.components.parameter(
        "IdempotencyKey",
        "header",
        {
            "name": idempotency.KEY_HEADER,
            "required": True,
            "description": "the same key and body act once; kept for 7 days",
            "schema": {"type": "string", "minLength": 8, "maxLength": 128},
        },
    )
