"""The forms by which a change to a loan is asked for: what is typed, and the event it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields
from marshmallow.validate import Length, OneOf, Range

from disbursement.allocation import Part
from disbursement.amendments import REASON_CHARACTERS_MAX
from disbursement.loan_events import WrittenOff
from disbursement.records.life import EventKind
from disbursement.schedule.contract import INSTALMENTS_MAX
from disbursement.schedule.events import (
    Charged,
    Event,
    Paused,
    RateChanged,
    ReAged,
    Reversed,
    Waived,
)
from kernel.money import Money
from kernel.rates import Rate
from kernel.web.consoles import Words
from kernel.web.fields import TypedMoneyField

FIELD_WORDS: Final[Mapping[str, Words]] = {
    "event": ("请选择要撤销的变更", "Choose the change to be undone"),
    "part": ("请选择", "Choose what it is"),
    "amount": ("请填写金额，例如 12.50", "Enter an amount, such as 12.50"),
    "due_on": ("请填写日期，例如 2026-12-20", "Enter a day, such as 2026-12-20"),
    "rate": ("请填写年利率（%），例如 9.60", "Enter percent a year, such as 9.60"),
    "instalments": ("请填写期数", "Enter the number of instalments"),
    "first_due": ("请填写日期，例如 2027-02-20", "Enter a day, such as 2027-02-20"),
    "until": ("请填写日期，例如 2027-02-20", "Enter a day, such as 2027-02-20"),
    "reason": ("请写明原因，不超过500字", "Say why, in at most 500 characters"),
}
PARTS: Final[Mapping[Part, Words]] = {
    Part.FEES: ("费用", "Fees"),
    Part.PENALTY: ("罚息", "Penalty interest"),
    Part.INTEREST: ("利息", "Interest"),
    Part.PRINCIPAL: ("本金", "Principal"),
}
_CHARGED: Final = (Part.FEES, Part.PENALTY)


def _percent(text: str) -> Rate:
    """Read a rate as people type it: ``9.6`` or ``9.60%``."""
    whole, _, places = text.strip().rstrip("%％").strip().partition(".")
    return Rate.percent(f"{whole}.{places:0<2}")


def _is_percent(text: str) -> None:
    try:
        _percent(text)
    except ValueError:
        raise ValidationError("Must be percent.") from None


class _Asked(Schema):
    """Every request says why."""

    reason = fields.String(required=True, validate=Length(1, REASON_CHARACTERS_MAX))


class _Waive(_Asked):
    part = fields.Enum(Part, by_value=True, required=True)
    amount = TypedMoneyField(required=True, at_least=Money(1))


class _Charge(_Asked):
    part = fields.Enum(Part, by_value=True, required=True, validate=OneOf(_CHARGED))
    amount = TypedMoneyField(required=True, at_least=Money(1))
    due_on = fields.Date(required=True)


class _ChangeRate(_Asked):
    rate = fields.String(required=True, validate=_is_percent)


class _ReAge(_Asked):
    instalments = fields.Integer(required=True, validate=Range(1, INSTALMENTS_MAX))
    first_due = fields.Date(required=True)


class _Pause(_Asked):
    until = fields.Date(required=True)


class _Undo(_Asked):
    event = fields.UUID(required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One kind of request: its words, its fields, and the event they mean."""

    title: Words
    hint: Words
    schema: type[Schema]
    event: Callable[[str, date, Mapping[str, Any]], Event]
    parts: tuple[Part, ...] = ()

    @property
    def words(self) -> dict[str, Words]:
        """What to do about each field, in the order of the page."""
        return {name: FIELD_WORDS[name] for name in FIELD_WORDS if name in self.schema().fields}


FORMS: Final[Mapping[EventKind, Form]] = {
    EventKind.WAIVED: Form(
        title=("申请减免", "Ask for a waiver"),
        hint=(
            "减免已到期未还的款项，从最早一期起。",
            "Gives up what fell due and is not paid, the oldest instalment first.",
        ),
        schema=_Waive,
        event=lambda id_, on, said: Waived(id=id_, on=on, amount=said["amount"], part=said["part"]),
        parts=tuple(PARTS),
    ),
    EventKind.RE_AGED: Form(
        title=("申请重新安排还款", "Ask for a new plan"),
        hint=(
            "剩余本金按新的期数重新分期，未还的利息等待第一期收取。",
            "Spreads all principal anew; what else is owed waits for the first instalment.",
        ),
        schema=_ReAge,
        event=lambda id_, on, said: ReAged(
            id=id_, on=on, instalments=said["instalments"], first_due=said["first_due"]
        ),
    ),
    EventKind.PAUSED: Form(
        title=("申请暂停计息", "Ask for a pause of interest"),
        hint=("从今天起到该日不计利息。", "No interest runs from today until that day."),
        schema=_Pause,
        event=lambda id_, on, said: Paused(id=id_, on=on, until=said["until"]),
    ),
    EventKind.RATE_CHANGED: Form(
        title=("申请调整利率", "Ask for another rate"),
        hint=("从今天起按新利率计息。", "Interest runs at the new rate from today."),
        schema=_ChangeRate,
        event=lambda id_, on, said: RateChanged(id=id_, on=on, annual_rate=_percent(said["rate"])),
    ),
    EventKind.REVERSED: Form(
        title=("申请撤销变更", "Ask for undoing a change"),
        hint=(
            "撤销一笔减免、重新安排、暂停或利率调整，贷款按从未有过该变更重新计算。",
            "Undoes a waiver, new plan, pause or rate; the loan is what it would be without it.",
        ),
        schema=_Undo,
        event=lambda id_, on, said: Reversed(id=id_, on=on, event_id=str(said["event"])),
    ),
    EventKind.CHARGED: Form(
        title=("申请收取费用", "Ask for a charge"),
        hint=(
            "随到期日所在的一期收取；须为合同约定且未超过综合成本上限。",
            "Payable with the instalment of its due date; only what the contract has.",
        ),
        schema=_Charge,
        event=lambda id_, on, said: Charged(
            id=id_, on=on, amount=said["amount"], part=said["part"], due_on=said["due_on"]
        ),
        parts=_CHARGED,
    ),
    EventKind.WRITTEN_OFF: Form(
        title=("申请核销", "Ask for a write-off"),
        hint=(
            "账面转为损失，债权仍在；之后收到的款项记为收回。",
            "The books give it up, the claim stands; money that comes later is a recovery.",
        ),
        schema=_Asked,
        event=lambda id_, on, _: WrittenOff(id=id_, on=on),
    ),
}
"""By the kind of event that is asked for, in the order of the page."""
