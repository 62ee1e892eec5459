"""The other side of each channel, in the same words, so that one suite can be told of all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode

from disbursement.channels import batch_file, hmac_sha256, unionpay
from disbursement.channels.channel import PayoutChannel
from disbursement.channels.days import settlement_day
from kernel.clock import Clock
from kernel.outbound import Outbound, Timeouts
from kernel.personal import CardNumber
from kernel.surroundings import Surroundings
from tests.disbursement import builders as make
from tests.disbursement.channels.speaking import Said, speaking
from tests.disbursement.channels.third_channel import ThirdChannel
from tests.disbursement.partners import Partners

PATIENCE = Timeouts(total_seconds=1.5)


class Counterpart(Protocol):
    """A channel's other side with strings behind it."""

    name: str
    sends_notices: bool
    codes: Mapping[str, str]
    """Its own codes for `paid`, `clearing`, `absent`, and one that nobody has seen."""

    def channel(self, url: str | None = None) -> PayoutChannel: ...

    def card(self, number: CardNumber, *, fault: str | None = None) -> None: ...

    def down(self, mode: str) -> None: ...

    def paid_to(self, number: CardNumber) -> int: ...

    def count(self) -> int: ...

    def found(self, body: bytes, **changed: str) -> bytes:
        """Sign an answer to a query: paid, 9,000.00, but for what is changed."""
        ...

    def notice(self, order_no: str, at: datetime, **changed: str) -> dict[str, str]:
        """Sign a notice about an order."""
        ...


@dataclass
class UnionPaySide:
    """UnionPay: forms and RSA."""

    surroundings: Surroundings
    partners: Partners
    name: str = "unionpay"
    sends_notices: bool = True
    codes: Mapping[str, str] = field(
        default_factory=lambda: {"paid": "00", "clearing": "A6", "absent": "34", "unseen": "88"}
    )

    def channel(self, url: str | None = None) -> PayoutChannel:
        real = unionpay.connect(self.surroundings)
        return replace(real, outbound=_outbound(self.surroundings, "channel", url))

    def card(self, number: CardNumber, *, fault: str | None = None) -> None:
        self.partners.card(number, fault=fault)

    def down(self, mode: str) -> None:
        self.partners.outage("channel", mode)

    def paid_to(self, number: CardNumber) -> int:
        return self.partners.paid_to(number)

    def count(self) -> int:
        return len(self.partners.books()["orders"])

    def found(self, body: bytes, **changed: str) -> bytes:
        from sandbox import signing

        asked = dict(parse_qsl(body.decode()))
        fields = {
            "merId": asked["merId"],
            "orderId": changed.get("order_no", asked["orderId"]),
            "txnTime": asked["txnTime"],
            "respCode": "00",
            "origRespCode": changed.get("code", "00"),
            "txnAmt": changed.get("fen", "900000"),
            "queryId": "202611201000001234567",
            "settleDate": "1120",
        }
        if changed.get("code") == self.codes["absent"]:
            fields["respCode"] = self.codes["absent"]
        made = {**fields, "signature": signing.sign(fields)}
        return urlencode(made | {k: v for k, v in changed.items() if k == "signature"}).encode()

    def notice(self, order_no: str, at: datetime, **changed: str) -> dict[str, str]:
        from sandbox import signing

        fields = {
            "txnType": "12",
            "merId": self.surroundings.settings.channel_merchant,
            "orderId": order_no,
            "txnTime": f"{at:%Y%m%d%H%M%S}",
            "respCode": "00",
            "txnAmt": "900000",
        } | changed
        return {**fields, "signature": signing.sign(fields)}


