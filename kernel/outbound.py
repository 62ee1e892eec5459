"""Calls to partners: one try, every wait bounded, and silence said as silence.

A call either brings a whole reply or raises `NoAnswer`, which means that nobody knows whether the
partner acted. Nothing is ever sent twice from here, and nothing is sent after the deadline.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from typing_extensions import override
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from kernel import strict_json

REPLY_BYTES_MAX: Final = 4 * 1024 * 1024
"""Of an answer about one thing; files of a day come by `for_files`."""
READ_BYTES: Final = 64 * 1024
IDLE_CONNECTIONS_MAX: Final = 16
BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class NoAnswer(Exception):
    """No whole reply came, so nobody knows whether the partner acted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        """Our own words: no address, no text from the partner, no personal data."""


class Garbled(Exception):
    """A reply came that cannot be read as the format asked for; the text never quotes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long one call may take. Looking the name up is bounded by the resolver alone."""

    connect_seconds: float = 3.0
    """For each address of the partner."""
    read_seconds: float = 10.0
    """Between two pieces of a reply."""
    total_seconds: float = 15.0
    """From the first look-up to the last byte."""


FILE_TIMEOUTS: Final = Timeouts(read_seconds=30.0, total_seconds=180.0)
"""96 MiB in three minutes is half a megabyte a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole reply with any status, 5xx included."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    """Looked up without regard to case."""

    def json(self) -> dict[str, Any]:
        """Read the body as one JSON object; numbers with a point become Decimal.

        Raises:
            Garbled: not UTF-8, not JSON, not an object, a key twice, NaN, or text that no
                database could keep (a NUL or half a surrogate pair).
        """
        try:
            parsed = strict_json.read(self.body)
        except strict_json.NotJson:
            raise Garbled("the body is not JSON that we can read") from None
        if not isinstance(parsed, dict):
            raise Garbled("the body is JSON but not an object")
        return parsed


class Outbound:
    """The way to one partner; threads may share it, and connections are kept alive."""

    def __init__(
        self,
        base_url: str,
        *,
        headers: Callable[[], Mapping[str, str]],
        timeouts: Timeouts = Timeouts(),
        reply_bytes_max: int = REPLY_BYTES_MAX,
        peers: Callable[[str], bool] | None = None,
    ) -> None:
        """Take `peers` to say whether a numeric address may be spoken to, asked before any byte."""
        if urlsplit(base_url).scheme not in {"http", "https"}:
            raise ValueError("a partner is reached by http or https")
        self._base_url = base_url.rstrip("/")
        self._headers = headers
        self._timeouts = timeouts
        self._reply_bytes_max = reply_bytes_max
        self._peers = peers
        # An adapter, not a Session: no redirects, no proxies or netrc from the environment, no
        # cookies carried from one caller to the next.
        self._adapter = HTTPAdapter(
            pool_connections=1, pool_maxsize=IDLE_CONNECTIONS_MAX, max_retries=0
        )
        self._adapter.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def post_json(self, path: str, body: Mapping[str, Any]) -> Reply:
        """Post a JSON object.

        Raises:
            NoAnswer: no whole reply came in time.
        """
        content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        return self._call("POST", path, content=content, kind="application/json")

    def post_form(self, path: str, fields: Mapping[str, str]) -> Reply:
        """Post form fields in UTF-8.

        Raises:
            NoAnswer: no whole reply came in time.
        """
        content = urlencode(fields).encode()
        return self._call("POST", path, content=content, kind="application/x-www-form-urlencoded")

    def get(self, path: str) -> Reply:
        """Get a path.

        Raises:
            NoAnswer: no whole reply came in time.
        """
        return self._call("GET", path, content=None, kind=None)

    def for_files(self, *, bytes_max: int) -> Outbound:
        """Give another way to the same partner, for replies that are whole files; close it after.

        They may be larger than a message and may take longer; both are bounded all the same.
        """
        return Outbound(
            self._base_url,
            headers=self._headers,
            timeouts=FILE_TIMEOUTS,
            reply_bytes_max=bytes_max,
            peers=self._peers,
        )

    def close(self) -> None:
        """Close the idle connections."""
        self._adapter.close()

    def _call(self, method: str, path: str, *, content: bytes | None, kind: str | None) -> Reply:
        if not path.startswith("/"):
            raise ValueError("a path begins with a slash")
        headers = {"Accept-Encoding": "gzip", "User-Agent": "daichang", **self._headers()}
        if kind is not None:
            headers["Content-Type"] = kind
        request = requests.Request(method, self._base_url + path, headers=headers, data=content)
        deadline = _Deadline(self._timeouts.total_seconds, peers=self._peers)
        with deadline:
            try:
                return self._exchange(request.prepare(), deadline)
            except (NoAnswer, requests.RequestException, HTTPError, OSError) as fault:
                reason = _TOO_LATE if deadline.is_past else _named(fault)
        raise NoAnswer(reason)

    def _exchange(self, request: requests.PreparedRequest, deadline: _Deadline) -> Reply:
        response = self._adapter.send(
            request,
            stream=True,
            timeout=(self._timeouts.connect_seconds, self._timeouts.read_seconds),
        )
        try:
            body = self._whole_body(response)
        except BaseException:
            # Half a reply may still be on the wire: the connection cannot be used again.
            response.raw.close()
            raise
        if deadline.is_past:
            raise NoAnswer(_TOO_LATE)
        return Reply(
            status=response.status_code, body=body, headers=CaseInsensitiveDict(response.headers)
        )

    def _whole_body(self, response: requests.Response) -> bytes:
        if not _states_its_end(response):
            # It would end where the connection ends, whoever ended it.
            raise NoAnswer("the reply does not say where it ends")
        body = bytearray()
        for piece in response.raw.stream(READ_BYTES, decode_content=True):
            body += piece
            if len(body) > self._reply_bytes_max:
                raise NoAnswer(f"the reply is larger than {self._reply_bytes_max} bytes")
        return bytes(body)


_TOO_LATE: Final = "the whole time for the call ran out"


class _Deadline:
    """A watchdog that cuts the call's connection when its whole time has run out."""

    def __init__(self, seconds: float, *, peers: Callable[[str], bool] | None = None) -> None:
        self._past = threading.Event()
        self._peers = peers
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._connection: _Watched | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        _current.deadline = self
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        _current.deadline = None

    @property
    def is_past(self) -> bool:
        return self._past.is_set()

    def allows(self, new: socket.socket) -> bool:
        """Tell whether the call may speak to the other end of a new connection."""
        return self._peers is None or self._peers(str(new.getpeername()[0]))

    def watch(self, connection: _Watched) -> None:
        """Cut this connection when time is up.

        Raises:
            NoAnswer: time is up already; nothing must be sent any more.
        """
        with self._lock:
            self._connection = connection
            if self.is_past:
                raise NoAnswer(_TOO_LATE)

    def _cut(self) -> None:
        with self._lock:
            self._past.set()
            if self._connection is not None:
                self._connection.cut(self)


