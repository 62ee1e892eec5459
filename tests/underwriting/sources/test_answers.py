"""Answers of every wrong form are silence: nothing is ever decided on what cannot be read."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from kernel.outbound import Outbound
from tests.underwriting.sources import world
from underwriting.sources import bureau, income, watchlists
from underwriting.sources.asking import SourceRefused, SourceSilent

AS_OF = "2026-11-20T10:00:00+08:00"
REPORT = {"report_no": "CR1", "as_of": AS_OF, "figures": {"inquiries_12m": 1}}
PROOF = {
    "proof_no": "IP1", "as_of": AS_OF, "monthly_income": "1.00", "source": "tax",
    "employment_months": 1,
}  # fmt: skip
CHECK = {"check_no": "WL1", "as_of": AS_OF, "hits": []}


class _Partner(BaseHTTPRequestHandler):
    status, content = 200, b""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def partner():
    """Serve one answer on loopback, set by the test."""
    server = HTTPServer(("127.0.0.1", 0), _Partner)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    outbound = Outbound(f"http://127.0.0.1:{server.server_port}", headers=dict)

    def says(body: object, status: int = 200) -> Outbound:
        _Partner.status = status
        _Partner.content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return outbound

    yield says
    outbound.close()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "body",
    [
        {**REPORT, "report_no": ""},
        {**REPORT, "report_no": 7},
        {**REPORT, "as_of": "yesterday"},
        {**REPORT, "as_of": "2026-11-20T10:00:00"},
        {**REPORT, "figures": None},
        {**REPORT, "figures": [1]},
        {**REPORT, "figures": {"inquiries_12m": "2"}},
        {**REPORT, "figures": {"inquiries_12m": True}},
        b'{"report_no":"CR1","as_of":"2026-11-20T10:00:00+08:00","figures":{"inquiries_12m":1e999}}',
        b'{"report_no":"CR1","as_of":"2026-11-20T10:00:00+08:00","figures":{"inquiries_12m":NaN}}',
        {"report_no": "CR1"},
        [],
        b"",
        b"<html>",
    ],
)
def test_a_report_of_another_form_is_silence(partner, body):
    with pytest.raises(SourceSilent):
        bureau.report(partner(body), world.PERSON, authorisation_no="A-1")


def test_a_figure_with_many_places_is_kept_to_a_millionth(partner):
    body = b'{"report_no":"CR1","as_of":"2026-11-20T10:00:00+08:00","figures":{"inquiries_12m":1.00000049}}'

    found = bureau.report(partner(body), world.PERSON, authorisation_no="A-1")

    assert str(found.figures["inquiries_12m"]) == "1.000000"


@pytest.mark.parametrize(
    "body",
    [
        {**PROOF, "monthly_income": "-1.00"},
        {**PROOF, "monthly_income": "1e3"},
        {**PROOF, "monthly_income": 1000},
        {**PROOF, "monthly_income": None},
        {**PROOF, "employment_months": -1},
        {**PROOF, "employment_months": True},
        {**PROOF, "employment_months": 1201},
        {**PROOF, "source": None},
        {},
    ],
)
def test_a_proof_of_another_form_is_silence(partner, body):
    with pytest.raises(SourceSilent):
        income.proof(partner(body), world.PERSON)


@pytest.mark.parametrize(
    "body",
    [
        {**CHECK, "hits": None},
        {**CHECK, "hits": {}},
        {**CHECK, "hits": ["court"]},
        {**CHECK, "hits": [{"list": "court"}]},
        {**CHECK, "hits": [{"list": "court", "reason": "x"}] * 101},
        {**CHECK, "check_no": None},
    ],
)
def test_a_check_of_another_form_is_silence(partner, body):
    with pytest.raises(SourceSilent):
        watchlists.check(partner(body), world.PERSON)


def test_a_source_that_knows_no_such_path_is_not_taken_for_one_without_a_file(partner):
    with pytest.raises(SourceRefused):
        bureau.report(partner({"error": "not_found"}, 404), world.PERSON, authorisation_no="A-1")


def test_a_missing_page_of_a_proxy_is_silence(partner):
    with pytest.raises(SourceSilent):
        bureau.report(partner(b"<html>404</html>", 404), world.PERSON, authorisation_no="A-1")


@pytest.mark.parametrize("status", [301, 500, 502, 503])
def test_a_fault_on_the_source_s_side_is_silence(partner, status):
    with pytest.raises(SourceSilent):
        bureau.report(partner({}, status), world.PERSON, authorisation_no="A-1")
