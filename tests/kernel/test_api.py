"""The API describes itself truly: money as strings, faults as problems, keys and signatures."""

from __future__ import annotations

import json

import pytest
from marshmallow import Schema

from kernel.money import Money
from kernel.personal import Mobile
from kernel.web import access, api, bodies, idempotency
from kernel.web.application import described
from kernel.web.fields import InstantField, MoneyField, PersonalField, RateField
from tests.kernel import web_builders as make


class ThingIn(Schema):
    """A thing to come."""

    amount = MoneyField(required=True, at_least=Money(1))
    rate = RateField()
    at = InstantField()
    mobile = PersonalField(Mobile)


@pytest.fixture
def app(database, clock):
    made = make.app(clock)
    blueprint = api.Blueprint("things", __name__, url_prefix="/v1/things", description="Things")

    @blueprint.post("")
    @access.agencies_only
    @idempotency.idempotent
    @blueprint.arguments(ThingIn)
    @blueprint.response(201, ThingIn)
    @blueprint.alt_response(409, description="There is one")
    def create(thing, session):
        """Make a thing."""
        return thing

    @blueprint.post("/<uuid:thing_id>/parts")
    @access.agencies_only
    @idempotency.idempotent
    def add_part(thing_id, session) -> str:
        return str(thing_id)

    @blueprint.post("/echo")
    @access.verified_by_view("a test")
    @idempotency.repeatable("a test")
    @blueprint.arguments(ThingIn)
    @blueprint.response(200, ThingIn)
    @blueprint.doc(summary="Say it again")
    def echo(thing):
        return thing

    @blueprint.post("/file")
    @access.verified_by_view("a test")
    @idempotency.repeatable("a test")
    @bodies.takes(bytes_max=1000, kinds=("text/csv",))
    def file() -> str:
        from flask import request

        return str(len(request.get_data()))

    described(made).register_blueprint(blueprint)
    return made


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def document(client):
    return client.get("/v1/openapi.json").json


def test_money_is_described_as_a_string_with_its_pattern(document):
    properties = document["components"]["schemas"]["ThingIn"]["properties"]

    assert document["openapi"] == "3.1.0"
    assert properties["amount"]["type"] == "string"
    assert properties["amount"]["pattern"] == r"^(0|[1-9][0-9]{0,12})\.[0-9]{2}$"
    assert properties["rate"]["type"] == "string"
    assert properties["at"] == {"type": "string", "format": "date-time"}
    assert properties["mobile"]["type"] == "string"


def test_faults_are_described_as_problems(document):
    responses = document["components"]["responses"]
    described_as = {kind for each in responses.values() for kind in each.get("content", {})}

    assert described_as == {"application/problem+json"}
    thing = document["paths"]["/v1/things"]["post"]["responses"]
    assert set(thing["201"]["content"]) == {"application/json"}
    assert thing["409"]["description"] == "There is one"


def test_creating_is_described_with_its_key_and_looking_again_without(document):
    def parameters(path):
        return json.dumps(document["paths"][path]["post"].get("parameters", []))

    assert "IdempotencyKey" in parameters("/v1/things")
    assert "IdempotencyKey" in parameters("/v1/things/{thing_id}/parts")
    assert "IdempotencyKey" not in parameters("/v1/things/echo")
    key = document["components"]["parameters"]["IdempotencyKey"]
    assert (key["name"], key["in"], key["required"]) == ("Idempotency-Key", "header", True)


def test_the_four_headers_of_a_signature_are_described(document):
    headers = {s["name"] for s in document["components"]["securitySchemes"].values()}

    assert headers == {
        "X-Agency-Key",
        "X-Agency-Timestamp",
        "X-Agency-Nonce",
        "X-Agency-Signature",
    }
    assert set(document["security"][0]) == set(document["components"]["securitySchemes"])


def test_every_reference_of_the_description_leads_somewhere(document):
    def references(tree):
        if isinstance(tree, dict):
            yield from ([tree["$ref"]] if "$ref" in tree else [])
            for inner in tree.values():
                yield from references(inner)
        elif isinstance(tree, list):
            for inner in tree:
                yield from references(inner)

    for reference in references(document):
        found = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_what_goes_in_comes_out_in_our_spelling(client):
    answered = client.post(
        "/v1/things/echo",
        json={
            "amount": "1234.50",
            "rate": "12.00",
            "at": "2026-11-20T02:00:00Z",
            "mobile": "13800000001",
        },
    )

    assert answered.json == {
        "amount": "1234.50",
        "rate": "12.00",
        "at": "2026-11-20T10:00:00+08:00",
        "mobile": "138****0001",
    }


@pytest.mark.parametrize("amount", [1234.5, "1234.5", 1, None])
def test_a_number_is_no_money(client, amount):
    answered = client.post("/v1/things/echo", json={"amount": amount})

    assert answered.status_code == 422
    assert answered.json["errors"][0]["pointer"] == "/amount"


def test_a_view_may_take_another_kind_of_body(client):
    taken = client.post("/v1/things/file", data="a,b", content_type="text/csv")
    refused = client.post("/v1/things/file", json={})
    large = client.post("/v1/things/file", data="a" * 1001, content_type="text/csv")

    assert (taken.text, refused.status_code, large.status_code) == ("3", 415, 413)


def test_every_view_declares_its_access_and_every_post_its_key(app):
    assert access.undeclared(app) == []
    assert idempotency.unkeyed(app) == []
