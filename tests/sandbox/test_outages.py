"""A whole partner that is down, in three ways."""

from __future__ import annotations

import pytest

from tests.sandbox.outsider import Outsider

CALLS = {
    "channel": ("POST", "/channel/gateway/queryTrans"),
    "bank": ("GET", "/bank/accounts/622000000001/balance"),
    "issuers": ("POST", "/issuers/CMB/balances"),
    "bureau": ("POST", "/bureau/reports"),
    "income": ("POST", "/income/proofs"),
    "watchlists": ("POST", "/watchlists/checks"),
    "identity": ("POST", "/identity/checks"),
    "sms": ("POST", "/sms/messages"),
}


def take_down(sandbox: Outsider, partner: str, mode: str) -> None:
    body = {"partner": partner, "mode": mode}
    assert sandbox.post("/_control/outage", body).status_code == 200


@pytest.mark.parametrize("partner", CALLS)
@pytest.mark.parametrize(("mode", "status"), [("http_500", 500), ("silent", 504), ("garbage", 200)])
def test_a_partner_that_is_down_answers_nobody_until_it_is_back(sandbox, partner, mode, status):
    method, path = CALLS[partner]
    take_down(sandbox, partner, mode)

    down = sandbox.http.open(path, method=method)
    take_down(sandbox, partner, "off")
    back = sandbox.http.open(path, method=method)

    assert down.status_code == status
    assert (mode == "garbage") == down.text.startswith("<html>")
    assert back.status_code in {401, 415}


def test_the_others_go_on(sandbox):
    take_down(sandbox, "bureau", "http_500")

    message = {"mobile": "13800000001", "text": "x", "reference": "r"}
    assert sandbox.post("/sms/messages", message).status_code == 202


def test_nothing_is_paid_while_the_channel_is_down(channel):
    take_down(channel, "channel", "silent")

    channel.pay_raw("ORDER0001", "6225880000000001", 300_000)

    assert channel.books()["orders"] == []


def test_a_telephone_still_shows_its_messages_while_the_gateway_is_down(sandbox):
    take_down(sandbox, "sms", "http_500")

    assert sandbox.http.get("/sms/inbox/13800000001").status_code == 200
