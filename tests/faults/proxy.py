"""A TCP proxy that spoils what passes: late, cut, reset, held, dropped, dripping, cut at COMMIT.

It knows nothing of HTTP and of PostgreSQL only where one frontend message ends and the next
begins, so the same proxy stands before the channel, our own web and the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

CHUNK: Final = 64 * 1024
START_SECONDS_MAX: Final = 10
STARTUP_PROTOCOL: Final = 3
NEGOTIATIONS: Final = frozenset({80877103, 80877104})
"""SSLRequest and GSSENCRequest, answered by one byte before the real startup message."""
_RESET: Final = struct.pack("ii", 1, 0)


class Toxic(StrEnum):
    """What is done to the traffic of one connection."""

    LATE = "late"
    """Pieces pass after `seconds`."""
    CUT = "cut"
    """The connection is reset after `after_bytes` more bytes in this direction."""
    DROP = "drop"
    """Nothing passes in this direction any more; the connection stays open."""
    DRIP = "drip"
    """One byte a second passes."""
    HOLD = "hold"
    """Nothing passes until `release`, or for so many `seconds`; then everything does."""
    BEFORE_COMMIT = "before_commit"
    """The connection is reset before the next COMMIT reaches the server."""
    AFTER_COMMIT = "after_commit"
    """The next COMMIT reaches the server and its answer is lost with the connection."""


class Way(StrEnum):
    """Which way the bytes go."""

    UP = "up"
    """From the caller to the server."""
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault, taken by the next connection that sends bytes this way."""

    toxic: Toxic
    way: Way = Way.UP
    after_bytes: int = 0
    nth: int = 1
    """Which of the connection's COMMITs from now on is meant."""
    seconds: float = 0.0


class Cut(Exception):
    """The connection is to be reset now."""


class Messages:
    """Finds the messages in what a PostgreSQL frontend sends (protocol 3)."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._has_begun = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Give the messages that are whole now."""
        self._held += piece
        while (size := self._size()) is not None and len(self._held) >= size:
            message = bytes(self._held[:size])
            del self._held[:size]
            if not self._has_begun:
                code = struct.unpack_from("!i", message, 4)[0]
                self._has_begun = code not in NEGOTIATIONS
            yield message

    def _size(self) -> int | None:
        """Tell the length of the first message, once enough of it has come."""
        head = 1 if self._has_begun else 0
        if len(self._held) < head + (4 if self._has_begun else 8):
            return None
        return head + int(struct.unpack_from("!i", self._held, head)[0])


def is_commit(message: bytes) -> bool:
    """Tell whether a frontend message asks to commit: Query, or Parse of a statement."""
    if message[:1] == b"Q":
        text = message[5:]
    elif message[:1] == b"P":
        text = message[5:].partition(b"\0")[2]
    else:
        return False
    return text.lstrip()[:6].upper() == b"COMMIT"


