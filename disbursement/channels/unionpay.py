"""UnionPay's all-channel payouts in form style: pay, query, notice and settlement file.

An answer counts only when it is a signed form about the very order that was asked about. Anything
else is an unknown outcome: silence, a 5xx, HTML, a bad signature, another order, an unseen code.
"""

from __future__ import annotations

import base64
import binascii
import re
import tomllib
import zlib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from disbursement.channels import days, signing
from disbursement.channels.channel import (
    Exchange,
    ForgedNotice,
    Instruction,
    Notice,
    NotReady,
    OrderKey,
    Outcome,
    Receipt,
)
from disbursement.channels.signing import SignerAndEncrypter, Term
from disbursement.legs import UNIONPAY
from disbursement.records.payouts import EvidenceKind
from kernel.clock import SHANGHAI, Clock, business_day
from kernel.money import Money
from kernel.outbound import Garbled, NoAnswer, Outbound, Reply
from kernel.personal import CardNumber, PersonName
from kernel.surroundings import Surroundings

PAYS_AS: Final = UNIONPAY
CODES: Final = Path(__file__).parent / "unionpay_codes.toml"
NOTICE_PATH: Final = "/channel/notices"
ORDER_PATH: Final = "/channel/gateway/backTransReq"
QUERY_PATH: Final = "/channel/gateway/queryTrans"
FIELDS_MAX: Final = 60
ARCHIVE_BYTES_MAX: Final = 64 * 1024 * 1024
FILE_REPLY_BYTES_MAX: Final = 96 * 1024 * 1024
"""An archive of the largest size in Base64 and percent-encoding, and the fields around it."""

_PAYOUT, _COLLECTION = "12", "11"
_PAID_OR_FOUND: Final = "00"
_NO_SUCH_ORDER: Final = "34"
_NO_FILE_YET: Final = "98"
_STAMP: Final = "%Y%m%d%H%M%S"
_ORDER_NO: Final = re.compile(r"[A-Za-z0-9]{8,40}", re.ASCII)
_CODE: Final = re.compile(r"[A-Za-z0-9]{2,8}", re.ASCII)
_REFERENCE: Final = re.compile(r"[0-9]{8,32}", re.ASCII)
_HIDDEN: Final = frozenset({"accNo", "customerInfo"})
_COMMON: Final = {
    "version": "5.1.0",
    "encoding": "UTF-8",
    "accessType": "0",
}


