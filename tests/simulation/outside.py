"""The outside world in this process: the sandbox's own ledger, and a network that loses things.

The product speaks through its real adapters; only the wire between them and the sandbox is ours.
"""

from __future__ import annotations

import base64
import heapq
import io
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from flask import Flask
from typing_extensions import override

from kernel.clock import SHANGHAI, SetClock
from kernel.outbound import NoAnswer, Outbound, Reply
from sandbox import signing
from sandbox.app import create_app
from sandbox.channel import form as forms
from sandbox.channel.orders import Order, Way, is_returned
from sandbox.world import EXTENSION, Outage, World
from tests.simulation import wire
from tests.simulation.hub import At, Hub

KEY: Final = "sandbox-key"
GARBAGE: Final = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
FORM: Final = "application/x-www-form-urlencoded"

LOST_REQUEST, LOST_REPLY = "request lost", "reply lost"
LATE, TWICE, HALF = "request late", "request twice", "request cut in half"
BROKEN_BEFORE, BROKEN_AFTER = "5xx, nothing done", "5xx, but done"
FAULTS: Final[dict[str, tuple[str, ...]]] = {
    "pay": (
        *(LOST_REQUEST, LOST_REPLY, LOST_REPLY, LATE, LATE, TWICE, HALF),
        *(BROKEN_BEFORE, BROKEN_AFTER, "garbage", "empty", "reply cut short"),
        *("reply forged", "reply about another order", "reply altered"),
    ),
    "query": (
        *(LOST_REQUEST, LOST_REPLY, BROKEN_BEFORE, "garbage", "empty", "reply cut short"),
        *("reply forged", "reply altered", "old reply", "old reply"),
    ),
    "file": (
        *(LOST_REPLY, BROKEN_BEFORE, "garbage", "file cut short", "reply forged", "no file yet"),
        *("row missing", "row twice"),
    ),
    "statement": (LOST_REPLY, BROKEN_BEFORE, "garbage", "reply cut short", "no file yet"),
    "issuer": (LOST_REQUEST, LOST_REPLY, BROKEN_BEFORE, "garbage", "empty", "reply cut short"),
}
FAULTS["debit"] = FAULTS["batch upload"] = FAULTS["pay"]
FAULTS["batch result"] = FAULTS["batch query"] = FAULTS["query"]
FAULTS["batch settlement"] = (LOST_REPLY, BROKEN_BEFORE, "garbage", "reply forged", "no file yet")
FAULTS["batch returns"] = (LOST_REPLY, BROKEN_BEFORE, "garbage", "reply forged", "reply cut short")
OFTEN: Final = {"pay": 1.7, "debit": 1.7, "batch upload": 1.7, "file": 2.0, "issuer": 0.4}
"""How much more or less often than others a call is spoilt: many ask an issuer, few pay."""
_PAY: Final = "/channel/gateway/backTransReq"
_PATHS: Final = {
    _PAY: "pay",
    "/channel/gateway/queryTrans": "query",
    "/channel/file/download": "file",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One request as it goes over the wire."""

    method: str
    path: str
    content: bytes
    kind: str

    @property
    def about(self) -> str:
        """Tell which call it is."""
        if self.path in _PATHS:
            is_debit = self.path == _PAY and b"txnType=11" in self.content
            return "debit" if is_debit else _PATHS[self.path]
        first, _, last = self.path[1:].partition("/")
        if first == "batch":
            return f"batch {last}"
        return {"issuers": "issuer", "bank": "statement"}.get(first, first)

    @property
    def subject(self) -> str:
        """Tell what it is about, without anything personal."""
        if self.kind == FORM:
            form = dict(parse_qsl(self.content.decode()))
            return form.get("orderId", form.get("settleDate", ""))[:8]
        if self.path.startswith("/batch/"):
            asked = json.loads(self.content)
            return str(next((asked[k] for k in ("orderNo", "batchNo", "day") if k in asked), ""))[
                :8
            ]
        return self.path.rsplit("/", 1)[-1]


@dataclass(slots=True)
class Outside:
    """The sandbox and the network before it."""

    clock: SetClock
    app: Flask = field(default_factory=lambda: create_app(key=KEY))
    hub: Hub = field(init=False)
    random: Random = field(init=False)
    rate: float = 0.0
    """How many of a hundred calls the network spoils, as a fraction."""
    halves: bool = False
    """Most payments are cut in the middle of their bytes."""
    counts: Counter[str] = field(default_factory=Counter)
    late: list[tuple[datetime, int, Message]] = field(default_factory=list)
    mailbox: list[tuple[datetime, int, dict[str, str], bool]] = field(default_factory=list)
    """Notices on their way to our door: when, which, the form, and whether it is genuine."""
    genuine: set[str] = field(default_factory=set)
    """Signatures of the notices that the channel really made."""
    answers: dict[tuple[str, str], list[Reply]] = field(default_factory=dict)
    sent: int = 0
    door: Flask | None = None
    """Our callback: it takes longer to build than a seed has time for, and keeps nothing of one."""

    @property
    def world(self) -> World:
        """Give the sandbox's memory."""
        found: World = self.app.extensions[EXTENSION]
        return found

    def begin(self, hub: Hub, random: Random, rate: float) -> None:
        """Forget everything and serve another seed."""
        self.world.reset()
        self.hub, self.random, self.rate, self.counts = hub, random, rate, hub.counts
        self.late, self.mailbox, self.genuine, self.answers, self.sent = [], [], set(), {}, 0

    def control(self, path: str, body: dict[str, Any]) -> None:
        """Pull a string behind the stage."""
        reply = self.deliver(Message("POST", f"/_control{path}", json.dumps(body).encode(), "json"))
        assert reply.status == 200, reply.body

    def deliver(self, message: Message) -> Reply:
        """Have the sandbox act on a message now."""
        return wire.call(
            self.app,
            message.method,
            message.path,
            content=message.content,
            kind="application/json" if message.kind == "json" else message.kind,
            headers={
                "Authorization": f"Bearer {KEY}",
                "X-Sandbox-Now": self.clock.at.astimezone(SHANGHAI).isoformat(),
            },
        )

    def exchange(self, message: Message) -> Reply:
        """Carry one message there and the answer back, if the network lets it.

        Raises:
            NoAnswer: something got lost.
        """
        about = message.about
        self.hub.pause(At.CALL, f"{about} {message.subject}")
        fault = self._fault(about)
        if fault is not None:
            self.counts[f"{about}: {fault}"] += 1
            self.hub.note("network", f"{about} {message.subject}: {fault}")
        reply = self._carried(message, fault)
        in_half = " in half" if fault == HALF else ""
        self.hub.pause(At.REPLY, f"{about} {message.subject}{in_half}")
        if self.hub.current is not None:
            self.hub.current.has_paid = about in {"pay", "debit"}
        if reply is None or (reply.status == 504 and not reply.body):
            raise NoAnswer("no reply in time")
        return self._kept(message, self._spoilt(message, reply, fault))

    def deliver_late(self) -> None:
        """Let every message arrive whose time has come."""
        while self.late and self.late[0][0] <= self.clock.at:
            message = heapq.heappop(self.late)[2]
            self.hub.note("network", f"{message.about} {message.subject} arrives late")
            self.deliver(message)

    def collect_notices(self) -> None:
        """Take the notices that the channel has to say, and lose, delay or double them."""
        here, now = self.world, self.clock.at.astimezone(SHANGHAI)
        for notice in here.notices.take_due(now):
            here.books.ask(notice.order, now)
            fields = forms.notice(notice.order)
            if notice.is_forged:
                self.post({**fields, "signature": signing.sign_wrongly(fields)}, is_genuine=False)
                continue
            form = forms.signed(fields)
            self.genuine.add(form["signature"])
            for _ in range(self._copies()):
                self.post(form, is_genuine=True)

    def post(self, form: dict[str, str], *, is_genuine: bool) -> None:
        """Put a notice on its way."""
        self.sent += 1
        wait = self.random.choice((0, 0, 1, 30, 400)) if self.rate else 0
        at = self.clock.at + timedelta(seconds=wait)
        heapq.heappush(self.mailbox, (at, self.sent, form, is_genuine))

    def orders(self, way: Way = Way.PAYOUT) -> list[Order]:
        """List every order of a way that the channel ever took, refused ones too."""
        here = self.world
        every = (*here.books.orders.values(), *here.batch.books.orders.values())
        return [order for order in every if order.way is way]

    def live_on(self, card_number: str) -> list[Order]:
        """List the payments to a card that are paid, or will be, and have not come back."""
        now = self.clock.at
        return [
            order
            for order in self.orders()
            if order.content.card_number == card_number
            and order.verdict == "00"
            and not is_returned(order, now)
        ]

    def outage(self, partner: str, mode: Outage | None) -> None:
        """Take a partner down, or bring it back."""
        if mode is None:
            self.world.outages.pop(partner, None)
        else:
            self.world.outages[partner] = mode
            self.counts[f"outage of {partner}"] += 1

    def _fault(self, about: str) -> str | None:
        if self.halves and FAULTS.get(about) is FAULTS["pay"] and self.random.random() < 0.8:
            return HALF
        choices = FAULTS.get(about)
        if choices is None or self.random.random() >= self.rate * OFTEN.get(about, 1.0):
            return None
        return self.random.choice(choices)

    def _copies(self) -> int:
        if not self.rate:
            return 1
        copies = self.random.choice((0, 1, 1, 1, 2, 5))
        if copies != 1:
            self.counts["notice lost" if copies == 0 else "notice doubled"] += 1
        return copies

    def _carried(self, message: Message, fault: str | None) -> Reply | None:
        if fault == LOST_REQUEST:
            return None
        if fault == LATE:
            self.sent += 1
            wait = timedelta(seconds=self.random.choice((5, 60, 200, 600, 840, 1000)))
            heapq.heappush(self.late, (self.clock.at + wait, self.sent, message))
            return None
        if fault == BROKEN_BEFORE:
            return Reply(status=503, body=b"busy", headers={"Retry-After": "30"})
        if fault == HALF:
            half = message.content[: len(message.content) // 2]
            self.deliver(Message(message.method, message.path, half, message.kind))
            return None
        reply = self.deliver(message)
        if fault == TWICE:
            return self.random.choice((reply, self.deliver(message)))
        return None if fault == LOST_REPLY else reply

    def _spoilt(self, message: Message, reply: Reply, fault: str | None) -> Reply:
        spoil = _SPOILING.get(fault or "")
        if spoil is not None:
            return spoil(reply)
        if fault == "old reply":
            known = self.answers.get((message.path, message.subject))
            return reply if not known else self.random.choice(known)
        if fault == "reply about another order":
            others = [
                r for (path, _), rs in self.answers.items() if path == message.path for r in rs
            ]
            return (
                self.random.choice(others)
                if others
                else Reply(status=200, body=GARBAGE, headers={})
            )
        return reply

    def _kept(self, message: Message, reply: Reply) -> Reply:
        self.answers.setdefault((message.path, message.subject), []).append(reply)
        return reply


class Line(Outbound):
    """The way to one partner, over the simulated network."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    @override
    def _call(self, method: str, path: str, *, content: bytes | None, kind: str | None) -> Reply:
        short = "json" if kind == "application/json" else kind or ""
        return self._outside.exchange(Message(method, path, content or b"", short))

    @override
    def for_files(self, *, bytes_max: int) -> Outbound:
        """Give the same way: the sandbox's files are small."""
        return self

    @override
    def close(self) -> None:
        """Close nothing."""


def _with_body(status: int, change: Callable[[bytes], bytes]) -> Callable[[Reply], Reply]:
    return lambda reply: Reply(status=status, body=change(reply.body), headers=reply.headers)


def _forged(body: bytes) -> bytes:
    if body.startswith(b"{"):
        found = json.loads(body)
        return json.dumps({**found, "signature": found.get("signature", "")[::-1]}).encode()
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    return urlencode({**form, "signature": signing.sign_wrongly(form)}).encode()


def _altered(body: bytes) -> bytes:
    """Turn every answer into the best one, leaving the signature as it was."""
    if body.startswith(b"{"):
        return json.dumps({**json.loads(body), "code": "00", "rowCode": "00"}).encode()
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    changes = {"respCode": "00", "origRespCode": "00", "txnAmt": "1"}
    return urlencode({**form, **changes}).encode()


def _cut_inside(body: bytes) -> bytes:
    """Cut the packed file in half and sign the whole again, as a channel with a broken disk."""
    return _with_file(body, lambda packed: packed[: len(packed) // 8 * 4])


def _with_rows(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[bytes], bytes]:
    """Change the rows of payments in the file; its totals stay what they were."""

    def changed(packed: str) -> str:
        box = zipfile.ZipFile(io.BytesIO(zlib.decompress(base64.b64decode(packed))))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as written:
            for entry in box.infolist():
                content = box.read(entry)
                if "ZM_" in entry.filename:
                    content = b"".join(change(content.splitlines(keepends=True)))
                written.writestr(entry, content, zipfile.ZIP_DEFLATED)
        return base64.b64encode(zlib.compress(out.getvalue())).decode("ascii")

    return lambda body: _with_file(body, changed)


def _with_file(body: bytes, change: Callable[[str], str]) -> bytes:
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    if "fileContent" not in form:
        return body
    form = {name: value for name, value in form.items() if name != "signature"}
    return urlencode(forms.signed({**form, "fileContent": change(form["fileContent"])})).encode()


_SPOILING: Final[dict[str, Callable[[Reply], Reply]]] = {
    "5xx, but done": _with_body(502, lambda _: GARBAGE),
    "garbage": _with_body(200, lambda _: GARBAGE),
    "empty": _with_body(200, lambda _: b""),
    "reply cut short": _with_body(200, lambda body: body[: len(body) // 2]),
    "reply forged": _with_body(200, _forged),
    "reply altered": _with_body(200, _altered),
    "file cut short": _with_body(200, _cut_inside),
    "row missing": _with_body(200, _with_rows(lambda rows: rows[:-1])),
    "row twice": _with_body(200, _with_rows(lambda rows: rows + rows[-1:])),
    "no file yet": _with_body(404, lambda _: b""),
}
