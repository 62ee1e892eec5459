"""A bank reached directly (银企直联) that takes payouts by file: upload, result file, single query.

An answer counts only when it is signed by the bank and about the very batch, payment or day that
was asked about. Anything else is an unknown outcome. A payment by itself is a file of one row whose
number is the order number.
"""

from __future__ import annotations

import base64
import hashlib
import re
import tomllib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Final

from disbursement.channels import batch_text, sm2
from disbursement.channels.batch_text import ResultRow
from disbursement.channels.channel import (
    BatchAnswer,
    BatchKey,
    BatchOutcome,
    BatchRow,
    Exchange,
    ForgedNotice,
    Instruction,
    Notice,
    NotReady,
    OrderKey,
    Outcome,
    Receipt,
    Returned,
    ReturnsOfDay,
    Unreadable,
)
from disbursement.channels.signing import Signer, Term
from disbursement.legs import BANK_DIRECT
from disbursement.records.payouts import EvidenceKind
from kernel.clock import SHANGHAI, Clock, business_day
from kernel.money import Money
from kernel.outbound import Garbled, NoAnswer, Outbound
from kernel.surroundings import Surroundings

PAYS_AS: Final = BANK_DIRECT
CODES: Final = Path(__file__).parent / "batch_file_codes.toml"
ROWS_IN_A_FILE: Final = 200
"""What the bank agreed to take at once, and what fits into its 64 KiB message."""
FIRST_ASK: Final = timedelta(minutes=5)

_FOUND: Final = "00"
_NO_SUCH: Final = "34"
_NOT_YET: Final = "98"
_STAMP: Final = "%Y%m%d%H%M%S"
_CODE: Final = re.compile(r"[A-Z0-9]{2,4}", re.ASCII)
_REFERENCE: Final = re.compile(r"[0-9]{8,32}", re.ASCII)
_OF_BATCH: Final = {
    BatchOutcome.ACCEPTED: Outcome.ACCEPTED,
    BatchOutcome.REJECTED: Outcome.REFUSED,
}