class _NotTheChannel(Exception):
    """What came cannot be relied on; the text says why, in a few words of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnionPay:
    """One merchant's way to UnionPay."""

    outbound: Outbound
    signer: SignerAndEncrypter
    merchant: str
    notice_url: str
    clock: Clock

    @property
    def name(self) -> str:
        """The channel's name."""
        return UNIONPAY

    @property
    def key_terms(self) -> tuple[Term, ...]:
        """How long each key in use may be used."""
        return self.signer.terms

    def pay(self, instruction: Instruction) -> Receipt:
        """Ask for a payment once; whatever goes wrong is an unknown outcome."""
        form = {
            "txnType": _PAYOUT,
            "txnSubType": "00",
            "bizType": "000401",
            "channelType": "07",
            "txnAmt": str(instruction.amount.fen),
            "currencyCode": "156",
            **self.holder(instruction.card, instruction.payee),
        }
        return self.ask(EvidenceKind.PAY, ORDER_PATH, instruction.key, form)

    def query(self, key: OrderKey) -> Receipt:
        """Ask where a payment stands; whatever goes wrong is an unknown outcome."""
        form = {"txnType": "00", "txnSubType": "00", "bizType": "000401"}
        return self.ask(EvidenceKind.QUERY, QUERY_PATH, key, form)

    def holder(self, card: CardNumber, name: PersonName) -> dict[str, str]:
        """Give the fields of an order that name the card, for the channel alone to read."""
        return {
            "accNo": self.signer.encrypt(card.plain),
            "customerInfo": _customer(name.plain),
            "encryptCertId": self.signer.channel_certificate,
            "backUrl": self.notice_url,
        }

    def read_notice(self, form: Mapping[str, str]) -> Notice:
        """Read a message of the channel.

        Raises:
            ForgedNotice: it is not the channel's, or not about our merchant.
        """
        exchange = Exchange(
            kind=EvidenceKind.NOTICE,
            order_no=_told(_ORDER_NO, form.get("orderId")),
            is_genuine=False,
            verdict="",
            request="",
            reply=urlencode(form).encode(),
        )
        try:
            kind = _COLLECTION if form.get("txnType") == _COLLECTION else _PAYOUT
            self._require_genuine(form, {"merId": self.merchant, "txnType": kind})
            key = OrderKey(order_no=form["orderId"], txn_time=_read_stamp(form["txnTime"]))
            code = _told(_CODE, form["respCode"]) or "unreadable"
        except _NotTheChannel as fault:
            raise ForgedNotice(replace(exchange, verdict=str(fault))) from None
        except (KeyError, ValueError):
            raise ForgedNotice(replace(exchange, verdict="a field is missing")) from None
        return Notice(
            key=key,
            code=code,
            is_collection=kind == _COLLECTION,
            exchange=replace(exchange, is_genuine=True, verdict=f"notice {code}"),
        )

    def fetch_settlement(self, day: date) -> bytes:
        """Fetch the settlement archive of a day: a zip of the day's files.

        Raises:
            NotReady: the channel has not made it yet.
            NoAnswer: nobody knows.
            Garbled: the answer cannot be read.
        """
        asked = {
            "txnType": "76",
            "txnSubType": "01",
            "fileType": "00",
            "settleDate": f"{day:%m%d}",
            "merId": self.merchant,
            "txnTime": self.clock.now().astimezone(SHANGHAI).strftime(_STAMP),
        }
        with closing(self.outbound.for_files(bytes_max=FILE_REPLY_BYTES_MAX)) as files:
            reply = files.post_form("/channel/file/download", self._signed(asked))
        if reply.status != HTTPStatus.OK:
            raise NoAnswer(f"the channel answered with status {reply.status}")
        try:
            found = _read_form(reply.body)
            self._require_genuine(found, {"merId": self.merchant, "settleDate": f"{day:%m%d}"})
        except _NotTheChannel as fault:
            raise Garbled(str(fault)) from None
        if found.get("respCode") == _NO_FILE_YET:
            raise NotReady(f"no settlement file of {day} yet")
        if found.get("respCode") != _PAID_OR_FOUND:
            raise Garbled(f"the channel answered {_told(_CODE, found.get('respCode'))}")
        return _inflated(found.get("fileContent", ""))

    def ask(self, kind: EvidenceKind, path: str, key: OrderKey, more: Mapping[str, str]) -> Receipt:
        """Send a form about one order and read the answer, which is unknown unless it is certain."""
        identity = {
            "merId": self.merchant,
            "orderId": key.order_no,
            "txnTime": key.txn_time.astimezone(SHANGHAI).strftime(_STAMP),
        }
        form = self._signed({**more, **identity})
        exchange = Exchange(
            kind=kind,
            order_no=key.order_no,
            is_genuine=False,
            verdict="",
            request=urlencode({k: "***" if k in _HIDDEN else v for k, v in form.items()}, safe="*"),
            reply=b"",
        )
        try:
            reply = self.outbound.post_form(path, form)
            exchange = replace(exchange, reply=reply.body)
            found = self._read(reply, identity)
        except (NoAnswer, _NotTheChannel) as fault:
            return _receipt(Outcome.UNKNOWN, str(fault), exchange)
        is_query = kind is EvidenceKind.QUERY
        receipt = _query_receipt(found, key) if is_query else _order_receipt(kind, found)
        return replace(receipt, exchange=replace(exchange, is_genuine=True, verdict=receipt.text))

    def _read(self, reply: Reply, expected: Mapping[str, str]) -> dict[str, str]:
        if reply.status != HTTPStatus.OK:
            raise _NotTheChannel(f"status {reply.status}")
        found = _read_form(reply.body)
        self._require_genuine(found, expected)
        return found

    def _require_genuine(self, form: Mapping[str, str], expected: Mapping[str, str]) -> None:
        if not self.signer.is_signed(form, on=business_day(self.clock.now())):
            raise _NotTheChannel("not signed by the channel")
        for name, value in expected.items():
            if form.get(name) != value:
                raise _NotTheChannel(f"about another {name}")

    def _signed(self, form: Mapping[str, str]) -> dict[str, str]:
        named = {"signMethod": self.signer.method, "certId": self.signer.certificate}
        whole = {**_COMMON, **named, **form}
        return {**whole, "signature": self.signer.sign(whole)}


