"""A third channel: JSON and HMAC. Its one file and its table of codes are all that it takes."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

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
from disbursement.channels.signing import Signer, Term
from disbursement.records.payouts import EvidenceKind
from kernel.clock import Clock, business_day
from kernel.money import Money
from kernel.outbound import Garbled, NoAnswer, Outbound

PAYS_AS: Final = "third"
CODES: Final = tomllib.loads((Path(__file__).parent / "third_codes.toml").read_text())


@dataclass(frozen=True, slots=True, kw_only=True)
class ThirdChannel:
    outbound: Outbound
    signer: Signer
    clock: Clock

    @property
    def name(self) -> str:
        return PAYS_AS

    @property
    def key_terms(self) -> tuple[Term, ...]:
        return self.signer.terms

    def pay(self, instruction: Instruction) -> Receipt:
        more = {
            "fen": str(instruction.amount.fen),
            "card": instruction.card.plain,
            "name": instruction.payee.plain,
        }
        return self._receipt(EvidenceKind.PAY, "/pay", instruction.key, more)

    def query(self, key: OrderKey) -> Receipt:
        return self._receipt(EvidenceKind.QUERY, "/query", key, {})

    def read_notice(self, form: Mapping[str, str]) -> Notice:
        told = repr(sorted(form)).encode()
        exchange = _exchange(EvidenceKind.NOTICE, form.get("id"), "", told)
        if not self.signer.is_signed(form, on=business_day(self.clock.now())):
            raise ForgedNotice(replace(exchange, verdict="not signed"))
        try:
            at = datetime.fromisoformat(form["at"])
            key = OrderKey(order_no=form["id"], txn_time=at)
        except (KeyError, ValueError):
            raise ForgedNotice(replace(exchange, verdict="a field is missing")) from None
        exchange = replace(exchange, is_genuine=True, verdict="notice")
        return Notice(key=key, code=form.get("code", ""), exchange=exchange)

    def fetch_settlement(self, day: date) -> bytes:
        found = self._ask("/file", {"day": str(day)}, about={"day"})
        if found["code"] != "DONE":
            raise NotReady(f"no file of {day}")
        return found["file"].encode()

    def _receipt(
        self, kind: EvidenceKind, path: str, key: OrderKey, more: Mapping[str, str]
    ) -> Receipt:
        asked = {"id": key.order_no, "at": key.txn_time.astimezone(UTC).isoformat()}
        kept = _exchange(kind, key.order_no, f"{path} {key.order_no}", b"")
        try:
            found = self._ask(path, {**asked, **more}, about=set(asked))
            receipt = _read(found, kind)
        except (NoAnswer, Garbled, ValueError) as fault:
            unknown = replace(kept, verdict=str(fault))
            return Receipt(outcome=Outcome.UNKNOWN, text=str(fault), exchange=unknown)
        genuine = replace(kept, is_genuine=True, verdict=receipt.text)
        return replace(receipt, exchange=replace(genuine, reply=repr(sorted(found)).encode()))

    def _ask(self, path: str, asked: Mapping[str, str], *, about: set[str]) -> dict[str, str]:
        reply = self.outbound.post_json(path, {**asked, "signature": self.signer.sign(asked)})
        if reply.status != 200:
            raise Garbled(f"status {reply.status}")
        found = {name: str(value) for name, value in reply.json().items()}
        if not self.signer.is_signed(found, on=business_day(self.clock.now())):
            raise Garbled("not signed by the channel")
        if any(found.get(name) != asked[name] for name in about):
            raise Garbled("about another order")
        return found


def _read(found: Mapping[str, str], kind: EvidenceKind) -> Receipt:
    code = found["code"]
    outcome = Outcome(CODES["outcome"].get(code, "unknown"))
    if kind is EvidenceKind.PAY and outcome not in {Outcome.ACCEPTED, Outcome.REFUSED}:
        outcome = Outcome.UNKNOWN
    is_told = outcome in {Outcome.PAID, Outcome.RETURNED}
    if is_told and not (found["fen"].isdecimal() and len(found["fen"]) < 16):
        raise ValueError("no amount")
    return Receipt(
        outcome=outcome,
        text=f"{kind} {code}",
        code=code,
        amount=Money(int(found["fen"])) if is_told else None,
        reference=found.get("reference"),
        settle_day=date.fromisoformat(found["paid_on"]) if is_told else None,
        returned_on=date.fromisoformat(found["back_on"]) if code == "BACK" else None,
        is_absent=code == "UNHEARD_OF",
        is_ours=code in CODES["ours"],
    )


def _exchange(kind: EvidenceKind, order_no: str | None, request: str, reply: bytes) -> Exchange:
    return Exchange(
        kind=kind,
        order_no=order_no,
        is_genuine=False,
        verdict="",
        request=request,
        reply=reply,
    )
