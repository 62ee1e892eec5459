"""Collections in the channel's file: read apart from payouts, and tied to sums of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from disbursement.statements import reading, unionpay_settlement
from disbursement.statements.lines import LineKind
from kernel.money import Money
from tests.disbursement.statements import files
from tests.disbursement.statements.files import DAY, MERCHANT, Payment, Return

PAID = Payment(order="ORDER00000000001", trace=1)
TAKEN = Payment(order="DEBIT00000000001", trace=2, code="S65", fen=50_000)
BACK = Return(of=TAKEN, code="E74")
COLLECTIONS = "代收笔数|代收金额(分)|代收手续费(分)|代收退回笔数|代收退回金额(分)"
PAYOUT_SUMS = "1|123450|100|0|0"


def content(
    payments: Sequence[Payment],
    returns: Sequence[Return] = (),
    *summary: str,
) -> bytes:
    parts = files.members(payments, returns)
    # A collection reaches us less its fee: the sign letter is C.
    name = f"INN26112088ZM_{MERCHANT}"
    lines = [_line(payment) for payment in payments]
    parts[name] = files.member(lines)
    parts[f"RD26112088_{MERCHANT}"] = "".join(f"{row}\r\n" for row in summary).encode("gbk")
    return files.packed(parts)


def _line(payment: Payment) -> str:
    if payment.code != "S65":
        return payment.line()
    net = payment.fen - payment.fee
    return replace(payment, net=net).line().replace(f"D{net:012d}", f"C{net:012d}")


def read(packed: bytes):
    return unionpay_settlement.read(packed, merchant=MERCHANT, day=DAY)


def test_collections_and_charge_backs_are_read_with_their_own_kinds_and_sums():
    day = read(
        content(
            [PAID, TAKEN], [BACK], files.HEADING, PAYOUT_SUMS, COLLECTIONS, "1|50000|100|1|50000"
        )
    )

    assert [line.kind for line in day.lines] == [
        LineKind.PAID,
        LineKind.COLLECTED,
        LineKind.CHARGED_BACK,
    ]
    taken, back = day.lines[1:]
    assert (taken.amount, taken.fee, taken.net) == (Money(50_000), Money(100), Money(49_900))
    assert (back.order_no, back.net) == (TAKEN.order, Money(-50_000))
    assert (day.paid, day.collected) == (Money(123_450), Money(50_000))


@pytest.mark.parametrize(
    ("sums", "what"),
    [
        ("0|0|0|0|0", "payments"),
        ("1|50001|100|1|50000", "paid_fen"),
        ("1|50000|99|1|50000", "fee_fen"),
        ("1|50000|100|0|50000", "returns"),
        ("1|50000|100|1|1", "returned_fen"),
    ],
)
def test_sums_of_collections_that_do_not_tie_are_refused(sums, what):
    with pytest.raises(reading.TotalsDiffer) as caught:
        read(content([PAID, TAKEN], [BACK], files.HEADING, PAYOUT_SUMS, COLLECTIONS, sums))

    assert f"collections: {what}" in str(caught.value)


def test_collections_that_no_summary_tells_of_are_refused():
    with pytest.raises(reading.TotalsDiffer):
        read(content([PAID, TAKEN], [], files.HEADING, PAYOUT_SUMS))


@pytest.mark.parametrize(
    "rows",
    [
        (files.HEADING, PAYOUT_SUMS, "something else", "1|50000|100|0|0"),
        (files.HEADING, PAYOUT_SUMS, COLLECTIONS),
        (files.HEADING, PAYOUT_SUMS, COLLECTIONS, "1|50000|100|0"),
        (COLLECTIONS, "1|50000|100|0|0", files.HEADING, PAYOUT_SUMS),
    ],
)
def test_a_summary_that_goes_on_in_another_way_is_refused(rows):
    with pytest.raises(reading.BadLine):
        read(content([PAID, TAKEN], [], *rows))
