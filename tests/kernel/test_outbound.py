"""A call to a partner brings a whole reply or says that nobody knows, and never acts twice."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from kernel.outbound import Garbled, NoAnswer, Outbound, Reply, Timeouts
from tests.kernel.partner import answers, partner, reply

QUICK = Timeouts(connect_seconds=0.5, read_seconds=0.4, total_seconds=0.6)


@pytest.fixture
def call():
    """Make callers, and close what they keep alive."""
    made: list[Outbound] = []

    def outbound(url: str, **options) -> Outbound:
        options.setdefault("timeouts", QUICK)
        made.append(Outbound(url, headers=lambda: {"Authorization": "Bearer k"}, **options))
        return made[-1]

    yield outbound
    for each in made:
        each.close()


def drip(piece: bytes, *, every_seconds: float = 0.1, first: bytes = b""):
    def behave(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(piece)
            time.sleep(every_seconds)

    return behave


def test_a_reply_comes_back_with_status_body_and_headers(call):
    with partner(answers(reply(b'{"a": "1"}', headers=("X-Trace: t1",)))) as there:
        got = call(there.url).post_json("/things", {"name": "甲"})

    assert (got.status, got.json(), got.headers["x-trace"]) == (200, {"a": "1"}, "t1")
    assert b'\r\n\r\n{"name": "\xe7\x94\xb2"}' in there.requests[0]
    assert b"Authorization: Bearer k" in there.requests[0]


def test_a_form_is_posted_as_a_form(call):
    with partner(answers(reply(b"respCode=00"))) as there:
        got = call(there.url + "/base/").post_form("/gateway", {"name": "a&b 甲"})

    assert got.body == b"respCode=00"
    assert there.requests[0].startswith(b"POST /base/gateway HTTP/1.1")
    assert there.requests[0].endswith(b"name=a%26b+%E7%94%B2")


@pytest.mark.parametrize("status", ["500 Internal Server Error", "404 Not Found", "429 Slow"])
def test_any_status_is_a_reply(call, status):
    with partner(answers(reply(b"sorry", status=status))) as there:
        got = call(there.url).get("/x")

    assert got.status == int(status[:3])


def test_a_redirect_is_not_followed(call):
    moved = reply(b"", status="307 Temporary Redirect", headers=("Location: /elsewhere",))

    with partner(answers(moved), requests_per_connection=5) as there:
        got = call(there.url).post_json("/pay", {})

    assert got.status == 307
    assert len(there.requests) == 1


@pytest.mark.parametrize(
    "behaviour",
    [
        drip(b"X", first=b"HTTP/1.1 200 OK\r\nX-Long: "),
        drip(b"X-Again: 1\r\n", first=b"HTTP/1.1 200 OK\r\n"),
        drip(b"HTTP/1.1 100 Continue\r\n\r\n"),
        drip(b"x", first=b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n"),
        drip(b"1\r\nx\r\n", first=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ],
    ids=["one header", "many headers", "continues", "body", "chunks"],
)
def test_a_slow_drip_is_cut_when_the_whole_time_is_up(call, behaviour):
    begun = time.monotonic()

    with partner(behaviour) as there, pytest.raises(NoAnswer) as raised:
        call(there.url).post_json("/pay", {})

    # 0.6 s in all; each wait between two bytes, 0.1 s, is far below the 0.4 s allowed for one.
    assert 0.5 < time.monotonic() - begun < 2
    assert raised.value.reason == "the whole time for the call ran out"


def test_a_tls_handshake_that_never_ends_is_cut(call):
    begun = time.monotonic()
    patient = Timeouts(connect_seconds=5, read_seconds=5, total_seconds=0.5)

    with socket.create_server(("127.0.0.1", 0)) as deaf, pytest.raises(NoAnswer) as raised:
        call(f"https://127.0.0.1:{deaf.getsockname()[1]}", timeouts=patient).post_json("/pay", {})

    assert time.monotonic() - begun < 2
    assert raised.value.reason == "the whole time for the call ran out"


def test_a_partner_that_does_not_speak_tls_is_no_answer(call):
    with partner(answers(reply(b"{}"))) as there, pytest.raises(NoAnswer):
        call(there.url.replace("http:", "https:")).post_json("/pay", {})


def test_silence_ends_with_the_read_timeout(call):
    with partner(lambda _: time.sleep(1)) as there, pytest.raises(NoAnswer) as raised:
        call(there.url).get("/x")

    assert raised.value.reason == "no reply in time"


def test_silence_in_the_middle_of_a_body_ends_with_the_read_timeout(call):
    def behave(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        time.sleep(1)

    with partner(behave) as there, pytest.raises(NoAnswer) as raised:
        call(there.url).get("/x")

    assert raised.value.reason == "no reply in time"


def test_nobody_listening_is_no_answer(call):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(NoAnswer) as raised:
        call(f"http://127.0.0.1:{port}").get("/x?card=6222021234567890123")

    assert "6222" not in str(raised.value)
    assert "127.0.0.1" not in str(raised.value)


def test_an_unknown_host_is_no_answer(call):
    with pytest.raises(NoAnswer):
        call("http://nowhere.invalid").get("/x")


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize(
    "behaviour",
    [
        reset,
        lambda connection: connection.shutdown(socket.SHUT_RDWR),
        answers(b"not http at all\r\n\r\n"),
        answers(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
        answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
        answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"),
        answers(b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n0123456789"),
        answers(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Length: 3\r\n\r\n012345678"),
        answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        answers(b"HTTP/1.1 200 OK\r\n\r\nthe end is where the connection ends"),
        answers(b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 200 + b"\r\n"),
        answers(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n"),
        answers(reply(b"not gzip", headers=("Content-Encoding: gzip",))),
    ],
    ids=[
        "reset",
        "closed without a word",
        "not HTTP",
        "cut body",
        "cut chunks",
        "broken chunk size",
        "length not a number",
        "two lengths",
        "a coding we do not know",
        "no stated end",
        "too many headers",
        "a header too long",
        "broken gzip",
    ],
)
def test_anything_but_a_whole_reply_is_no_answer(call, behaviour):
    with partner(behaviour) as there, pytest.raises(NoAnswer):
        call(there.url).post_json("/pay", {})

    assert len(there.requests) == 1


def test_a_reply_larger_than_allowed_is_no_answer(call):
    with partner(answers(reply(b"x" * 1001))) as there, pytest.raises(NoAnswer) as raised:
        call(there.url, reply_bytes_max=1000).get("/x")

    assert raised.value.reason == "the reply is larger than 1000 bytes"


def test_a_reply_of_exactly_the_allowed_size_comes_back(call):
    with partner(answers(reply(b"x" * 1000))) as there:
        got = call(there.url, reply_bytes_max=1000).get("/x")

    assert len(got.body) == 1000


def test_compressed_bytes_count_as_what_they_become(call):
    bomb = gzip.compress(b"0" * 50_000_000)
    assert len(bomb) < 100_000

    with (
        partner(answers(reply(bomb, headers=("Content-Encoding: gzip",)))) as there,
        pytest.raises(NoAnswer) as raised,
    ):
        call(there.url, timeouts=Timeouts()).get("/x")

    assert raised.value.reason == "the reply is larger than 4194304 bytes"


def test_a_compressed_reply_is_read(call):
    with partner(
        answers(reply(gzip.compress(b"hello"), headers=("Content-Encoding: gzip",)))
    ) as there:
        got = call(there.url).get("/x")

    assert got.body == b"hello"


def test_a_connection_is_kept_alive(call):
    with partner(answers(reply(b"{}")), requests_per_connection=9) as there:
        outbound = call(there.url)
        for _ in range(3):
            outbound.get("/x")

    assert (there.connections, len(there.requests)) == (1, 3)


def test_a_post_on_a_connection_that_went_stale_is_never_sent_again(call):
    seen = 0

    def once(connection: socket.socket) -> None:
        nonlocal seen
        seen += 1
        if seen > 1:
            return reset(connection)
        return connection.sendall(reply(b"{}"))

    with partner(once, requests_per_connection=2) as there:
        outbound = call(there.url)
        outbound.get("/first")
        with pytest.raises(NoAnswer):
            outbound.post_json("/pay", {})

    assert len(there.requests) == 2


def test_a_connection_closed_while_idle_is_replaced_before_sending(call):
    with partner(answers(reply(b"{}")), requests_per_connection=1) as there:
        outbound = call(there.url)
        outbound.get("/first")
        time.sleep(0.1)
        got = outbound.post_json("/pay", {})

    assert got.status == 200
    assert [request.split(b" ")[1] for request in there.requests] == [b"/first", b"/pay"]


def test_half_a_reply_never_leaks_into_the_next_call(call):
    big = reply(b"x" * 200_000)

    with partner(answers(big), requests_per_connection=3) as there:
        outbound = call(there.url, reply_bytes_max=1000)
        for _ in range(2):
            with pytest.raises(NoAnswer):
                outbound.get("/x")

    assert there.connections == 2


def test_a_cookie_given_to_one_call_is_not_carried_to_the_next(call):
    with partner(
        answers(reply(b"{}", headers=("Set-Cookie: session=1; Path=/",))), requests_per_connection=2
    ) as there:
        outbound = call(there.url)
        outbound.get("/x")
        outbound.get("/x")

    assert b"cookie" not in there.requests[1].lower()


def test_a_proxy_in_the_environment_is_not_used(call, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")

    with partner(answers(reply(b"{}"))) as there:
        got = call(there.url).get("/x")

    assert got.status == 200


def test_threads_share_one_caller(call):
    gate = threading.Barrier(8, timeout=5)

    def behave(connection: socket.socket) -> None:
        gate.wait()
        connection.sendall(reply(b"{}"))

    with partner(behave, requests_per_connection=20) as there:
        outbound = call(there.url, timeouts=Timeouts())
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda n: outbound.get(f"/{n}"), range(16)))

    assert [each.status for each in got] == [200] * 16
    assert len(there.requests) == 16


def test_a_slow_call_cut_by_its_deadline_leaves_its_neighbours_alone(call):
    def behave(connection: socket.socket) -> None:
        if len(there.requests) == 1:
            time.sleep(0.7)
        connection.sendall(reply(b"{}"))

    with partner(behave, requests_per_connection=50) as there:
        outbound = call(
            there.url, timeouts=Timeouts(connect_seconds=1, read_seconds=5, total_seconds=0.4)
        )
        with ThreadPoolExecutor(2) as pool:
            slow = pool.submit(outbound.get, "/slow")
            time.sleep(0.1)
            got = [outbound.get("/quick").status for _ in range(20)]

    assert got == [200] * 20
    assert isinstance(slow.exception(), NoAnswer)


@pytest.mark.parametrize("url", ["ftp://partner.example", "partner.example", ""])
def test_a_partner_is_reached_by_http_alone(url):
    with pytest.raises(ValueError, match="http or https"):
        Outbound(url, headers=dict)


def test_a_path_cannot_change_the_host(call):
    with pytest.raises(ValueError, match="slash"):
        call("http://127.0.0.1:1").get("@elsewhere.example/x")


def body(content: bytes) -> Reply:
    return Reply(status=200, body=content, headers={})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b'"text"',
        b"null",
        b'{"a": 1, "a": 2}',
        b'{"deep": {"a": 1, "a": 2}}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": "\xff"}',
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"a": ["\\u0000"]}',
        b'{"a": 1',
        b'{"a": 1} {"b": 2}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_not_one_plain_json_object_is_garbled(content):
    with pytest.raises(Garbled) as raised:
        body(content).json()

    assert "ff" not in str(raised.value)


def test_numbers_with_a_point_are_read_as_decimals():
    read = body(b'{"rate": 0.1, "count": 3, "text": "\\u7532"}').json()

    assert read == {"rate": Decimal("0.1"), "count": 3, "text": "甲"}
    assert isinstance(read["rate"], Decimal)