@dataclass
class BankDirectSide:
    """The bank that takes files: JSON and SM2."""

    surroundings: Surroundings
    partners: Partners
    name: str = "bank_direct"
    sends_notices: bool = False
    codes: Mapping[str, str] = field(
        default_factory=lambda: {"paid": "00", "clearing": "A6", "absent": "34", "unseen": "88"}
    )

    def __post_init__(self) -> None:
        self.partners.control("/_control/batch/fund", {"amount": "1000000.00"})

    def channel(self, url: str | None = None) -> PayoutChannel:
        real = batch_file.connect(self.surroundings)
        return replace(real, outbound=_outbound(self.surroundings, "batch", url))

    def card(self, number: CardNumber, *, fault: str | None = None) -> None:
        self.partners.card(number, fault=fault)

    def down(self, mode: str) -> None:
        self.partners.outage("batch", mode)

    def books(self) -> dict[str, Any]:
        return self.partners.control("/_control/batch/books", None)

    def paid_to(self, number: CardNumber) -> int:
        return _paid_to(self.books()["orders"], number)

    def count(self) -> int:
        return len(self.books()["orders"])

    def found(self, body: bytes, **changed: str) -> bytes:
        from sandbox.batch import signing

        asked = json.loads(body)
        fields = {
            "customer": asked["customer"],
            "orderNo": changed.get("order_no", asked["orderNo"]),
            "sentAt": asked["sentAt"],
            "code": "00",
            "rowCode": changed.get("code", "00"),
            "amount": changed.get("fen", "900000"),
            "reference": "202611201000001234567",
            "settleDay": "20261120",
        }
        if changed.get("code") == self.codes["absent"]:
            fields["code"] = self.codes["absent"]
        signature = changed.get("signature", signing.sign(fields))
        return json.dumps({**fields, "signature": signature}).encode()

    def notice(self, order_no: str, at: datetime, **changed: str) -> dict[str, str]:
        return {"orderNo": order_no, "sentAt": f"{at:%Y%m%d%H%M%S}", **changed}


@dataclass
class ThirdSide:
    """The third channel's other side, small and complete: its own ledger behind real HTTP."""

    clock: Clock
    folder: Path
    url: str = ""
    name: str = "third"
    sends_notices: bool = True
    codes: Mapping[str, str] = field(
        default_factory=lambda: {
            "paid": "DONE",
            "clearing": "CLEARING",
            "absent": "UNHEARD_OF",
            "unseen": "NEW_CODE",
        }
    )
    cards: dict[str, str | None] = field(default_factory=dict)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    mode: str = "off"

    def __post_init__(self) -> None:
        pair = (("here", "aa" * 32, "bb" * 32), ("there", "bb" * 32, "aa" * 32))
        for name, ours, theirs in pair:
            (self.folder / f"{name}.toml").write_text(
                f'[[ours]]\nname = "o"\nkey = "{ours}"\n[[channel]]\nname = "c"\nkey = "{theirs}"\n'
            )
        self.signer = hmac_sha256.load(self.folder / "there.toml")

    def channel(self, url: str | None = None) -> PayoutChannel:
        outbound = Outbound(url or self.url, headers=dict, timeouts=PATIENCE)
        signer = hmac_sha256.load(self.folder / "here.toml")
        return ThirdChannel(outbound=outbound, signer=signer, clock=self.clock)

    def card(self, number: CardNumber, *, fault: str | None = None) -> None:
        self.cards[number.plain] = fault

    def down(self, mode: str) -> None:
        self.mode = mode

    def paid_to(self, number: CardNumber) -> int:
        return sum(o["fen"] for o in self.orders.values() if o["card"] == number.plain and o["ok"])

    def count(self) -> int:
        return len(self.orders)

    def found(self, body: bytes, **changed: str) -> bytes:
        asked = json.loads(body)
        fields = {
            "id": changed.get("order_no", asked["id"]),
            "at": asked["at"],
            "code": changed.get("code", "DONE"),
            "fen": changed.get("fen", "900000"),
            "paid_on": "2026-11-20",
        }
        signature = changed.get("signature", self.signer.sign(fields))
        return json.dumps({**fields, "signature": signature}).encode()

    def notice(self, order_no: str, at: datetime, **changed: str) -> dict[str, str]:
        fields = {"id": order_no, "at": at.isoformat(), "code": "DONE"} | changed
        return {**fields, "signature": self.signer.sign(fields)}

    def answer(self, path: str, body: bytes) -> Said:
        """Answer one request as the whole channel would."""
        if self.mode != "off":
            return _broken(self.mode)
        asked = json.loads(body)
        signature = asked.pop("signature")
        if signature != hmac_sha256.load(self.folder / "here.toml").sign(asked):
            return self._say(asked, code="BAD_SIGN")
        if path == "/file":
            over = settlement_day(self.clock.now()) > date.fromisoformat(asked["day"])
            return self._say(asked, code="DONE" if over else "NOT_YET", file="rows")
        return self._pay(asked) if path == "/pay" else self._query(asked)

    def _pay(self, asked: dict[str, str]) -> Said:
        now, fault = self.clock.now(), self.cards.get(asked["card"], "refuse_61")
        if asked["id"] in self.orders:
            return self._say(asked, code="KNOWN")
        if now - datetime.fromisoformat(asked["at"]) > timedelta(minutes=15):
            return self._say(asked, code="TOO_LATE")
        code = _REFUSED.get(fault or "")
        if asked["name"] != make.NAME:
            code = "OTHER_NAME"
        if not (fault or "").endswith("_lost"):
            self.orders[asked["id"]] = {
                "fen": int(asked["fen"]),
                "card": asked["card"],
                "at": asked["at"],
                "taken_at": now,
                "ok": code is None,
                "code": code,
                "fault": fault,
            }
        said = self._say(asked, code=code or "TAKEN", reference="123456789012")
        return _spoiled(self, fault or "", asked, said)

    def _query(self, asked: dict[str, str]) -> Said:
        now, order = self.clock.now(), self.orders.get(asked["id"])
        if order is None or order["at"] != asked["at"]:
            return self._say(asked, code="UNHEARD_OF")
        if not order["ok"]:
            return self._say(asked, code=order["code"])
        if now - order["taken_at"] < timedelta(minutes=1):
            return self._say(asked, code="WORKING")
        code = "CLEARING" if order["fault"] == "in_clearing" else "DONE"
        if order["fault"] == "return_later" and now - order["taken_at"] > timedelta(days=1):
            code = "BACK"
        return self._say(
            asked,
            code=code,
            fen=str(order["fen"]),
            reference="123456789012",
            paid_on=str(settlement_day(order["taken_at"])),
            back_on=str(settlement_day(order["taken_at"]) + timedelta(days=1)),
        )

    def _say(self, asked: dict[str, str], **more: str) -> Said:
        kept = {name: asked[name] for name in ("id", "at", "day") if name in asked}
        fields = {**kept, **more}
        return Said(json.dumps({**fields, "signature": self.signer.sign(fields)}).encode())