class FaultProxy:
    """A proxy on a loopback port before a server's port, run by a thread of its own."""

    def __init__(self, target: int, *, speaks_postgres: bool = False) -> None:
        self._target = target
        self._speaks_postgres = speaks_postgres
        self._planned: deque[Fault] = deque()
        self._links: set[_Link] = set()
        self._is_down = False
        self._loop = asyncio.new_event_loop()
        self._may_pass = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)
        self.done: Counter[str] = Counter()
        """How often each fault took effect."""
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(START_SECONDS_MAX), "the proxy did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS_MAX)
        assert not self._thread.is_alive(), "the proxy did not stop"

    @property
    def url(self) -> str:
        """The proxy's address for HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def inject(self, fault: Fault) -> None:
        """Let the next connection that sends bytes the fault's way suffer it."""
        self._loop.call_soon_threadsafe(self._planned.append, fault)

    def sever(self) -> None:
        """Reset every connection there is, and count them as one fault."""
        self._ask(self._sever)

    def take_down(self) -> None:
        """Reset every new connection until `heal`."""
        self._ask(lambda: setattr(self, "_is_down", True))
        self.sever()

    def release(self) -> None:
        """Let go what is held."""
        self._ask(self._release)

    def heal(self) -> None:
        """Forget the planned faults and let everything pass; spoilt connections are reset."""
        self._ask(self._heal)

    def _ask(self, act: Callable[[], object]) -> None:
        done = threading.Event()

        def do() -> None:
            act()
            done.set()

        self._loop.call_soon_threadsafe(do)
        assert done.wait(START_SECONDS_MAX), "the proxy does not answer"

    def _sever(self) -> None:
        if self._links:
            self.done["reset"] += 1
        for link in tuple(self._links):
            link.reset()

    def _release(self) -> None:
        before, self._may_pass = self._may_pass, asyncio.Event()
        before.set()

    async def released(self, seconds: float) -> None:
        """Wait for the next release, but no longer than so many seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._may_pass.wait(), seconds)

    def _heal(self) -> None:
        self._is_down = False
        self._planned.clear()
        for link in tuple(self._links):
            if link.is_spoilt:
                link.reset()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, limit=CHUNK)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        try:
            self._loop.run_forever()
        finally:
            server.close()
            self._sever()
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_down:
            self.done["down"] += 1
            _reset(writer)
            return
        try:
            onward = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            _reset(writer)
            return
        link = _Link(self, (reader, writer), onward, self._speaks_postgres)
        self._links.add(link)
        # Only the end of the proxy cancels; asyncio would tell of it as of a failure.
        with contextlib.suppress(asyncio.CancelledError):
            await link.run()
        self._links.discard(link)

    def take(self, way: Way) -> Fault | None:
        """Hand out the first planned fault for this direction."""
        for fault in self._planned:
            if fault.way is way:
                self._planned.remove(fault)
                return fault
        return None


_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Link:
    """One connection through the proxy, with the faults that it has caught."""

    def __init__(
        self, proxy: FaultProxy, caller: _Stream, server: _Stream, speaks_postgres: bool
    ) -> None:
        self._proxy = proxy
        self._caller, self._server = caller, server
        self._messages = Messages() if speaks_postgres else None
        self._faults: dict[Way, Fault] = {}
        self._counted: dict[Way, int] = {}
        self._awaits_commit = False

    @property
    def is_spoilt(self) -> bool:
        """Whether a fault is at work that does not end by itself."""
        return any(f.toxic in {Toxic.DROP, Toxic.DRIP, Toxic.HOLD} for f in self._faults.values())

    async def run(self) -> None:
        """Carry bytes both ways until either side ends, or a fault does."""
        up = asyncio.ensure_future(self._carry(Way.UP, self._caller[0], self._server[1]))
        down = asyncio.ensure_future(self._carry(Way.DOWN, self._server[0], self._caller[1]))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            was_cut = any(isinstance(t.exception(), Cut) for t in (up, down) if t.done())
        finally:
            for task in (up, down):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(up, down, return_exceptions=True)
        if was_cut:
            self.reset()
        for _, writer in (self._caller, self._server):
            writer.close()

    def reset(self) -> None:
        """Reset both halves: their owners see a broken connection, not an end."""
        for _, writer in (self._caller, self._server):
            _reset(writer)

    async def _carry(
        self, way: Way, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        while piece := await source.read(CHUNK):
            if way is Way.DOWN and self._awaits_commit:
                self._count(Toxic.AFTER_COMMIT)
                raise Cut
            if way is Way.UP and self._messages is not None:
                for message in self._messages.feed(piece):
                    await self._pass(way, message, sink)
            else:
                await self._pass(way, piece, sink)

    async def _pass(self, way: Way, piece: bytes, sink: asyncio.StreamWriter) -> None:
        fault = self._fault(way)
        if fault is None or await self._lets_pass(fault, way, piece, sink):
            sink.write(piece)
            await sink.drain()

    async def _lets_pass(
        self, fault: Fault, way: Way, piece: bytes, sink: asyncio.StreamWriter
    ) -> bool:
        match fault.toxic:
            case Toxic.BEFORE_COMMIT | Toxic.AFTER_COMMIT:
                if is_commit(piece):
                    self._meet_commit(fault, way)
            case Toxic.LATE:
                await asyncio.sleep(fault.seconds)
            case Toxic.HOLD:
                await self._proxy.released(fault.seconds)
                del self._faults[way]
            case Toxic.DROP:
                return False
            case Toxic.DRIP:
                await self._drip(piece, sink)
                return False
            case Toxic.CUT:
                await self._cut(way, piece, sink, fault.after_bytes)
        return True

    def _meet_commit(self, fault: Fault, way: Way) -> None:
        self._counted[way] += 1
        if self._counted[way] < fault.nth:
            return
        if fault.toxic is Toxic.BEFORE_COMMIT:
            self._count(fault.toxic)
            raise Cut
        self._awaits_commit = True

    def _fault(self, way: Way) -> Fault | None:
        if way not in self._faults and (found := self._proxy.take(way)) is not None:
            self._faults[way] = found
            self._counted[way] = 0
            if found.toxic not in {Toxic.BEFORE_COMMIT, Toxic.AFTER_COMMIT, Toxic.CUT}:
                self._count(found.toxic)
        return self._faults.get(way)

    async def _cut(self, way: Way, piece: bytes, sink: asyncio.StreamWriter, after: int) -> None:
        left = after - self._counted[way]
        self._counted[way] += len(piece)
        if len(piece) < left:
            return
        sink.write(piece[:left])
        await sink.drain()
        # A moment for the other side to read what came: a reset may take unread bytes with it.
        await asyncio.sleep(0.02)
        self._count(Toxic.CUT)
        raise Cut

    async def _drip(self, piece: bytes, sink: asyncio.StreamWriter) -> None:
        for position in range(len(piece)):
            sink.write(piece[position : position + 1])
            await sink.drain()
            await asyncio.sleep(1)

    def _count(self, toxic: Toxic) -> None:
        self._proxy.done[toxic.value] += 1


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by RST (SO_LINGER with no time), as a crashed machine's network does."""
    link = writer.get_extra_info("socket")
    if link is not None:
        with contextlib.suppress(OSError):
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