def connect(surroundings: Surroundings) -> UnionPay:
    """Make the way to UnionPay that the settings describe.

    Raises:
        BadKey: a key file holds no usable key.
    """
    settings = surroundings.settings
    return UnionPay(
        outbound=surroundings.outbound["channel"],
        signer=_signer(settings.channel_merchant_key, settings.channel_public_key),
        merchant=settings.channel_merchant,
        notice_url=settings.public_url.rstrip("/") + NOTICE_PATH,
        clock=surroundings.clock,
    )


@cache
def _signer(private_key: Path, channel_key: Path) -> SignerAndEncrypter:
    return signing.load(private_key, channel_key)


@cache
def _codes() -> dict[str, dict[str, Outcome]]:
    tables = _code_tables()
    return {
        call: {code: Outcome(word) for code, word in tables[call].items()}
        for call in ("pay", "query")
    }


@cache
def _our_codes() -> frozenset[str]:
    return frozenset(_code_tables()["refused_for"]["ours"])


@cache
def _code_tables() -> dict[str, dict[str, Any]]:
    return tomllib.loads(CODES.read_text(encoding="utf-8"))


def _order_receipt(kind: EvidenceKind, found: Mapping[str, str]) -> Receipt:
    code = _told(_CODE, found.get("respCode")) or ""
    outcome = _codes()["pay"].get(code, Outcome.UNKNOWN)
    return Receipt(
        outcome=outcome,
        text=f"{kind} {code}",
        code=code,
        reference=_told(_REFERENCE, found.get("queryId")),
        is_ours=code in _our_codes(),
    )


def _query_receipt(found: Mapping[str, str], key: OrderKey) -> Receipt:
    code = _told(_CODE, found.get("respCode")) or ""
    if code != _PAID_OR_FOUND:
        return Receipt(
            outcome=Outcome.UNKNOWN,
            text=f"query {code}",
            code=code,
            is_absent=code == _NO_SUCH_ORDER,
        )
    original = _told(_CODE, found.get("origRespCode")) or ""
    outcome = _codes()["query"].get(original, Outcome.UNKNOWN)
    receipt = Receipt(
        outcome=outcome,
        text=f"query found {original}",
        code=original,
        is_ours=original in _our_codes(),
        reference=_told(_REFERENCE, found.get("queryId")),
    )
    try:
        return replace(
            receipt,
            amount=_amount(found, is_needed=outcome in {Outcome.PAID, Outcome.RETURNED}),
            settle_day=_settle_day(found, key),
            returned_on=_return_day(found) if outcome is Outcome.RETURNED else None,
        )
    except ValueError:
        return replace(receipt, outcome=Outcome.UNKNOWN, text=f"query found {original}, unreadable")


def _receipt(outcome: Outcome, text: str, exchange: Exchange) -> Receipt:
    return Receipt(outcome=outcome, text=text, exchange=replace(exchange, verdict=text))


def _told(shape: re.Pattern[str], text: str | None) -> str | None:
    """Take a text that has the shape it should have; anything else is as if it were not there."""
    return text if text is not None and shape.fullmatch(text) else None


def _customer(name: str) -> str:
    return base64.b64encode(f"{{customerNm={name}}}".encode()).decode("ascii")


def _read_form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError:
        raise _NotTheChannel("not a form") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NotTheChannel("a field stands twice")
    return found


def _read_stamp(text: str) -> datetime:
    if len(text) != 14 or not text.isascii() or not text.isdigit():
        raise ValueError("not YYYYMMDDhhmmss")
    return datetime.strptime(text, _STAMP).replace(tzinfo=SHANGHAI)


def _amount(found: Mapping[str, str], *, is_needed: bool) -> Money | None:
    text = found.get("txnAmt", "")
    if not text and not is_needed:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise ValueError("not an amount in fen")
    return Money(int(text))


def _settle_day(found: Mapping[str, str], key: OrderKey) -> date | None:
    text = found.get("settleDate", "")
    return days.nearest(text, to=days.settlement_day(key.txn_time)) if text else None


def _return_day(found: Mapping[str, str]) -> date:
    return _read_stamp(found.get("returnDate", "") + "000000").date()


def _inflated(content: str) -> bytes:
    """Undo Base64 and DEFLATE, holding at most so many bytes."""
    try:
        packed = base64.b64decode(content, validate=True)
        inflater = zlib.decompressobj()
        archive = inflater.decompress(packed, ARCHIVE_BYTES_MAX)
    except (binascii.Error, ValueError, zlib.error):
        raise Garbled("the settlement file is not packed as agreed") from None
    if not inflater.eof or inflater.unused_data:
        raise Garbled("the settlement file is cut, too large, or has something behind it")
    return archive
