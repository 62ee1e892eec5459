"""What the bank remembers of batches, and what becomes of each row: all is settled on acceptance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from sandbox import faults, times
from sandbox.batch.files import Result, Row
from sandbox.batch.messages import Declined
from sandbox.cards import Card
from sandbox.channel import orders
from sandbox.channel.books import Books
from sandbox.channel.orders import PAID_CODE, Content, Fate, Order, OrderState, Way
from sandbox.faults import Fault, Script
from sandbox.funding import Funding

ACCOUNT_NUMBER: Final = "622000000002"
CLOCK_TOLERANCE: Final = timedelta(minutes=15)
ANSWERS_MAX: Final = 5
"""How often the result of one batch is given out."""
OPEN_CODE: Final = "TO"
"""The row's own bank did not answer in time: ask about it by itself."""

_LOST: Final = faults.LOST | {Fault.ROW_LOST}
_ROW_OPEN: Final = frozenset({Fault.ROW_TIMES_OUT, Fault.ROW_LOST, Fault.FILE_ONLY})


@dataclass(slots=True, kw_only=True)
class Batch:
    """One file that was uploaded."""

    number: str
    customer: str
    sent_at: str
    sha256: str
    rows: tuple[Row, ...]
    taken_at: datetime
    rejected: str | None
    """The code by which it was refused whole."""
    fault: Fault | None
    answers: int = 0


@dataclass(slots=True)
class BatchBank:
    """The bank's own ledger of batches and payments, and the account they are drawn on."""

    batches: dict[str, Batch] = field(default_factory=dict)
    books: Books = field(default_factory=Books)
    funding: Funding = field(default_factory=Funding)

    def find(self, customer: str, number: str) -> Batch | None:
        """Find a batch of a customer."""
        found = self.batches.get(number)
        return found if found is not None and found.customer == customer else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A well-formed file as it was uploaded."""

    customer: str
    number: str
    sent_at: str
    sha256: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The answer to an upload: its code, and the fault in play."""

    code: str
    fault: Fault | None = None


def take(
    bank: BatchBank,
    asked: Upload,
    cards: Mapping[str, Card],
    scripts: dict[str, Script],
    *,
    at: datetime,
) -> Taken:
    """Take a file once; the caller holds the lock.

    Raises:
        Declined: 10, the file's own time is too far from now.
    """
    known = bank.batches.get(asked.number)
    if known is not None:
        before = (known.customer, known.sent_at, known.sha256)
        is_same = before == (asked.customer, asked.sent_at, asked.sha256)
        return Taken(code="12" if is_same else "13")
    if abs(times.read_stamp(asked.sent_at) - at) > CLOCK_TOLERANCE:
        raise Declined("10")
    found = {row.order_no: _script(scripts, row.card_number) for row in asked.rows}
    fault = next((one.fault for one in found.values() if one is not None), None)
    if fault in faults.LOST:
        return Taken(code=PAID_CODE, fault=fault)
    code = _objection(bank, asked, fault, at=at)
    batch = Batch(
        number=asked.number,
        customer=asked.customer,
        sent_at=asked.sent_at,
        sha256=asked.sha256,
        rows=asked.rows,
        taken_at=at,
        rejected=code,
        fault=fault,
    )
    bank.batches[asked.number] = batch
    if code is None:
        for row in asked.rows:
            card, script = cards.get(row.card_number), found[row.order_no]
            _accept(bank, batch, row, card=card, script=script, at=at)
    return Taken(code=code or PAID_CODE, fault=fault)


def result(bank: BatchBank, batch: Batch, *, at: datetime) -> list[Result] | str:
    """Give what became of each row, or the code that says why not."""
    if batch.rejected is not None:
        return "40"
    if at < batch.taken_at + orders.DECISION_TAKES:
        return "05"
    if batch.answers >= ANSWERS_MAX:
        return "52"
    batch.answers += 1
    return [_result(bank, batch, row, at=at) for row in batch.rows]


def standing(bank: BatchBank, customer: str, order_no: str, *, at: datetime) -> dict[str, str]:
    """Tell the fields that say where one payment stands; none when it is not found."""
    order = bank.books.find(customer, order_no)
    if order is None:
        return {}
    at = bank.books.ask(order, at)
    if orders.is_hidden(order, at):
        return {}
    code = orders.query_code(order, at)
    found = {"rowCode": code, "sentAt": order.txn_time, "amount": str(order.content.fen)}
    if order.query_id:
        found["reference"] = order.query_id
    if orders.state_of(order, at) is OrderState.PAID and order.paid_on is not None:
        found["settleDay"] = f"{order.paid_on:%Y%m%d}"
    if code == "RT" and order.returned_on is not None:
        found["returnedOn"] = f"{order.returned_on:%Y%m%d}"
    return found


