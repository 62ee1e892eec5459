"""Where statement files come from, and how their lines become rows of our tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from disbursement.matching import banking
from disbursement.matching.tables import BankEntry
from disbursement.records.settlement import FileKind, StatementFile
from disbursement.statements import bank_csv, bank_direct_settlement, unionpay_settlement
from disbursement.statements.lines import BankMovement, SettlementLine
from kernel.clock import business_day

_READERS: Final = {
    "bank_direct": bank_direct_settlement.lines,
    "unionpay": unionpay_settlement.lines,
}
"""By channel: bytes in, lines out one by one, or a refusal."""
_SETTLEMENT_COLUMNS: Final = (
    *("file_id", "position", "kind", "code", "order_no", "txn_time", "amount", "fee", "net"),
    *("reference", "card_masked", "booked_at"),
)
_BANK_COLUMNS: Final = (
    *("file_id", "position", "direction", "amount", "reference", "value_date", "posted_at"),
    *("purpose", "settles_on"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Whose file it is, and how its bytes become rows of a table."""

    name: str
    channel: str
    holder: str
    kind: FileKind
    day: date
    table: str
    columns: tuple[str, ...]
    read: Callable[[StatementFile, bytes], Iterator[tuple[object, ...]]]
    """Gives the rows; the last one comes only when the whole file is right."""

    @property
    def scope(self) -> str:
        """The scope of the breaks about its files."""
        return scope(self.kind, self.name, self.day)


def scope(kind: FileKind, name: str, day: date) -> str:
    """Name the scope of the breaks about a source's files of a day."""
    return f"file/{kind}/{name}/{day}"


def settlement(channel: str, day: date, *, merchant: str) -> Source:
    """Give the source of a channel's settlement files.

    Raises:
        KeyError: nobody reads the files of such a channel.
    """
    reader = _READERS[channel]

    def read(file: StatementFile, content: bytes) -> Iterator[tuple[object, ...]]:
        with reader(content, merchant=merchant, day=day) as lines:
            for position, line in enumerate(lines, start=1):
                yield _settlement_values(file.id, position, line)

    return Source(
        name=channel,
        channel=channel,
        holder=merchant,
        kind=FileKind.SETTLEMENT,
        day=day,
        table="settlement_row",
        columns=_SETTLEMENT_COLUMNS,
        read=read,
    )


def bank(account: str, day: date, *, channel: str) -> Source:
    """Give the source of the statements of the account on which a channel settles."""

    def read(file: StatementFile, content: bytes) -> Iterator[tuple[object, ...]]:
        statement = bank_csv.read(content, account=account, day=day)
        file.opening, file.closing = statement.opening, statement.closing
        for line in statement.lines:
            yield _bank_values(file.id, line)

    return Source(
        name=account,
        channel=channel,
        holder=account,
        kind=FileKind.BANK,
        day=day,
        table="bank_line",
        columns=_BANK_COLUMNS,
        read=read,
    )


def _settlement_values(file_id: UUID, position: int, line: SettlementLine) -> tuple[object, ...]:
    return (
        file_id,
        position,
        line.kind.value,
        line.code,
        line.order_no or None,
        line.txn_time,
        line.amount.fen,
        line.fee.fen,
        line.net.fen,
        line.reference,
        line.card_masked,
        line.booked_at,
    )


def _bank_values(file_id: UUID, line: BankMovement) -> tuple[object, ...]:
    entry = BankEntry(
        line=line.position,
        direction=line.direction,
        fen=line.amount.fen,
        reference=line.reference,
        value_date=line.value_date,
        posted_on=business_day(line.posted_at),
    )
    known = banking.told(entry)
    return (
        file_id,
        line.position,
        line.direction.value,
        line.amount.fen,
        line.reference,
        line.value_date,
        line.posted_at,
        None if known is None else known.purpose.value,
        None if known is None else known.day,
    )
