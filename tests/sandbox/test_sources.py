"""Bureau, income proof, watchlists and identity check."""

from __future__ import annotations

import pytest

from tests.sandbox.outsider import card, person

CARD = "6225880000000001"
ID, NAME, MOBILE = "110101199000000001", "王小明", "13800000001"
WHO = {"national_id": ID, "name": NAME}


def test_a_report_gives_the_figures_that_were_loaded(sandbox):
    figures = {"unsecured_accounts": 3, "utilisation": 0.75, "oldest_months": None}
    sandbox.load(person(1, figures=figures))

    answer = sandbox.post("/bureau/reports", {**WHO, "authorisation_no": "A1"}).get_json()

    assert answer["figures"] == figures
    assert answer["as_of"] == "2026-11-20T12:00:00+08:00"
    assert answer["report_no"]


def test_a_report_tells_events_up_to_now_and_nothing_later(sandbox):
    asked = {"at": "2026-11-20T11:59:59+08:00", "kind": "cash_loan", "organisation": "L001"}
    paid = {
        "due_at": "2026-11-01T00:00:00+08:00", "due": "100.00",
        "paid_at": "2026-11-21T00:00:00+08:00", "paid": "100.00",
    }  # fmt: skip
    sandbox.load(
        person(
            1,
            inquiries=[asked, {**asked, "at": "2026-11-20T12:00:01+08:00"}],
            repayments=[paid],
            accounts=None,
        )
    )

    answer = sandbox.post("/bureau/reports", {**WHO, "authorisation_no": "A1"}).get_json()

    assert answer["inquiries"] == [asked]
    assert answer["repayments"] == [{**paid, "paid_at": None, "paid": "0.00"}]
    assert "accounts" not in answer


@pytest.mark.parametrize(
    ("events", "where"),
    [
        ({"inquiries": "many"}, "inquiries"),
        ({"inquiries": [{"kind": "bank", "organisation": "B"}]}, "at"),
        ({"inquiries": [{"at": "2026-11-20", "kind": "bank", "organisation": "B"}]}, "at"),
        ({"accounts": [{"opened_at": "2026-11-20T00:00:00+08:00", "kind": "card"}]}, "limit"),
        ({"repayments": [{}] * 3_001}, "repayments"),
    ],
)
def test_events_that_are_malformed_are_refused_by_place(sandbox, events, where):
    response = sandbox.post("/_control/people", {"people": [person(1, **events)]})

    assert response.status_code == 400
    assert where in response.get_json()["message"]


@pytest.mark.parametrize("number", [{}, {"authorisation_no": ""}, {"authorisation_no": None}])
def test_a_report_needs_an_authorisation(sandbox, number):
    sandbox.load(person(1))

    response = sandbox.post("/bureau/reports", {**WHO, **number})

    assert (response.status_code, response.get_json()["error"]) == (403, "no_authorisation")


def test_no_file_for_a_stranger_a_wrong_name_or_one_without_figures(sandbox):
    sandbox.load(person(1), person(2, figures=None))
    asked = [
        {"national_id": "110101199000000009", "name": NAME},
        {"national_id": ID, "name": "李四"},
        {"national_id": "110101199000000002", "name": NAME},
    ]

    answers = [sandbox.post("/bureau/reports", {**who, "authorisation_no": "A"}) for who in asked]

    assert [(a.status_code, a.get_json()["error"]) for a in answers] == [(404, "no_file")] * 3


def test_income_is_proved_with_its_source(sandbox):
    sandbox.load(person(1), person(2, monthly_income=None))

    proof = sandbox.post("/income/proofs", WHO).get_json()
    none = sandbox.post("/income/proofs", {"national_id": "110101199000000002", "name": NAME})

    assert proof["monthly_income"] == "8000.00"
    assert (proof["source"], proof["employment_months"]) == ("tax", 30)
    assert (none.status_code, none.get_json()["error"]) == (404, "no_proof")


def test_a_watchlist_check_lists_the_hits(sandbox):
    hit = {"list": "court_enforcement", "reason": "失信被执行人"}
    sandbox.load(person(1, watchlist=[hit]))

    known = sandbox.post("/watchlists/checks", {**WHO, "mobile": MOBILE}).get_json()
    stranger = {"national_id": "110101199000000009", "name": "李四", "mobile": MOBILE}
    unknown = sandbox.post("/watchlists/checks", stranger).get_json()

    assert known["hits"] == [hit]
    assert unknown["hits"] == []
    assert known["check_no"] != unknown["check_no"]


@pytest.mark.parametrize(
    ("change", "matches"),
    [
        ({}, True),
        ({"card_number": CARD}, True),
        ({"card_number": "6225880000000009"}, False),
        ({"name": "李四"}, False),
        ({"mobile": "13900000000"}, False),
        ({"national_id": "110101199000000009"}, False),
    ],
)
def test_an_identity_matches_when_everything_belongs_to_one_person(sandbox, change, matches):
    sandbox.load(person(1, card(CARD)))

    answer = sandbox.post("/identity/checks", {**WHO, "mobile": MOBILE, **change}).get_json()

    assert (answer["matches"], answer["deceased"]) == (matches, False)


def test_an_identity_can_be_loaded_as_not_matching_or_deceased(sandbox):
    sandbox.load(person(1, identity_matches=False, deceased=True))

    answer = sandbox.post("/identity/checks", {**WHO, "mobile": MOBILE}).get_json()

    assert (answer["matches"], answer["deceased"]) == (False, True)
