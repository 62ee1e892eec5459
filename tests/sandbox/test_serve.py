"""The sandbox as a process: real sockets, real cuts, and a quick end."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.outsider import KEY, NOON, card, decode, encode, pay_form, person, sign, verify

ROOT = Path(__file__).parents[2]
CARD = "6225880000000001"
PAY = "/channel/gateway/backTransReq"
FORM = {"Content-Type": "application/x-www-form-urlencoded", "X-Sandbox-Now": NOON.isoformat()}
START_SECONDS = 20
WAIT_SECONDS = 5


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start(port: int) -> subprocess.Popen[bytes]:
    # More workers asked for from outside must not give a second memory.
    environment = {**os.environ, "WEB_CONCURRENCY": "4", "GUNICORN_CMD_ARGS": "--workers 4"}
    command = [sys.executable, "-m", "sandbox.serve", "--port", str(port)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)


def wait_until_up(port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            assert call(port, "GET", "/_control/healthz").status == 200
        except OSError:
            assert time.monotonic() < end, "the sandbox did not start"
            time.sleep(0.05)
        else:
            return


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.communicate(timeout=10)


def call(port, method, path, body=None, *, headers=None) -> http.client.HTTPResponse:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_SECONDS)
    try:
        link.request(method, path, body, headers or {})
        response = link.getresponse()
        response.text = response.read().decode()
        return response
    finally:
        link.close()


def control(port, path: str, body: str) -> None:
    headers = {**KEY, "Content-Type": "application/json", "X-Sandbox-Now": NOON.isoformat()}
    assert call(port, "POST", path, body, headers=headers).status == 200


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    number = free_port()
    process = start(number)
    try:
        wait_until_up(number)
        control(number, "/_control/people", json.dumps({"people": [person(1, card(CARD))]}))
        control(number, "/_control/fund", '{"amount": "1000000.00"}')
        yield number
    finally:
        stop(process)


def pay(port: int, order_id: str, fault: str = "off"):
    control(port, "/_control/faults", f'{{"card_number": "{CARD}", "fault": "{fault}"}}')
    form = sign(pay_form(order_id, CARD, 100, NOON))
    return call(port, "POST", PAY, encode(form), headers=FORM)


def test_a_payment_over_a_real_socket_is_accepted_and_signed(port):
    reply = decode(pay(port, "PLAIN0001").text)

    verify(reply)
    assert reply["respCode"] == "00"


def test_a_silent_channel_cuts_the_connection_at_once(port):
    start_at = time.monotonic()

    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        pay(port, "SILENT0001", "silent_paid")

    assert time.monotonic() - start_at < 2
    assert decode(pay(port, "SILENT0001").text)["respCode"] == "12"


def test_a_silent_partner_cuts_the_connection_at_once(port):
    control(port, "/_control/outage", '{"partner": "bureau", "mode": "silent"}')

    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        call(port, "POST", "/bureau/reports", "{}")


def test_a_dripping_reply_comes_a_byte_a_second(port):
    control(port, "/_control/faults", f'{{"card_number": "{CARD}", "fault": "drip"}}')
    body = encode(sign(pay_form("DRIP00001", CARD, 100, NOON)))
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)

    link.request("POST", PAY, body, FORM)
    response = link.getresponse()
    start_at = time.monotonic()
    first = response.read(3)
    took = time.monotonic() - start_at
    link.close()

    assert (response.status, len(first)) == (200, 3)
    assert int(response.headers["Content-Length"]) > 100
    assert 1.5 < took < 4
    # The others do not wait for it.
    assert decode(pay(port, "DRIP00002").text)["respCode"] == "00"


def test_all_threads_together_take_one_payment_once(port):
    body = encode(sign(pay_form("TOGETHER01", CARD, 100, NOON)))
    codes = []

    def send():
        codes.append(decode(call(port, "POST", PAY, body, headers=FORM).text)["respCode"])

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(codes) == ["00"] + ["12"] * 7


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_the_process_ends_within_two_seconds_even_while_a_reply_drips(name):
    number = free_port()
    process = start(number)
    try:
        wait_until_up(number)
        control(number, "/_control/people", json.dumps({"people": [person(1, card(CARD))]}))
        control(number, "/_control/fund", '{"amount": "1000.00"}')
        control(number, "/_control/faults", f'{{"card_number": "{CARD}", "fault": "drip"}}')
        link = http.client.HTTPConnection("127.0.0.1", number, timeout=5)
        link.request("POST", PAY, encode(sign(pay_form("DRIP00001", CARD, 100, NOON))), FORM)
        link.getresponse()

        start_at = time.monotonic()
        process.send_signal(signal.Signals[name])
        process.wait(timeout=10)
        took = time.monotonic() - start_at

        link.close()
        assert process.returncode == 0
        assert took < 2
    finally:
        stop(process)


def test_a_server_whose_worker_died_stops_instead_of_starting_anew_with_nothing():
    number = free_port()
    process = start(number)
    try:
        wait_until_up(number)
        health = call(number, "GET", "/_control/healthz").text
        worker = int(health.split('"process":')[1].rstrip("}"))

        os.kill(worker, signal.SIGKILL)

        assert process.wait(timeout=10) != 0
    finally:
        stop(process)


def test_a_server_with_several_processes_is_refused(sandbox):
    response = sandbox.http.get("/_control/healthz", environ_overrides={"wsgi.multiprocess": True})

    assert (response.status_code, response.get_json()["error"]) == (503, "one_process_only")


@pytest.mark.slow
def test_a_port_that_is_taken_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start(taken.getsockname()[1])
        try:
            assert process.wait(timeout=15) != 0
        finally:
            stop(process)