class _NotTheBank(Exception):
    """What came cannot be relied on; the text says why, in a few words of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFile:
    """One customer's way to the bank."""

    outbound: Outbound
    signer: Signer
    customer: str
    clock: Clock

    @property
    def name(self) -> str:
        """The channel's name."""
        return PAYS_AS

    @property
    def key_terms(self) -> tuple[Term, ...]:
        """How long each key in use may be used."""
        return self.signer.terms

    @property
    def rows_max(self) -> int:
        """The most rows that one file may have."""
        return ROWS_IN_A_FILE

    @property
    def first_ask(self) -> timedelta:
        """How long after the upload the result is first asked for."""
        return FIRST_ASK

    def pay(self, instruction: Instruction) -> Receipt:
        """Ask for one payment once, by a file of one row; what goes wrong is unknown."""
        key = BatchKey(number=instruction.key.order_no, sent_at=instruction.key.txn_time)
        answer = self.upload(key, self.write(key, [instruction]))
        exchange = answer.exchange
        return Receipt(
            outcome=_OF_BATCH.get(answer.outcome, Outcome.UNKNOWN),
            text=answer.text,
            code=answer.code,
            is_ours=answer.outcome is BatchOutcome.REJECTED,
            exchange=None if exchange is None else replace(exchange, kind=EvidenceKind.PAY),
        )

    def query(self, key: OrderKey) -> Receipt:
        """Ask where a payment stands; whatever goes wrong is an unknown outcome."""
        asked = {"orderNo": key.order_no, "sentAt": _stamp(key.txn_time)}
        exchange = self._exchange(EvidenceKind.QUERY, key.order_no, asked)
        try:
            found, exchange = self._ask("/batch/query", asked, exchange, about={"orderNo"})
            receipt = _query_receipt(found, key)
        except (NoAnswer, Garbled, _NotTheBank) as fault:
            return Receipt(
                outcome=Outcome.UNKNOWN,
                text=str(fault),
                exchange=replace(_kept(fault, exchange), verdict=str(fault)),
            )
        return replace(receipt, exchange=replace(exchange, verdict=receipt.text))

    def read_notice(self, form: Mapping[str, str]) -> Notice:
        """Refuse a message: the bank sends none, so it is somebody else's.

        Raises:
            ForgedNotice: always.
        """
        raise ForgedNotice(
            Exchange(
                kind=EvidenceKind.NOTICE,
                order_no=None,
                is_genuine=False,
                verdict="this bank sends no notices",
                request="",
                reply=repr(sorted(form)).encode(),
            )
        )

    def write(self, key: BatchKey, instructions: Sequence[Instruction]) -> bytes:
        """Write the file that is to be uploaded."""
        return batch_text.write(key, instructions)

    def read_back(self, content: bytes) -> tuple[BatchRow, ...]:
        """Read the very bytes that are to be uploaded, as the bank will.

        Raises:
            Unreadable: they are no such file, or its totals are not those of its rows.
        """
        return batch_text.read_batch(content)

    def upload(self, key: BatchKey, content: bytes) -> BatchAnswer:
        """Upload a file once; whatever goes wrong is an unknown outcome."""
        asked = {
            "batchNo": key.number,
            "sentAt": _stamp(key.sent_at),
            "file": base64.b64encode(zlib.compress(content)).decode("ascii"),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        return self._batch(EvidenceKind.BATCH, "/batch/upload", key, asked)

    def ask(self, key: BatchKey) -> BatchAnswer:
        """Ask for the result of a batch; whatever goes wrong is an unknown outcome."""
        asked = {"batchNo": key.number, "sentAt": _stamp(key.sent_at)}
        return self._batch(EvidenceKind.RESULT, "/batch/result", key, asked)

    def fetch_settlement(self, day: date) -> bytes:
        """Fetch the settlement file of a day, unpacked.

        Raises:
            NotReady: the bank has not made it yet.
            NoAnswer: nobody knows.
            Garbled: the answer cannot be read.
        """
        found, _ = self._of_day("/batch/settlement", EvidenceKind.FILE, day)
        try:
            return batch_text.unpacked(found)
        except Unreadable as fault:
            raise Garbled(str(fault)) from None

    def fetch_returns(self, day: date) -> ReturnsOfDay:
        """List what came back on a day.

        Raises:
            NotReady: the day has not begun for the bank.
            NoAnswer: nobody knows.
            Garbled: the answer cannot be read.
        """
        found, exchange = self._of_day("/batch/returns", EvidenceKind.RETURNS, day)
        try:
            rows = batch_text.read_returns(batch_text.unpacked(found), day)
        except Unreadable as fault:
            raise Garbled(str(fault)) from None
        items = tuple(
            Returned(
                order_no=row.order_no, amount=row.amount, returned_on=day, reference=row.reference
            )
            for row in rows
        )
        return ReturnsOfDay(items=items, exchange=replace(exchange, verdict=f"{len(items)} rows"))

    def _batch(
        self, kind: EvidenceKind, path: str, key: BatchKey, asked: Mapping[str, str]
    ) -> BatchAnswer:
        exchange = self._exchange(kind, key.number, asked)
        try:
            found, exchange = self._ask(path, asked, exchange, about={"batchNo", "sentAt"})
            answer = _upload_answer(found) if kind is EvidenceKind.BATCH else _result(found, key)
        except (NoAnswer, Garbled, Unreadable, _NotTheBank) as fault:
            return BatchAnswer(
                outcome=BatchOutcome.UNKNOWN,
                text=str(fault),
                exchange=replace(_kept(fault, exchange), verdict=str(fault)),
            )
        return replace(answer, exchange=replace(exchange, verdict=answer.text))

    def _of_day(self, path: str, kind: EvidenceKind, day: date) -> tuple[dict[str, str], Exchange]:
        asked = {"day": f"{day:%Y%m%d}"}
        exchange = self._exchange(kind, None, asked)
        try:
            found, exchange = self._ask(path, asked, exchange, about={"day"})
        except _NotTheBank as fault:
            raise Garbled(str(fault)) from None
        if found["code"] == _NOT_YET:
            raise NotReady(f"the bank has nothing of {day} yet")
        if found["code"] != _FOUND:
            raise Garbled(f"the bank answered {found['code']}")
        return found, exchange

    def _ask(
        self, path: str, asked: Mapping[str, str], exchange: Exchange, *, about: set[str]
    ) -> tuple[dict[str, str], Exchange]:
        """Send signed fields and give the bank's, which must be signed and about the same."""
        fields = {
            "version": "1",
            "signMethod": self.signer.method,
            "keyName": self.signer.certificate,
            "customer": self.customer,
            **asked,
        }
        reply = self.outbound.post_json(path, {**fields, "signature": self.signer.sign(fields)})
        exchange = replace(exchange, reply=reply.body)
        if reply.status != HTTPStatus.OK:
            raise _Told(f"status {reply.status}", exchange)
        try:
            found = batch_text.strings(reply.json())
        except (Garbled, Unreadable) as fault:
            raise _Told(str(fault), exchange) from None
        if not self.signer.is_signed(found, on=business_day(self.clock.now())):
            raise _Told("not signed by the bank", exchange)
        for name in {*about, "customer"}:
            if found.get(name) != fields[name]:
                raise _Told(f"about another {name}", exchange)
        if _CODE.fullmatch(found.get("code", "")) is None:
            raise _Told("without a code", exchange)
        return found, replace(exchange, is_genuine=True)

    def _exchange(
        self, kind: EvidenceKind, number: str | None, asked: Mapping[str, str]
    ) -> Exchange:
        shown = {name: "***" if name == "file" else value for name, value in asked.items()}
        return Exchange(
            kind=kind,
            order_no=number,
            is_genuine=False,
            verdict="",
            request="&".join(f"{name}={value}" for name, value in shown.items()),
            reply=b"",
        )


class _Told(_NotTheBank):
    """What came, and why it is not relied on."""

    def __init__(self, why: str, exchange: Exchange) -> None:
        super().__init__(why)
        self.exchange = exchange


def connect(surroundings: Surroundings) -> BatchFile:
    """Make the way to the bank that the settings describe.

    Raises:
        BadKey: the key file holds no usable keys.
    """
    settings = surroundings.settings
    return BatchFile(
        outbound=surroundings.outbound["batch"],
        signer=_signer(settings.batch_keys),
        customer=settings.batch_customer,
        clock=surroundings.clock,
    )


@cache
def _signer(path: Path) -> Signer:
    return sm2.load(path)


def _kept(fault: Exception, exchange: Exchange) -> Exchange:
    return fault.exchange if isinstance(fault, _Told) else exchange


def _upload_answer(found: Mapping[str, str]) -> BatchAnswer:
    code = found["code"]
    outcome = BatchOutcome(_tables()["upload"].get(code, "unknown"))
    return BatchAnswer(outcome=outcome, text=f"upload {code}", code=code)


def _result(found: Mapping[str, str], key: BatchKey) -> BatchAnswer:
    code = found["code"]
    outcome = BatchOutcome(_tables()["result"].get(code, "unknown"))
    if outcome is not BatchOutcome.ANSWERED:
        return BatchAnswer(outcome=outcome, text=f"result {code}", code=code)
    rows = batch_text.read_result(batch_text.unpacked(found), key.number)
    decided = {row.order_no: _row_receipt(row) for row in rows}
    return BatchAnswer(
        outcome=outcome,
        text=f"result of {len(rows)} rows",
        code=code,
        rows={k: v for k, v in decided.items() if v.outcome is not Outcome.UNKNOWN},
    )


def _row_receipt(row: ResultRow) -> Receipt:
    outcome = Outcome(_tables()["row"].get(row.code, "unknown"))
    if outcome is Outcome.PAID and row.settle_day is None:
        outcome = Outcome.UNKNOWN
    return Receipt(
        outcome=outcome,
        text=f"result row {row.code}",
        code=row.code,
        amount=row.amount,
        reference=row.reference,
        settle_day=row.settle_day,
    )


def _query_receipt(found: Mapping[str, str], key: OrderKey) -> Receipt:
    code = found["code"]
    if code != _FOUND:
        return Receipt(
            outcome=Outcome.UNKNOWN, text=f"query {code}", code=code, is_absent=code == _NO_SUCH
        )
    row_code = found.get("rowCode", "")
    if found.get("sentAt") != _stamp(key.txn_time):
        raise _NotTheBank("about another sentAt")
    outcome = Outcome(_tables()["row"].get(row_code, "unknown"))
    reference = found.get("reference", "")
    try:
        return Receipt(
            outcome=outcome,
            text=f"query found {row_code}",
            code=row_code if _CODE.fullmatch(row_code) else code,
            reference=reference if _REFERENCE.fullmatch(reference) else None,
            amount=_fen(found, is_needed=outcome in {Outcome.PAID, Outcome.RETURNED}),
            settle_day=_day(found, "settleDay", is_needed=outcome is Outcome.PAID),
            returned_on=_day(found, "returnedOn", is_needed=outcome is Outcome.RETURNED),
        )
    except ValueError:
        return Receipt(
            outcome=Outcome.UNKNOWN, text=f"query found {row_code}, unreadable", code=code
        )


def _fen(found: Mapping[str, str], *, is_needed: bool) -> Money | None:
    text = found.get("amount", "")
    if not text and not is_needed:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise ValueError("not an amount in fen")
    return Money(int(text))


def _day(found: Mapping[str, str], name: str, *, is_needed: bool) -> date | None:
    text = found.get(name, "")
    return batch_text.read_day(text) if text or is_needed else None


def _stamp(at: datetime) -> str:
    return at.astimezone(SHANGHAI).strftime(_STAMP)


@cache
def _tables() -> dict[str, dict[str, str]]:
    return tomllib.loads(CODES.read_text(encoding="utf-8"))