def returned_on(bank: BatchBank, customer: str, day: date, *, at: datetime) -> list[Order]:
    """List what has come back to a customer on a settlement day by now."""
    listed = bank.books.days[Way.PAYOUT].returned_on.get(day, ())
    return [
        order
        for order in listed
        if order.mer_id == customer
        and orders.is_returned(order, at)
        and order.fault is not Fault.RETURN_IN_FILE
    ]


def of_day(bank: BatchBank, customer: str, day: date) -> tuple[list[Order], list[Order]]:
    """List what was paid and came back on a settlement day, and close the day."""
    bank.books.close(day)
    book = bank.books.days[Way.PAYOUT]
    paid = [one for one in book.paid_on.get(day, ()) if one.mer_id == customer]
    back = [one for one in book.returned_on.get(day, ()) if one.mer_id == customer]
    for order in paid:
        bank.books.ask(order, order.decided_at)
    return paid, back


def _objection(bank: BatchBank, asked: Upload, fault: Fault | None, *, at: datetime) -> str | None:
    if fault is Fault.BATCH_REJECTED:
        return "31"
    total = sum(row.fen + orders.FEE_FEN for row in asked.rows)
    return None if bank.funding.can_bear(total - orders.FEE_FEN, at) else "64"


def _script(scripts: dict[str, Script], card_number: str) -> Script | None:
    return scripts.pop(card_number, None) or faults.of_card(card_number)


def _accept(
    bank: BatchBank,
    batch: Batch,
    row: Row,
    *,
    card: Card | None,
    script: Script | None,
    at: datetime,
) -> None:
    """Decide one row; an order number that is known already keeps the life it has."""
    fault = script.fault if script is not None else None
    if fault in _LOST or bank.books.find(batch.customer, row.order_no) is not None:
        return
    code = _against(card, row) or (faults.REFUSALS.get(fault) if fault is not None else None)
    fate = (
        Fate(decided_at=at, verdict=code, returned_at=None)
        if code is not None
        else orders.fate(at, script)
    )
    order = _record(bank, batch, row, fate=fate, fault=fault, at=at)
    if fate.verdict == PAID_CODE and card is not None:
        bank.funding.claim(order.content.fen, fate.returned_at)
        card.post(fen=row.fen, posted_at=fate.decided_at, returned_at=fate.returned_at)


def _against(card: Card | None, row: Row) -> str | None:
    """Tell the row code that speaks against a payment, if any does."""
    if card is None:
        return "61"
    if card.account_type != "credit":
        return "93"
    if card.state != "open":
        return "63"
    return None if card.holder == row.name else "66"


def _record(
    bank: BatchBank, batch: Batch, row: Row, *, fate: Fate, fault: Fault | None, at: datetime
) -> Order:
    books = bank.books
    is_paid = fate.verdict == PAID_CODE
    back = fate.returned_at
    order = Order(
        way=Way.PAYOUT,
        mer_id=batch.customer,
        order_id=row.order_no,
        txn_time=batch.sent_at,
        content=Content(fen=row.fen, card_number=row.card_number, name=row.name, reserved=""),
        back_url="",
        query_id=books.next_query_id(batch.sent_at) if is_paid or fate.decided_at > at else "",
        fault=fault,
        accepted_at=at,
        decided_at=fate.decided_at,
        verdict=fate.verdict,
        paid_on=books.open_day(times.settlement_day(fate.decided_at)) if is_paid else None,
        returned_at=back,
        returned_on=books.open_day(times.settlement_day(back)) if back is not None else None,
    )
    books.record(order)
    return order


def _result(bank: BatchBank, batch: Batch, row: Row, *, at: datetime) -> Result:
    order = bank.books.find(batch.customer, row.order_no)
    if order is None or order.txn_time != batch.sent_at or order.fault in _ROW_OPEN:
        return Result(order=None, row=row, code=OPEN_CODE)
    state = orders.state_of(order, bank.books.ask(order, at))
    if state is OrderState.IN_PROGRESS:
        return Result(order=order, row=row, code=OPEN_CODE)
    return Result(order=order, row=row, code=order.verdict)