class _Current(threading.local):
    deadline: _Deadline | None = None


_current: Final = _Current()


class _Watched(HTTPConnection):
    """A connection that the deadline of the call using it may cut from another thread."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - urllib3's own
        super().__init__(*args, **options)
        # A second handle on the socket: during a TLS handshake the first one belongs to nobody
        # we could ask, and shutting one down shuts both.
        self._handle: socket.socket | None = None
        self._owner: _Deadline | None = None
        self._owner_lock = threading.Lock()

    def cut(self, deadline: _Deadline) -> None:
        """Shut the socket down, unless another call has taken the connection over."""
        with self._owner_lock:
            if self._owner is deadline and self._handle is not None:
                try:
                    self._handle.shutdown(socket.SHUT_RDWR)
                except OSError:
                    return  # the partner was first

    @override
    def _new_conn(self) -> socket.socket:
        new = super()._new_conn()
        deadline = _current.deadline
        if deadline is not None and not deadline.allows(new):
            new.close()
            raise NoAnswer("the address behind the name may not be called")
        with self._owner_lock:
            self._handle = new.dup()
        self._start_watch()
        return new

    @override
    def request(self, *args: Any, **options: Any) -> None:
        self._start_watch()
        super().request(*args, **options)

    @override
    def close(self) -> None:
        with self._owner_lock:
            handle, self._handle, self._owner = self._handle, None, None
        if handle is not None:
            handle.close()
        super().close()

    def _start_watch(self) -> None:
        deadline = _current.deadline
        assert deadline is not None, "a connection is used by a call"
        with self._owner_lock:
            self._owner = deadline
        deadline.watch(self)


class _WatchedTls(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


_OUR_WORDS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (requests.exceptions.SSLError, "the partner's certificate or TLS was refused"),
    (requests.exceptions.ConnectTimeout, "no connection in time"),
    (requests.exceptions.Timeout, "no reply in time"),
    (ReadTimeoutError, "no reply in time"),
    (requests.exceptions.ConnectionError, "the connection failed or was cut"),
    (ProtocolError, "the connection was cut"),
)


def _named(fault: Exception) -> str:
    """Say what happened in our own words; the library's words repeat the address."""
    if isinstance(fault, NoAnswer):
        return fault.reason
    for kind, words in _OUR_WORDS:
        if isinstance(fault, kind):
            return words
    return f"the exchange failed ({type(fault).__name__})"


def _states_its_end(response: requests.Response) -> bool:
    """Tell whether a cut reply could be told from a whole one."""
    coding = response.headers.get("Transfer-Encoding", "").lower()
    length = response.headers.get("Content-Length", "")
    bodiless = response.status_code in BODILESS
    return bodiless or coding == "chunked" or (not coding and length.isdecimal())
