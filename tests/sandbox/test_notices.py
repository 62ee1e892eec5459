"""Notices: posted when a payment is decided, at most five times, and not all of them true."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.exceptions import InvalidSignature

from tests.sandbox.outsider import Outsider, decode, verify

CARD = "6225880000000001"


@dataclass
class Receiver:
    """Our side of a notice: keeps what came and answers with the status it is told."""

    url: str = ""
    status: int = 200
    drips: bool = False
    forms: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.forms.append(decode(body.decode()))
            for _ in range(100 if kept.drips else 0):
                self.wfile.write(b"H")
                time.sleep(0.05)
            self.send_response(kept.status)
            self.send_header("Location", kept.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.url = f"http://127.0.0.1:{server.server_port}/notice"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield kept
        server.shutdown()
        thread.join()


def deliver(channel: Outsider) -> tuple[int, int, int]:
    answer = channel.post("/_control/notices/deliver", {}).get_json()
    return answer["delivered"], answer["failed"], answer["waiting"]


def test_a_notice_waits_until_the_payment_is_decided_and_is_signed(channel, receiver):
    query_id = channel.pay("ORDER0001", CARD, 300_000, backUrl=receiver.url)["queryId"]

    early = deliver(channel)
    channel.wait(minutes=1)
    due = deliver(channel)
    again = deliver(channel)

    assert (early, due, again) == ((0, 0, 1), (1, 0, 0), (0, 0, 0))
    notice = receiver.forms[0]
    verify(notice)
    assert (notice["txnType"], notice["respCode"], notice["orderId"]) == ("12", "00", "ORDER0001")
    assert (notice["txnTime"], notice["txnAmt"]) == ("20261120120000", "300000")
    assert (notice["settleDate"], notice["settleAmt"]) == ("1120", "300000")
    assert (notice["queryId"], notice["reqReserved"]) == (query_id, "R1")


@pytest.mark.parametrize("status", [500, 302, 404, 204])
def test_a_notice_that_is_not_answered_200_is_tried_five_times(channel, receiver, status):
    receiver.status = status
    channel.pay("ORDER0001", CARD, 300_000, backUrl=receiver.url)
    channel.wait(minutes=1)

    outcomes = [deliver(channel) for _ in range(6)]

    assert outcomes == [(0, 1, 1)] * 4 + [(0, 1, 0), (0, 0, 0)]
    assert len(receiver.forms) == 5


def test_a_notice_arrives_when_the_receiver_is_back(channel, receiver):
    receiver.status = 500
    channel.pay("ORDER0001", CARD, 300_000, backUrl=receiver.url)
    channel.wait(minutes=1)
    deliver(channel)

    receiver.status = 200

    assert deliver(channel) == (1, 0, 0)


def test_a_receiver_that_is_not_there_is_a_failure(channel):
    channel.pay("ORDER0001", CARD, 300_000, backUrl="http://127.0.0.1:9/")
    channel.wait(minutes=1)

    assert deliver(channel) == (0, 1, 1)


def test_a_receiver_that_answers_byte_by_byte_is_cut_off(channel, receiver, monkeypatch):
    monkeypatch.setattr("sandbox.channel.notices.WAIT_SECONDS", 0.3)
    receiver.drips = True
    channel.pay("ORDER0001", CARD, 300_000, backUrl=receiver.url)
    channel.wait(minutes=1)

    start_at = time.monotonic()

    assert deliver(channel) == (0, 1, 1)
    assert time.monotonic() - start_at < 2


def test_a_late_refusal_is_told_with_its_code(channel, receiver):
    channel.script(CARD, "refuse_late")
    channel.pay("ORDER0001", CARD, 300_000, backUrl=receiver.url)
    channel.wait(minutes=1)

    deliver(channel)

    assert receiver.forms[0]["respCode"] == "63"
    assert "settleDate" not in receiver.forms[0]


def test_a_duplicate_notice_comes_five_times(channel, receiver):
    channel.script(CARD, "duplicate_notice")
    channel.pay("ORDER0001", CARD, 300_000, backUrl=receiver.url)
    channel.wait(minutes=1)

    assert deliver(channel) == (5, 0, 0)
    assert len({tuple(form.items()) for form in receiver.forms}) == 1


def test_a_forged_notice_comes_before_the_true_one_and_only_once(channel, receiver):
    receiver.status = 400
    channel.script(CARD, "forged_notice")
    channel.pay("ORDER0001", CARD, 300_000, backUrl=receiver.url)
    channel.wait(minutes=1)

    first = deliver(channel)
    receiver.status = 200
    second = deliver(channel)

    assert (first, second) == ((0, 2, 1), (1, 0, 0))
    forged, true, retried = receiver.forms
    with pytest.raises(InvalidSignature):
        verify(forged)
    verify(true)
    assert true == retried


@pytest.mark.parametrize("fault", ["file_only", "silent_lost", "refuse_61"])
def test_what_only_the_file_knows_or_nobody_took_or_was_refused_at_once_has_no_notice(
    channel, receiver, fault
):
    channel.script(CARD, fault)
    channel.pay_raw("ORDER0001", CARD, 300_000, backUrl=receiver.url)
    channel.wait(days=1)

    assert deliver(channel) == (0, 0, 0)


def test_what_a_notice_told_is_not_taken_back(channel, receiver):
    channel.pay("ORDER0001", CARD, 300_000, backUrl=receiver.url)
    channel.wait(minutes=1)
    deliver(channel)

    channel.wait(minutes=-1)

    assert channel.standing("ORDER0001") == "00"
