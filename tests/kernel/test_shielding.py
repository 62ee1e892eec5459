"""Every answer protects the browser, production more so, and only static files are kept by it."""

from __future__ import annotations

import re

import pytest

from kernel.web import access
from tests.kernel import web_builders as make

PROXIED = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}


@pytest.fixture
def app(database, clock):
    return make.app(clock)


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.mark.parametrize("path", ["/sign-in", "/nowhere", "/healthz", "/v1/nowhere", "/finance"])
def test_every_answer_carries_the_protecting_headers(client, path):
    headers = client.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_the_mark_of_scripts_is_new_for_every_answer(client):
    marks = {
        re.search(r"'nonce-([^']+)'", client.get("/sign-in").headers["Content-Security-Policy"])[1]
        for _ in range(3)
    }

    assert len(marks) == 3


def test_a_static_file_with_its_hash_is_kept_for_a_year(client):
    page = client.get("/sign-in").text
    address = re.search(r'href="([^"]+daichang\.css[^"]*)"', page)[1]
    with client.get(address) as versioned, client.get("/static/daichang.css") as bare:
        assert re.fullmatch(r"/static/daichang\.css\?v=[0-9a-f]{12}", address)
        assert versioned.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert bare.headers["Cache-Control"] == "public, max-age=3600"


def test_a_missing_static_file_is_not_kept(client):
    assert client.get("/static/none.css?v=1").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/static/../application.py", "/static/%2e%2e/application.py"])
def test_static_files_end_where_their_folder_ends(client, path):
    assert client.get(path).status_code == 404


def test_production_speaks_https_alone_and_says_so(database, clock):
    client = make.app(clock, environment="production").test_client()

    answered = client.get("/sign-in", headers=PROXIED)

    assert answered.headers["Strict-Transport-Security"] == "max-age=31536000"
    cookie = answered.headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=")
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_elsewhere_a_laptop_without_https_can_still_sign_in(client):
    answered = client.get("/sign-in")

    assert "Strict-Transport-Security" not in answered.headers
    assert "Secure" not in answered.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("environment", "seen"), [("production", "203.0.113.7"), ("test", "127.0.0.1")]
)
def test_the_callers_address_is_believed_from_our_own_proxy_only(
    database, clock, environment, seen
):
    from kernel.web.around import client_ip

    app = make.app(clock, environment=environment)
    app.add_url_rule("/ip", "ip", access.public("a test")(client_ip))

    answered = app.test_client().get(
        "/ip", headers={**PROXIED, "X-Forwarded-For": "10.0.0.1, 203.0.113.7"}
    )

    assert answered.text == seen
