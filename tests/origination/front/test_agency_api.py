"""The agencies' API: signed, repeatable, and silent about everybody else's cases."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import func, select

from kernel import db
from kernel.web import signing
from kernel.web.application import described, make_app
from origination import agencies
from origination.records.referrals import Referral
from origination.referral_forms import FIELDS, OPTIONAL, WILLINGNESS_FIELDS
from origination.web import agency_api
from tests.kernel import web_builders
from tests.origination.front import builders as make


class Caller:
    """An agency that signs what it sends."""

    def __init__(self, app, clock, key):
        self.client, self.clock, self.key = app.test_client(), clock, key

    def post(self, path, payload, *, key="idem-0001", body=None, **headers):
        content = json.dumps(payload).encode() if body is None else body
        return self.client.post(
            path,
            data=content,
            headers={
                **self.signed("POST", path, content),
                "Content-Type": "application/json",
                "Idempotency-Key": key,
                **headers,
            },
        )

    def get(self, path):
        return self.client.get(path, headers=self.signed("GET", path, b""))

    def signed(self, method, path, body):
        return signing.sign_request(
            self.key, method=method, target=path, body=body, at=self.clock.now()
        )


@pytest.fixture
def app(database, clock):
    made = make_app(web_builders.surroundings(clock))
    described(made).register_blueprint(agency_api.blueprint)
    return made


@pytest.fixture
def caller(app, clock):
    return new_caller(app, clock, "beichen")


def new_caller(app, clock, code):
    with db.transaction() as session:
        agency = make.agency(session, code)
        key = signing.issue_key(session, owner=agency.id, by=make.SETUP, at=clock.now())
    return Caller(app, clock, key)


def kept():
    with db.transaction() as session:
        return session.scalar(select(func.count()).select_from(Referral))


def pointers(answer):
    return [error["pointer"] for error in answer.json["errors"]]


def test_a_case_is_referred_and_can_be_asked_for(caller):
    created = caller.post("/v1/referrals", make.payload())

    assert created.status_code == 201
    assert created.json == {
        "case_no": "BC-0001",
        "state": "received",
        "received_at": "2026-11-20T10:00:00+08:00",
    }
    assert caller.get(created.headers["Location"]).json == created.json


def test_the_same_request_again_gets_the_same_reply(caller):
    first = caller.post("/v1/referrals", make.payload())
    again = caller.post("/v1/referrals", make.payload())

    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotency-Hit"] == "true"
    assert kept() == 1


def test_the_same_case_under_a_new_key_is_the_one_we_have(caller):
    caller.post("/v1/referrals", make.payload())

    again = caller.post("/v1/referrals", make.payload(), key="idem-0002")

    assert again.status_code == 200
    assert kept() == 1


def test_one_key_with_another_body_is_refused(caller):
    caller.post("/v1/referrals", make.payload())

    other = caller.post("/v1/referrals", make.payload(case_no="BC-2"))

    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")


def test_a_case_with_other_content_is_a_conflict(caller):
    caller.post("/v1/referrals", make.payload())

    other = caller.post("/v1/referrals", make.payload(card_last4="9999"), key="idem-0002")

    assert other.status_code == 409
    assert other.content_type == "application/problem+json"
    assert other.json["code"] == "case_differs"


def test_every_fault_is_told_with_its_place(caller):
    answer = caller.post(
        "/v1/referrals",
        make.payload(
            mobile="12", name="张小明", willingness={}, contact_consent_proof="11010519491231002X"
        ),
    )

    assert answer.status_code == 422
    assert sorted(pointers(answer)) == [
        "/contact_consent_proof",
        "/mobile",
        "/name",
        "/willingness",
    ]
    assert "1101" not in answer.text
    assert "张" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"x"',
        b"{",
        b'{"case_no": "a", "case_no": "b"}',
        b'{"case_no": NaN}',
        b'{"case_no": "\\u0000"}',
        b'{"case_no": "\\ud800"}',
        b"\xff\xfe",
        b"[" * 5000,
        b'{"willingness": ' + b"[" * 300 + b"]" * 300 + b"}",
        b'{"mobile": ' + b"9" * 5000 + b"}",
    ],
)
def test_whatever_is_sent_the_answer_is_a_problem_and_nothing_is_kept(caller, body):
    for path in ("/v1/referrals", "/v1/referrals/batch"):
        answer = caller.post(path, None, body=body)

        assert answer.status_code in {400, 422}
        assert answer.content_type == "application/problem+json"
    assert kept() == 0


def test_without_a_signature_or_a_key_nothing_is_taken(caller):
    unsigned = caller.client.post("/v1/referrals", json=make.payload())
    keyless = caller.post("/v1/referrals", make.payload(), key="")

    assert unsigned.status_code == 401
    assert keyless.status_code == 400
    assert kept() == 0


def test_another_agencys_case_looks_like_no_case(app, clock, caller):
    caller.post("/v1/referrals", make.payload())
    other = new_caller(app, clock, "nanshan")

    theirs, nobodys = other.get("/v1/referrals/BC-0001"), other.get("/v1/referrals/BC-9")

    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json["code"] == nobodys.json["code"] == "unknown_case"
    assert theirs.json.get("detail") == nobodys.json.get("detail")


def test_a_case_number_in_chinese_can_be_asked_for(caller):
    created = caller.post("/v1/referrals", make.payload(case_no="北辰-0001"))

    assert created.status_code == 201
    assert caller.get(created.headers["Location"]).json["case_no"] == "北辰-0001"


def test_a_suspended_agency_may_ask_but_not_refer(caller, clock):
    caller.post("/v1/referrals", make.payload())
    with db.transaction() as session:
        agency = agencies.by_code(session, "beichen")
        agencies.suspend(session, agency, reason="x", by=make.SETUP, at=clock.now())

    case = make.payload(case_no="BC-2", card_last4="1")
    assert (
        caller.post("/v1/referrals", make.payload(case_no="BC-2"), key="k" * 8).status_code == 403
    )
    batch = caller.post("/v1/referrals/batch", {"referrals": [case]}, key="l" * 8)
    assert batch.status_code == 403
    assert caller.get("/v1/referrals/BC-0001").status_code == 200


def test_each_case_of_a_batch_is_taken_or_refused_by_itself(caller):
    caller.post("/v1/referrals", make.payload(case_no="BC-1"))
    batch = [
        make.payload(case_no="BC-1"),
        make.payload(case_no="BC-2", mobile="13900000002"),
        make.payload(case_no="BC-3", mobile="12"),
        make.payload(case_no="BC-2", mobile="13900000009"),
        "not a case",
    ]

    answer = caller.post("/v1/referrals/batch", {"referrals": batch}, key="idem-0002")

    assert answer.status_code == 200
    results = answer.json["results"]
    assert [r["outcome"] for r in results] == [
        "existing",
        "created",
        "refused",
        "refused",
        "refused",
    ]
    assert [r.get("code") for r in results] == [
        None,
        None,
        "referral_faulty",
        "case_differs",
        "referral_faulty",
    ]
    assert results[2]["errors"][0]["pointer"] == "/referrals/2/mobile"
    assert results[3]["errors"][0]["pointer"] == "/referrals/3"
    assert kept() == 2


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"referrals": []},
        {"referrals": {}},
        {"referrals": [make.payload()] * 201},
        {"referrals": [make.payload()], "note": "x"},
    ],
)
def test_a_batch_is_one_list_of_at_most_two_hundred(caller, payload):
    answer = caller.post("/v1/referrals/batch", payload)

    assert answer.status_code == 422
    assert pointers(answer) == ["/referrals"]


def test_two_hundred_cases_are_taken_in_one_request(caller):
    batch = [
        make.payload(case_no=f"BC-{number}", mobile=f"139{number:08d}") for number in range(200)
    ]

    answer = caller.post("/v1/referrals/batch", {"referrals": batch})

    assert {r["outcome"] for r in answer.json["results"]} == {"created"}
    assert kept() == 200


def test_the_description_of_the_api_names_every_field_that_is_read(app):
    described_api = app.test_client().get("/v1/openapi.json").json

    schemas = described_api["components"]["schemas"]
    assert set(described_api["paths"]) >= {
        "/v1/referrals",
        "/v1/referrals/batch",
        "/v1/referrals/{case_no}",
    }
    assert set(schemas["Referral"]["properties"]) == set(FIELDS)
    assert set(schemas["Counts"]["properties"]) == set(WILLINGNESS_FIELDS)
    assert set(schemas["Referral"]["required"]) == set(FIELDS) - OPTIONAL
