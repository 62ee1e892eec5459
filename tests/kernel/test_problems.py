"""Every fault is told once, in the caller's own form, and never says more than it should."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest
from flask import abort, request
from marshmallow import Schema, fields
from sqlalchemy.exc import OperationalError

from kernel.outbound import Garbled, NoAnswer
from kernel.refusals import FieldFault, Refused
from kernel.web import access, api, idempotency
from kernel.web.application import described
from tests.kernel import web_builders as make

JSON = {"Accept": "application/json"}
SECRET = "13800000001"


class OfferGone(Refused):
    """The offer has run out and a new one must be asked for."""

    status = HTTPStatus.GONE
    code = "test_offer_gone"
    title = "The offer has expired"
    title_zh = "方案已过期"


class Item(Schema):
    """One item."""

    name = fields.String(required=True)
    count = fields.Integer(strict=True)


class Order(Schema):
    """An order."""

    items = fields.List(fields.Nested(Item), required=True)


def raise_(fault: Exception):
    raise fault


@pytest.fixture
def app(database, clock):
    made = make.app(clock)
    faults = {
        "gone": lambda: raise_(OfferGone("offer 7 ran out", faults=(FieldFault("/id", "renew"),))),
        "crash": lambda: raise_(RuntimeError(f"cannot read {SECRET}")),
        "silent": lambda: raise_(NoAnswer("no reply in time")),
        "garbled": lambda: raise_(Garbled("not JSON")),
        "locked": lambda: raise_(OperationalError("SELECT", {}, Exception(SECRET))),
        "abort": lambda: abort(403, SECRET),
        "teapot": lambda: abort(418),
        "redirect": lambda: abort(302),
        "rule": lambda: request.url_rule.rule,
    }
    for name, view in faults.items():
        made.add_url_rule(f"/{name}", name, access.public("a test")(view))
    blueprint = api.Blueprint("orders", __name__, url_prefix="/v1/orders")

    @blueprint.post("")
    @access.verified_by_view("a test")
    @idempotency.repeatable("a test")
    @blueprint.arguments(Order)
    @blueprint.response(201, Order)
    def create(order):
        return order

    @blueprint.get("")
    @access.public("a test")
    @blueprint.arguments(Item, location="query")
    @blueprint.response(200, Item)
    def find(item):
        return item

    described(made).register_blueprint(blueprint)
    return made


@pytest.fixture
def client(app):
    return app.test_client()


def post(client, content, **more):
    more.setdefault("content_type", "application/json")
    return client.post("/v1/orders", data=content, **more)


def test_a_refusal_is_told_to_a_program_by_its_own_words(client):
    told = client.get("/gone", headers={**JSON, "Accept-Language": "en"})

    assert told.status_code == 410
    assert told.content_type == "application/problem+json"
    assert told.json == {
        "type": "/problems/test_offer_gone",
        "title": "The offer has expired",
        "status": 410,
        "code": "test_offer_gone",
        "detail": "offer 7 ran out",
        "errors": [{"pointer": "/id", "detail": "renew"}],
        "request_id": told.headers["X-Request-Id"],
    }


def test_a_refusal_is_told_to_a_person_by_a_page_in_his_language(client):
    zh, en = client.get("/gone"), client.get("/gone?lang=en")

    assert zh.status_code == en.status_code == 410
    assert zh.content_type == "text/html; charset=utf-8"
    assert '<h1 id="error-title">方案已过期</h1>' in zh.text
    assert "offer 7 ran out" not in zh.text
    assert "The offer has expired" in en.text
    assert "offer 7 ran out" in en.text
    assert zh.headers["X-Request-Id"] in zh.text


@pytest.mark.parametrize("headers", [{}, JSON])
def test_a_fault_of_ours_tells_nothing_of_what_it_was(client, headers):
    told = client.get("/crash", headers=headers)

    assert told.status_code == 500
    assert SECRET not in told.text
    assert "RuntimeError" not in told.text
    assert "Traceback" not in told.text


@pytest.mark.parametrize("path", ["/silent", "/garbled", "/locked"])
def test_a_neighbour_out_of_order_means_later_and_nothing_lost(client, path):
    told = client.get(path, headers=JSON)

    assert told.status_code == 503
    assert told.headers["Retry-After"] == "5"
    assert "没有丢失" in told.json["title"]
    assert SECRET not in told.text


def test_what_an_abort_carries_is_not_repeated(client):
    told = client.get("/abort", headers=JSON)

    assert (told.status_code, told.json["code"]) == (403, "not_allowed")
    assert SECRET not in told.text


def test_an_unusual_status_keeps_its_number(client):
    assert client.get("/teapot", headers=JSON).json["status"] == 418


def test_a_redirect_thrown_as_a_fault_is_a_fault_of_ours(client):
    assert client.get("/redirect").status_code == 500


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/orders/x/y", "/v1/"])
def test_below_v1_everything_is_told_as_a_problem(client, path):
    told = client.get(path, headers={"Accept": "text/html"})

    assert (told.status_code, told.content_type) == (404, "application/problem+json")
    assert told.json["code"] == "not_found"


def test_a_wrong_method_tells_the_right_ones(client):
    told = client.delete("/v1/orders")

    assert told.status_code == 405
    assert set(told.headers["Allow"].split(", ")) >= {"GET", "POST"}


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_body_of_another_kind_is_refused_as_such(client, kind):
    told = post(client, '{"items": []}', content_type=kind)

    assert (told.status_code, told.json["code"]) == (415, "unsupported_media_type")


def test_a_body_larger_than_allowed_is_refused(client):
    told = post(client, b'{"items": "' + b"x" * 300_000 + b'"}')

    assert (told.status_code, told.json["code"]) == (413, "content_too_large")


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"\xff\xfe",
        b'{"items": [], "items": []}',
        b'{"items": NaN}',
        b'{"items": [{"name": "\\u0000"}]}',
        b'{"items": [{"name": "\\ud83d"}]}',
        b"[" * 50_000,
    ],
)
def test_a_body_that_is_not_plain_json_is_refused_and_not_repeated(client, content):
    told = post(client, content)

    assert told.status_code == 400
    assert told.json["errors"] == [{"pointer": "", "detail": "Not JSON that we can read."}]


def test_faults_of_a_body_point_at_their_places(client):
    told = post(client, json.dumps({"items": [{"name": "a"}, {"count": "3"}], "a/b~c": 1}))

    assert told.status_code == 422
    assert {fault["pointer"] for fault in told.json["errors"]} == {
        "/items/1/name",
        "/items/1/count",
        "/a~1b~0c",
    }


@pytest.mark.parametrize("content", [b"[]", b'"text"', b"3", b"null"])
def test_a_body_that_is_no_object_is_refused(client, content):
    assert post(client, content).status_code == 422


def test_no_body_at_all_is_refused(client):
    assert post(client, b"").status_code == 422


def test_faults_of_a_query_name_their_parameter(client):
    told = client.get("/v1/orders?count=x")

    assert told.status_code == 422
    assert {fault["parameter"] for fault in told.json["errors"]} == {"name", "count"}


def test_a_thousand_faults_are_told_as_a_hundred(client):
    told = post(client, json.dumps({"items": [{} for _ in range(1000)]}))

    assert len(told.json["errors"]) == 100


@pytest.mark.parametrize("path", ["/rule?x=%00", "/v1/orders?name=a%00", "/problems/a%00b"])
def test_a_character_that_cannot_be_kept_is_refused_at_the_door(client, path):
    told = client.get(path, headers=JSON)

    assert told.status_code == 400
    assert told.json["code"] == "not_storable"


def test_a_form_field_with_such_a_character_is_refused_too(client):
    token = make.form_token(client.get("/sign-in").text)

    told = client.post("/sign-in", data={"csrf_token": token, "login": "a\0b", "password": "x"})

    assert told.status_code == 400


def test_too_many_form_fields_are_refused(client):
    told = client.post(
        "/sign-in",
        data={f"f{n}": "x" for n in range(501)},
        content_type="multipart/form-data",
    )

    assert told.status_code == 413


def test_the_type_of_a_problem_is_a_page_that_describes_it(client):
    page = client.get("/problems/test_offer_gone?lang=en")

    assert page.status_code == 200
    assert "The offer has expired" in page.text
    assert "a new one must be asked for" in page.text
    assert client.get("/problems/nothing").status_code == 404


@pytest.mark.parametrize(
    "path", ["/silent", "/locked", "/crash", "/abort", "/nowhere", "/teapot", "/finance", "/gone"]
)
def test_the_type_of_every_problem_leads_to_a_page(client, path):
    told = client.get(path, headers=JSON).json

    page = client.get(told["type"], headers={"Accept": "text/html"})

    assert page.status_code == 200
    assert told["title"] in page.text


def test_the_callers_request_id_comes_back_when_it_is_harmless(client):
    taken = client.get("/healthz", headers={"X-Request-Id": "from-the-caller-1"})
    replaced = client.get("/healthz", headers={"X-Request-Id": SECRET})

    assert taken.headers["X-Request-Id"] == "from-the-caller-1"
    assert replaced.headers["X-Request-Id"] != SECRET


def test_programs_are_told_apart_from_people_by_what_they_accept(client):
    def kind(accept: str) -> str:
        return client.get("/gone", headers={"Accept": accept}).mimetype

    assert kind("text/html,application/xhtml+xml,*/*;q=0.8") == "text/html"
    assert kind("*/*") == "text/html"
    assert kind("application/json") == "application/problem+json"
    assert kind("application/problem+json, text/html;q=0.5") == "application/problem+json"
