"""A client of the sandbox written from docs/sandbox.md alone; it shares no code with it."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
import zlib
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, quote_plus

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from flask import Flask
from werkzeug.test import TestResponse

KEYS = Path(__file__).parents[2] / "sandbox" / "keys"
SHANGHAI = timezone(timedelta(hours=8))
MERCHANT = "802310048993424"
ACCOUNT = "622000000001"
KEY = {"Authorization": "Bearer sandbox-key"}

ZM_WIDTHS = [3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4]
ZM_WIDTHS += [32, 1, 21, 15, 1, 15, 32, 13, 13, 8, 32, 13, 13, 12, 2, 1, 32, 98]
ZME_WIDTHS = [3, 11, 11, 6, 10, 19, 12, 4, 2, 2, 6, 10, 4, 12, 13, 13, 15, 15, 1, 12, 2, 135]


def shanghai(  # noqa: PLR0917  # reads as a date does
    year: int, month: int, day: int, hour: int = 12, minute: int = 0
) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=SHANGHAI)


NOON = shanghai(2026, 11, 20)
"""A Friday."""


@cache
def key(name: str):
    data = (KEYS / name).read_bytes()
    return load_pem_public_key(data) if ".pub" in name else load_pem_private_key(data, None)


def digest(form: dict[str, str]) -> bytes:
    kept = sorted((k, v) for k, v in form.items() if v != "" and k != "signature")
    plain = "&".join(f"{k}={v}" for k, v in kept)
    return hashlib.sha256(plain.encode("utf-8")).hexdigest().encode("ascii")


def sign(form: dict[str, str], *, by: str = "merchant.pem") -> dict[str, str]:
    signature = key(by).sign(digest(form), PKCS1v15(), SHA256())
    return {**form, "signature": base64.b64encode(signature).decode()}


def verify(form: dict[str, str]) -> None:
    """Raise InvalidSignature unless the channel signed the form."""
    signature = base64.b64decode(form["signature"])
    key("channel.pub.pem").verify(signature, digest(form), PKCS1v15(), SHA256())


def encode(form: dict[str, str]) -> bytes:
    return "&".join(f"{quote_plus(k)}={quote_plus(v)}" for k, v in form.items()).encode("ascii")


def decode(line: str) -> dict[str, str]:
    return {k: v[0] for k, v in parse_qs(line, keep_blank_values=True, strict_parsing=True).items()}


def common(at: datetime) -> dict[str, str]:
    return {
        "version": "5.1.0",
        "encoding": "UTF-8",
        "signMethod": "01",
        "certId": "1",
        "merId": MERCHANT,
        "txnTime": f"{at.astimezone(SHANGHAI):%Y%m%d%H%M%S}",
    }


def pay_form(
    order_id: str, card: str, fen: int, at: datetime, *, name: str = "王小明", **changes: str
) -> dict[str, str]:
    secret = key("channel.pub.pem").encrypt(card.encode(), PKCS1v15())
    return {
        **common(at),
        "txnType": "12",
        "txnSubType": "00",
        "bizType": "000401",
        "channelType": "07",
        "accessType": "0",
        "orderId": order_id,
        "txnAmt": str(fen),
        "currencyCode": "156",
        "accNo": base64.b64encode(secret).decode(),
        "customerInfo": base64.b64encode(f"{{customerNm={name}}}".encode()).decode(),
        "backUrl": "http://127.0.0.1:9/notice",
        "reqReserved": "R1",
        "encryptCertId": "2",
        **changes,
    }


def query_form(order_id: str, txn_time: datetime) -> dict[str, str]:
    kind = {"txnType": "00", "txnSubType": "00", "bizType": "000401", "accessType": "0"}
    return {**common(txn_time), **kind, "orderId": order_id}


def file_form(day: date, at: datetime) -> dict[str, str]:
    kind = {"txnType": "76", "txnSubType": "01", "fileType": "00"}
    return {**common(at), **kind, "settleDate": f"{day:%m%d}"}


@dataclass
class SettlementFile:
    """The three members of a day's file, cut into fields counted from 1."""

    names: list[str]
    zm: list[dict[int, str]]
    zme: list[dict[int, str]]
    summary: list[str]
    zm_bytes: bytes

    @classmethod
    def read(cls, content: str) -> SettlementFile:
        archive = zipfile.ZipFile(io.BytesIO(zlib.decompress(base64.b64decode(content))))
        names = archive.namelist()
        zm, zme, summary = (archive.read(name) for name in names)
        return cls(
            names=names,
            zm=[cut(line, ZM_WIDTHS) for line in lines(zm)],
            zme=[cut(line, ZME_WIDTHS) for line in lines(zme)],
            summary=lines(summary, "gbk"),
            zm_bytes=zm,
        )

    @property
    def paid_fen(self) -> int:
        return sum(int(row[7]) for row in self.zm)

    @property
    def returned_fen(self) -> int:
        return sum(int(row[7]) for row in self.zme)

    @property
    def fee_fen(self) -> int:
        return sum(int(row[16][1:]) for row in self.zm)