_REFUSED = {
    "refuse_61": "NO_ACCOUNT",
    "refuse_63": "CLOSED",
    "refuse_66": "OTHER_NAME",
    "refuse_93": "DEBIT_CARD",
}


@contextmanager
def third(clock: Clock, folder: Path) -> Iterator[ThirdSide]:
    """Open the third channel's other side."""
    side = ThirdSide(clock=clock, folder=folder)
    with speaking(side.answer) as url:
        side.url = url
        yield side


def _broken(mode: str) -> Said:
    if mode == "silent":
        return Said(is_cut=True)
    return Said(b"<html></html>", status=500 if mode == "http_500" else 200)


def _spoiled(side: ThirdSide, fault: str, asked: dict[str, str], said: Said) -> Said:
    kind = fault.removesuffix("_paid").removesuffix("_lost")
    body = json.dumps(asked).encode()
    ways: dict[str, Callable[[], Said]] = {
        "silent": lambda: _broken("silent"),
        "http_500": lambda: _broken("http_500"),
        "garbage": lambda: _broken("garbage"),
        "empty": lambda: Said(b""),
        "bad_signature": lambda: Said(side.found(body, code="TAKEN", signature="AAAA")),
        "other_order": lambda: side._say({**asked, "id": "b2" * 16}, code="TAKEN"),
        "busy": lambda: side._say(asked, code="BUSY"),
        "drip": lambda: replace(said, drips=True),
    }
    return ways[kind]() if kind in ways else said


def _outbound(surroundings: Surroundings, partner: str, url: str | None) -> Outbound:
    real = surroundings.outbound[partner]
    return Outbound(url or real._base_url, headers=real._headers, timeouts=PATIENCE)


def _paid_to(orders: list[dict[str, Any]], number: CardNumber) -> int:
    return sum(
        order["fen"]
        for order in orders
        if order["card_last4"] == number.last4
        and order["state"] == "paid"
        and not order["returned"]
    )
