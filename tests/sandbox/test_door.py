"""The door: keys, time, sizes, outages, and input that is not what it should be."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.app import create_app
from tests.sandbox.outsider import KEY, Outsider, card, person

CARD = "6225880000000001"
POSTS = [
    "/issuers/CMB/accounts/verify",
    "/issuers/CMB/payoff-quotes",
    "/issuers/CMB/instalment-offers",
    "/issuers/CMB/balances",
    "/issuers/CMB/settlement-letters",
    "/bureau/reports",
    "/income/proofs",
    "/watchlists/checks",
    "/identity/checks",
    "/sms/messages",
    "/_control/people",
    "/_control/fund",
    "/_control/faults",
    "/_control/outage",
]
GETS = ["/bank/accounts/622000000001/balance", "/_control/books"]


@pytest.mark.parametrize("path", [*POSTS, "/_control/reset", "/_control/notices/deliver"])
@pytest.mark.parametrize("key", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "ü"}])
def test_a_call_without_the_right_key_is_refused(sandbox, path, key):
    response = sandbox.http.post(path, json={}, headers=key)

    assert (response.status_code, response.get_json()["error"]) == (401, "bad_key")


def test_another_key_can_be_chosen():
    http = create_app(key="other").test_client()

    right = http.get("/_control/books", headers={"Authorization": "Bearer other"})
    wrong = http.get("/_control/books", headers=KEY)

    assert (right.status_code, wrong.status_code) == (200, 401)


def test_health_needs_no_key(sandbox):
    assert sandbox.http.get("/_control/healthz").get_json()["status"] == "ok"


@pytest.mark.parametrize(
    "now",
    [
        *("", "yesterday", "2026-11-20", "2026-11-20T12:00:00", "1999-12-31T00:00:00Z", "9" * 5000),
        *("2026-11-20T12:00:00+99:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    ],
)
def test_a_time_that_is_none_is_refused(sandbox, now):
    response = sandbox.http.get("/_control/books", headers={**KEY, "X-Sandbox-Now": now})

    assert (response.status_code, response.get_json()["error"]) == (400, "bad_time")


@pytest.mark.parametrize("path", POSTS)
def test_a_body_that_is_no_json_object_is_refused(sandbox, path):
    plain = sandbox.http.post(path, data=b"{}", headers=KEY)
    broken = [
        sandbox.http.post(path, data=data, headers=KEY, content_type="application/json")
        for data in (b"", b"{", b"\xff", b'{"a": NaN}', b"[" * 100_00, b"1" * 5000)
    ]
    listed = sandbox.post(path, [])

    assert (plain.status_code, plain.get_json()["error"]) == (415, "not_json")
    assert [(r.status_code, r.get_json()["error"]) for r in broken] == [(400, "bad_json")] * 6
    assert (listed.status_code, listed.get_json()["error"]) == (400, "bad_field")


@pytest.mark.parametrize("path", [path for path in POSTS if not path.startswith("/_control")])
def test_a_partner_takes_64_kib_at_most(sandbox, path):
    response = sandbox.post(path, {"text": "x" * 65_536})

    assert response.status_code == 413
    assert "error" in response.get_json()


def test_control_takes_8_mib_at_most(sandbox):
    response = sandbox.post("/_control/people", {"people": [], "x": "x" * 8 * 1024 * 1024})

    assert response.status_code == 413


def test_unknown_paths_and_methods_are_told_as_json(sandbox):
    assert sandbox.get("/nowhere").get_json()["error"] == "not_found"
    assert sandbox.get("/sms/messages").get_json()["error"] == "method_not_allowed"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
) | st.sampled_from(["1.00", "-1.00", "2026-11-20", CARD, "13800000001", "\ud800", "\x00", "off"])
FIELDS = ["card_number", "name", "national_id", "mobile", "authorisation_no", "text", "reference"]
FIELDS += ["amount", "fault", "return_after_days", "partner", "mode", "people"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(path=st.sampled_from(POSTS), body=st.dictionaries(st.sampled_from(FIELDS), values))
def test_no_json_body_makes_the_sandbox_fail(path, body):
    sandbox = Outsider(create_app())
    sandbox.load(person(1, card(CARD)))

    response = sandbox.post(path, body)

    assert response.status_code < 500
    assert response.status_code < 400 or set(response.get_json()) == {"error", "message"}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(field=st.sampled_from([*person(), *card()]), value=values, of_card=st.booleans())
def test_no_person_makes_loading_fail(field, value, of_card):
    sandbox = Outsider(create_app())
    loaded = person(1, card(CARD, **{field: value})) if of_card else person(1, **{field: value})

    response = sandbox.post("/_control/people", {"people": [loaded]})

    assert response.status_code in {200, 400}
    assert sandbox.post("/issuers/CMB/payoff-quotes", {"card_number": CARD}).status_code < 500


def test_a_bad_field_is_named_by_its_place_without_its_value(sandbox):
    people = [person(1), person(2, card("4111-secret"))]

    response = sandbox.post("/_control/people", {"people": people})

    assert response.status_code == 400
    assert response.get_json()["message"] == "people[1].cards[0].card_number is malformed"


def test_one_bad_person_keeps_all_out(sandbox):
    sandbox.post("/_control/people", {"people": [person(1), person(2, mobile="")]})

    who = {"national_id": person(1)["national_id"], "name": "王小明"}

    assert sandbox.post("/income/proofs", who).status_code == 404


def test_people_are_loaded_5000_a_call_at_most(sandbox):
    response = sandbox.post("/_control/people", {"people": [{}] * 5_001})

    assert (response.status_code, response.get_json()["error"]) == (400, "bad_field")


@pytest.mark.parametrize("limit", ["PEOPLE_MAX", "CARDS_MAX"])
def test_a_full_world_takes_no_more_people(sandbox, monkeypatch, limit):
    monkeypatch.setattr(f"sandbox.world.{limit}", 1)
    sandbox.load(person(1, card(CARD)))

    more = {"people": [person(2, card("6225880000000002"))]}
    response = sandbox.post("/_control/people", more)

    assert (response.status_code, response.get_json()["error"]) == (409, "sandbox_full")


def test_loading_a_person_again_replaces_him_and_his_cards(sandbox):
    sandbox.load(person(1, card(CARD)))

    sandbox.load(person(1, card("6225880000000002"), monthly_income="1.00"))

    old = sandbox.post("/issuers/CMB/balances", {"card_number": CARD})
    new = sandbox.post("/issuers/CMB/balances", {"card_number": "6225880000000002"})
    assert (old.status_code, new.status_code) == (404, 200)


def test_reset_forgets_everything(channel):
    channel.pay("ORDER0001", CARD, 300_000)
    channel.post("/_control/outage", {"partner": "sms", "mode": "http_500"})

    channel.post("/_control/reset", {})

    assert channel.books()["orders"] == []
    assert channel.post("/issuers/CMB/balances", {"card_number": CARD}).status_code == 404
    assert channel.get("/bank/accounts/622000000001/balance").status_code == 404
    message = {"mobile": "13800000001", "text": "x", "reference": "r"}
    assert channel.post("/sms/messages", message).status_code == 202


def test_the_body_of_a_loaded_figure_comes_back_as_it_was(sandbox):
    figures = {"a": 1.10, "b": 10**15, "c": -0.5, "d": None}
    sandbox.load(person(1, figures=figures))

    who = {"national_id": person(1)["national_id"], "name": "王小明", "authorisation_no": "A"}
    text = sandbox.post("/bureau/reports", who).text

    assert json.loads(text)["figures"] == figures
