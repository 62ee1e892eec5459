"""Make statement files byte by byte, without any code of the readers."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from datetime import date, datetime

from kernel.clock import shanghai

MERCHANT = "777290058110097"
ACCOUNT = "622000000001"
DAY = date(2026, 11, 20)
NOON = shanghai(DAY, 12)
HEADING = "笔数|金额(分)|手续费(分)|退回笔数|退回金额(分)"
ZM = [
    *(3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6),
    *(2, 4, 32, 1, 21, 15, 1, 15, 32, 13, 13, 8, 32, 13, 13, 12, 2, 1, 32, 98),
]
ZME = [3, 11, 11, 6, 10, 19, 12, 4, 2, 2, 6, 10, 4, 12, 13, 13, 15, 15, 1, 12, 2, 135]


@dataclass(frozen=True, kw_only=True)
class Payment:
    """One payment as the channel writes it down."""

    order: str = "ORDER00000000001"
    fen: int = 123450
    fee: int = 100
    net: int | None = None
    """What leaves the account; amount plus fee unless said otherwise."""
    at: datetime = NOON
    trace: int = 1
    card: str = "622155******0015"
    code: str = "S22"
    merchant: str = MERCHANT

    @property
    def query_id(self) -> str:
        return f"{self.at:%Y%m%d%H%M%S}{self.trace:06d}8"

    def line(self) -> str:
        net = self.fen + self.fee if self.net is None else self.net
        return fixed(
            ZM,
            {
                1: self.code,
                2: "88022900",
                4: f"{self.trace:06d}",
                5: f"{self.at:%m%d%H%M%S}",
                6: self.card,
                7: f"{self.fen:012d}",
                10: self.query_id,
                12: self.order,
                16: f"D{self.fee:012d}",
                17: f"D{net:012d}",
                28: self.merchant,
            },
        )


@dataclass(frozen=True, kw_only=True)
class Return:
    """One return of a payment as the channel writes it down."""

    of: Payment
    at: datetime = NOON
    fen: int | None = None
    code: str = "E84"

    def line(self) -> str:
        return fixed(
            ZME,
            {
                1: self.code,
                4: f"{self.of.trace:06d}",
                5: f"{self.at:%m%d%H%M%S}",
                6: self.of.card,
                7: f"{self.of.fen if self.fen is None else self.fen:012d}",
                12: f"{self.of.at:%m%d%H%M%S}",
                17: self.of.merchant,
                22: f"{self.of.order:32}{self.of.query_id}",
            },
        )


def fixed(widths: list[int], values: dict[int, str]) -> str:
    return " ".join(values.get(n, "").ljust(width) for n, width in enumerate(widths, 1))


def member(lines: list[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()


def summary(payments: list[Payment], returns: list[Return]) -> bytes:
    figures = (
        len(payments),
        sum(payment.fen for payment in payments),
        sum(payment.fee for payment in payments),
        len(returns),
        sum(back.of.fen if back.fen is None else back.fen for back in returns),
    )
    return f"{HEADING}\r\n{'|'.join(map(str, figures))}\r\n".encode("gbk")


def members(
    payments: list[Payment] = [],  # noqa: B006 - read only
    returns: list[Return] = [],  # noqa: B006 - read only
    *,
    day: date = DAY,
    merchant: str = MERCHANT,
) -> dict[str, bytes]:
    stamp = f"{day:%y%m%d}"
    return {
        f"INN{stamp}88ZM_{merchant}": member([payment.line() for payment in payments]),
        f"INN{stamp}88ZME_{merchant}": member([back.line() for back in returns]),
        f"RD{stamp}88_{merchant}": summary(payments, returns),
    }


def packed(parts: dict[str, bytes]) -> bytes:
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            entry = zipfile.ZipInfo(name, (2026, 11, 20, 0, 0, 0))
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return box.getvalue()


def settlement(
    payments: list[Payment] = [],  # noqa: B006 - read only
    returns: list[Return] = [],  # noqa: B006 - read only
    *,
    day: date = DAY,
    merchant: str = MERCHANT,
) -> bytes:
    """Write a day's file as the channel hands it out: a zlib stream of a zip."""
    return zlib.compress(packed(members(payments, returns, day=day, merchant=merchant)))


@dataclass(frozen=True, kw_only=True)
class Movement:
    """One movement on the bank account; amount in fen."""

    fen: int
    reference: str
    direction: str = "D"
    posted_at: str = "2026-11-20T23:30:00+08:00"
    value_date: str = "2026-11-20"
    counterparty: str = "CHANNEL"
    note: str = "payout settlement"


def yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def statement(
    movements: list[Movement] = [],  # noqa: B006 - read only
    *,
    day: date = DAY,
    account: str = ACCOUNT,
    opening: int = 5_000_000_00,
) -> bytes:
    """Write a bank's day as CSV."""
    moved = sum(m.fen if m.direction == "C" else -m.fen for m in movements)
    rows = [
        "account,day,currency,opening,closing,lines",
        f"{account},{day},CNY,{yuan(opening)},{yuan(opening + moved)},{len(movements)}",
        "seq,posted_at,value_date,direction,amount,counterparty,reference,note",
        *(
            f"{n},{m.posted_at},{m.value_date},{m.direction},{yuan(m.fen)},"
            f"{m.counterparty},{m.reference},{m.note}"
            for n, m in enumerate(movements, 1)
        ),
    ]
    return "".join(f"{row}\n" for row in rows).encode()