def lines(data: bytes, encoding: str = "ascii") -> list[str]:
    text = data.decode(encoding)
    assert text == "" or text.endswith("\r\n")
    return text.split("\r\n")[:-1]


def cut(line: str, widths: list[int]) -> dict[int, str]:
    assert len(line) == sum(widths) + len(widths) - 1
    fields, start = {}, 0
    for number, width in enumerate(widths, start=1):
        fields[number] = line[start : start + width].rstrip()
        assert line[start + width : start + width + 1] in {" ", ""}
        start += width + 1
    return fields


@dataclass
class Outsider:
    """Calls the sandbox by the wire, at a time of the caller's choosing."""

    app: Flask
    at: datetime = NOON
    times: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.http = self.app.test_client()

    def now(self) -> dict[str, str]:
        return {"X-Sandbox-Now": self.at.isoformat()}

    def wait(self, **span: float) -> None:
        self.at += timedelta(**span)

    def post(self, path: str, body: object) -> TestResponse:
        return self.http.post(path, json=body, headers={**KEY, **self.now()})

    def get(self, path: str) -> TestResponse:
        return self.http.get(path, headers={**KEY, **self.now()})

    def send(self, path: str, form: dict[str, str]) -> TestResponse:
        kind = "application/x-www-form-urlencoded"
        return self.http.post(path, data=encode(form), content_type=kind, headers=self.now())

    def ask(self, path: str, form: dict[str, str]) -> dict[str, str]:
        """Send a signed form and return the reply's fields, its signature checked."""
        response = self.send(path, sign(form))
        assert response.status_code == 200, response.text
        reply = decode(response.text)
        verify(reply)
        return reply

    def pay_raw(self, order_id: str, card: str, fen: int, **changes: str) -> TestResponse:
        self.times[order_id] = self.at
        form = sign(pay_form(order_id, card, fen, self.at, **changes))
        return self.send("/channel/gateway/backTransReq", form)

    def pay(self, order_id: str, card: str, fen: int, **changes: str) -> dict[str, str]:
        self.times[order_id] = self.at
        form = pay_form(order_id, card, fen, self.at, **changes)
        return self.ask("/channel/gateway/backTransReq", form)

    def ask_again(self, order_id: str, card: str, fen: int) -> dict[str, str]:
        """Send a payment a second time, under its first time."""
        form = pay_form(order_id, card, fen, self.times[order_id])
        return self.ask("/channel/gateway/backTransReq", form)

    def reset_orders(self, card_number: str) -> None:
        """Start again with one card and money."""
        assert self.post("/_control/reset", {}).status_code == 200
        self.load(person(1, card(card_number)))
        self.fund("1000000.00")

    def query(self, order_id: str) -> dict[str, str]:
        form = query_form(order_id, self.times[order_id])
        return self.ask("/channel/gateway/queryTrans", form)

    def standing(self, order_id: str) -> str:
        """Tell `origRespCode`, or `34` when the channel does not find the order."""
        reply = self.query(order_id)
        return reply.get("origRespCode", reply["respCode"])

    def file(self, day: date) -> SettlementFile:
        reply = self.ask("/channel/file/download", file_form(day, self.at))
        assert reply["respCode"] == "00", reply
        return SettlementFile.read(reply["fileContent"])

    def load(self, *people: dict[str, object]) -> None:
        response = self.post("/_control/people", {"people": list(people)})
        assert response.status_code == 200, response.text

    def fund(self, amount: str) -> None:
        assert self.post("/_control/fund", {"amount": amount}).status_code == 200

    def script(self, card: str, fault: str, **more: object) -> None:
        body = {"card_number": card, "fault": fault, **more}
        assert self.post("/_control/faults", body).status_code == 200

    def books(self) -> dict[str, object]:
        return self.get("/_control/books").get_json()


def person(number: int = 1, *cards: dict[str, object], **changes: object) -> dict[str, object]:
    return {
        "national_id": f"1101011990{number:08d}",
        "name": "王小明",
        "mobile": f"138{number:08d}",
        "figures": {"unsecured_accounts": 3, "utilisation": 0.75, "oldest_months": None},
        "monthly_income": "8000.00",
        "income_source": "tax",
        "employment_months": 30,
        "watchlist": [],
        "deceased": False,
        "identity_matches": True,
        "cards": list(cards),
        **changes,
    }


def card(number: str = "6225880000000001", **changes: object) -> dict[str, object]:
    return {
        "card_number": number,
        "issuer_code": "CMB",
        "account_type": "credit",
        "state": "open",
        "balance": "10000.00",
        "minimum_due": "500.00",
        "past_due": "900.00",
        "days_past_due": 40,
        "credit_limit": "20000.00",
        "daily_rate": "0.0005",
        "as_of": "2026-11-20",
        "instalment_offer": None,
        **changes,
    }
