"""The fault proxy does to bytes what it is told, and otherwise lets them pass."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.faults import proxy
from tests.faults.proxy import Fault, FaultProxy, Toxic, Way


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve one connection after the other on a port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    link, _ = listening.accept()
                except OSError:
                    return
                with link:
                    try:
                        answer(link)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def echo(link: socket.socket) -> None:
    while piece := link.recv(4096):
        link.sendall(piece)


@pytest.fixture
def between() -> Iterator[FaultProxy]:
    with server(echo) as port, FaultProxy(port) as standing:
        yield standing


def call(standing: FaultProxy, said: bytes, *, seconds: float = 2) -> bytes:
    """Say something and hear what comes back until nothing does."""
    heard = bytearray()
    with socket.create_connection(("127.0.0.1", standing.port), timeout=seconds) as link:
        link.sendall(said)
        while len(heard) < len(said):
            piece = link.recv(4096)
            if not piece:
                break
            heard += piece
    return bytes(heard)


def test_without_a_fault_everything_passes(between):
    said = bytes(range(256)) * 1000

    assert call(between, said) == said
    assert between.done == {}


def test_a_cut_lets_so_many_bytes_pass_and_resets(between):
    between.inject(Fault(toxic=Toxic.CUT, way=Way.DOWN, after_bytes=7))

    with socket.create_connection(("127.0.0.1", between.port), timeout=2) as link:
        link.sendall(b"twelve bytes")
        heard = link.recv(7)
        with pytest.raises(ConnectionResetError):
            link.recv(1)

    assert heard == b"twelve "
    assert between.done == {"cut": 1}
    assert call(between, b"again") == b"again"


def test_dropped_bytes_never_come_and_the_connection_stays(between):
    between.inject(Fault(toxic=Toxic.DROP, way=Way.DOWN))

    with pytest.raises(TimeoutError):
        call(between, b"hello", seconds=0.3)

    assert between.done == {"drop": 1}


def test_a_drip_is_one_byte_a_second(between):
    between.inject(Fault(toxic=Toxic.DRIP, way=Way.DOWN))
    begun = time.monotonic()

    heard = call(between, b"abc", seconds=5)

    assert heard == b"abc"
    assert time.monotonic() - begun >= 2


def test_late_bytes_come_whole(between):
    between.inject(Fault(toxic=Toxic.LATE, way=Way.UP, seconds=0.3))
    begun = time.monotonic()

    heard = call(between, b"late")

    assert heard == b"late"
    assert time.monotonic() - begun >= 0.3


def test_held_bytes_come_when_they_are_let_go(between):
    between.inject(Fault(toxic=Toxic.HOLD, way=Way.UP, seconds=60))

    with socket.create_connection(("127.0.0.1", between.port), timeout=0.3) as link:
        link.sendall(b"held")
        with pytest.raises(TimeoutError):
            link.recv(1)
        between.release()
        link.settimeout(5)
        heard = link.recv(4)

    assert heard == b"held"
    assert between.done == {"hold": 1}


def test_held_bytes_come_by_themselves_in_the_end(between):
    between.inject(Fault(toxic=Toxic.HOLD, way=Way.UP, seconds=0.2))

    assert call(between, b"held") == b"held"


def test_severed_connections_are_reset_and_new_ones_pass(between):
    with socket.create_connection(("127.0.0.1", between.port), timeout=2) as link:
        link.sendall(b"a")
        assert link.recv(1) == b"a"
        between.sever()
        with pytest.raises(ConnectionResetError):
            link.recv(1)

    assert call(between, b"b") == b"b"


def test_while_it_is_down_nobody_gets_through(between):
    between.take_down()

    with pytest.raises(ConnectionError):
        call(between, b"a")
    between.heal()

    assert call(between, b"b") == b"b"


def hear_all(link: socket.socket) -> None:
    while link.recv(4096):
        pass


def message(kind: bytes, text: str) -> bytes:
    body = text.encode() + b"\0"
    return kind + struct.pack("!i", len(body) + 4) + body


STARTUP = struct.pack("!ii", 8, 80877103) + struct.pack("!ii", 16, 3 << 16) + b"user\0x\0\0"


def test_messages_are_found_however_they_are_cut():
    whole = STARTUP + message(b"Q", "BEGIN") + message(b"P", "\0SELECT 1") + message(b"Q", "COMMIT")
    for size in (1, 3, 7, len(whole)):
        found = []
        messages = proxy.Messages()
        for start in range(0, len(whole), size):
            found += messages.feed(whole[start : start + size])
        assert b"".join(found) == whole
        assert [proxy.is_commit(one) for one in found[2:]] == [False, False, True]


@pytest.mark.parametrize(
    ("toxic", "reaches"), [(Toxic.BEFORE_COMMIT, False), (Toxic.AFTER_COMMIT, True)]
)
def test_a_commit_is_cut_before_or_after_it_reached_the_server(toxic, reaches):
    reached = threading.Event()

    def database(link: socket.socket) -> None:
        received = b""
        while piece := link.recv(4096):
            received += piece
            if b"COMMIT" in received:
                reached.set()
            link.sendall(b"Z")

    with server(database) as port, FaultProxy(port, speaks_postgres=True) as standing:
        standing.inject(Fault(toxic=toxic))
        with socket.create_connection(("127.0.0.1", standing.port), timeout=2) as link:
            link.sendall(STARTUP + message(b"Q", "BEGIN"))
            assert link.recv(1) == b"Z"
            link.sendall(message(b"Q", "COMMIT"))
            with pytest.raises(ConnectionResetError):
                hear_all(link)

    assert reached.wait(0.2) is reaches
    assert standing.done == {toxic.value: 1}


def test_only_the_commit_that_is_meant_is_cut():
    with server(echo) as port, FaultProxy(port, speaks_postgres=True) as standing:
        standing.inject(Fault(toxic=Toxic.BEFORE_COMMIT, nth=2))
        with socket.create_connection(("127.0.0.1", standing.port), timeout=2) as link:
            link.sendall(STARTUP + message(b"Q", "COMMIT"))
            heard = link.recv(4096)
            link.sendall(message(b"Q", "COMMIT"))
            with pytest.raises(ConnectionResetError):
                hear_all(link)

    assert heard
    assert standing.done == {"before_commit": 1}
