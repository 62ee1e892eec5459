"""The bank's own settlement file: read line by line, believed only when its totals tie."""

from __future__ import annotations

from datetime import date

import pytest

from disbursement.statements import bank_direct_settlement, reading
from disbursement.statements.lines import LineKind
from kernel.money import Money

DAY, CUSTOMER = date(2026, 11, 20), "800100002001"
HEADING = f"H|{CUSTOMER}|20261120|CNY"
PAID = "P|ORDER00000000001|20261120120000|202611201200000000018|622575******0014|9000.00|1.00|20261120120100"
BACK = "R|ORDER00000000002|20261119120000|202611191200000000028|622575******0022|500.00|0.00|20261120150000"
TOTALS = "T|1|9000.00|1.00|1|500.00"


def content(*rows: str) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()


def read(given: bytes):
    with bank_direct_settlement.lines(given, merchant=CUSTOMER, day=DAY) as lines:
        return list(lines)


def test_a_day_is_read_with_its_payments_and_returns():
    paid, back = read(content(HEADING, PAID, BACK, TOTALS))

    assert (paid.kind, paid.order_no, paid.amount) == (
        *(LineKind.PAID, "ORDER00000000001", Money.yuan("9000.00")),
    )
    # 9,000.00 and a fee of 1.00 leave the account.
    assert paid.net == Money.yuan("-9001.00")
    assert (back.kind, back.net) == (LineKind.RETURNED, Money.yuan("500.00"))


def test_an_empty_day_is_a_file():
    assert read(content(HEADING, "T|0|0.00|0.00|0|0.00")) == []


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ((HEADING, PAID, "T|2|9000.00|1.00|0|0.00"), reading.TotalsDiffer),
        ((HEADING, PAID, "T|1|9000.01|1.00|0|0.00"), reading.TotalsDiffer),
        ((HEADING, PAID, "T|1|9000.00|1.01|0|0.00"), reading.TotalsDiffer),
        ((HEADING, PAID, "T|1|9000.00|1.00|0|0.01"), reading.TotalsDiffer),
        ((HEADING, PAID, "T|1|9000.00|1.00|0"), reading.BadLine),
        ((HEADING, PAID, "T|one|9000.00|1.00|0|0.00"), reading.BadLine),
        ((HEADING, PAID), reading.Truncated),
        ((HEADING,), reading.Truncated),
        (("H|800100009999|20261120|CNY", TOTALS), reading.OfAnotherAccount),
        ((f"H|{CUSTOMER}|20261121|CNY", TOTALS), reading.OfAnotherDay),
        ((f"H|{CUSTOMER}|20261120|USD", TOTALS), reading.BadLine),
        ((HEADING, PAID + "|x", TOTALS), reading.BadLine),
        ((HEADING, PAID.replace("9000.00", "9,000.00"), TOTALS), reading.BadLine),
        ((HEADING, PAID.replace("622575******0014", "6225750000000014"), TOTALS), reading.BadLine),
        ((HEADING, PAID.replace("20261120120000|", "20261320120000|"), TOTALS), reading.BadLine),
        ((HEADING, PAID.replace("ORDER00000000001", ""), TOTALS), reading.BadLine),
    ],
)
def test_a_file_that_cannot_be_relied_on_is_refused(rows, kind):
    with pytest.raises(kind):
        read(content(*rows))


def test_a_file_cut_in_a_line_or_in_another_encoding_is_refused():
    whole = content(HEADING, PAID, BACK, TOTALS)

    with pytest.raises(reading.Truncated):
        read(whole[:-1])
    with pytest.raises(reading.NotText):
        read(whole.replace(b"ORDER", "订单".encode("gbk")))


def test_a_line_of_another_kind_is_kept_for_a_person():
    (other,) = read(content(HEADING, PAID.replace("P|", "X|", 1), "T|1|9000.00|1.00|0|0.00"))

    assert other.kind is LineKind.OTHER
