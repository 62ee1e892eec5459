"""The bank statement is read whole and right, or refused with a reason."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disbursement.statements import bank_csv, reading
from disbursement.statements.lines import Direction
from kernel.clock import SHANGHAI
from kernel.money import Money
from tests.disbursement.statements import files
from tests.disbursement.statements.files import ACCOUNT, DAY, Movement

SETTLED = Movement(fen=999_800, reference="SETTLE20261120")
FEES = Movement(fen=200, reference="FEE20261120", note="payout fees")
FUNDED = Movement(fen=5_000_00, reference="FUND2026112001", direction="C", note="deposit")


def read(content: bytes):
    return bank_csv.read(content, account=ACCOUNT, day=DAY)


def refused(content: bytes, kind: type[Exception] = reading.StatementRefused) -> Exception:
    with pytest.raises(kind) as caught:
        read(content)
    return caught.value


def spoiled(old: str, new: str) -> bytes:
    text = files.statement([SETTLED, FEES, FUNDED]).decode()
    assert old in text
    return text.replace(old, new, 1).encode()


def test_a_day_is_read_with_its_movements():
    day = read(files.statement([SETTLED, FEES, FUNDED]))

    first, second, third = day.lines
    assert first.direction is Direction.OUT
    assert first.amount == Money.yuan("9998.00")
    assert first.reference == "SETTLE20261120"
    assert first.posted_at == datetime(2026, 11, 20, 23, 30, tzinfo=SHANGHAI)
    assert first.value_date == DAY
    assert second.note == "payout fees"
    assert third.direction is Direction.IN
    # 5,000,000.00 - 9,998.00 - 2.00 + 5,000.00
    assert day.closing == Money.yuan("4995000.00")


def test_a_day_without_movements_is_a_valid_statement():
    day = read(files.statement())

    assert day.lines == ()
    assert day.opening == day.closing


@pytest.mark.parametrize(
    "again",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode("gb18030"),
        lambda text: text.replace("\n", "\r\n").encode(),
    ],
    ids=["mark", "gb18030", "crlf"],
)
def test_another_encoding_or_line_end_reads_the_same(again):
    content = files.statement([Movement(fen=100, reference="SETTLE20261120", note="代付结算")])

    assert read(again(content.decode())) == read(content)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le"])
def test_other_encodings_are_refused(encoding):
    refused(files.statement([SETTLED]).decode().encode(encoding))


def test_bytes_in_no_encoding_are_refused():
    refused(files.statement([SETTLED]).replace(b"CHANNEL", b"\xff\xfe\xfd"), reading.NotText)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("9998.00", "9998.01", reading.TotalsDiffer),
        ("5000000.00", "5000000.01", reading.TotalsDiffer),
        (",3\n", ",4\n", reading.TotalsDiffer),
        (",D,9998.00", ",C,9998.00", reading.TotalsDiffer),
        ("2026-11-20,CNY", "2026-11-21,CNY", reading.OfAnotherDay),
        (ACCOUNT, "622000000002", reading.OfAnotherAccount),
        ("CNY", "USD", reading.BadLine),
        ("9998.00", "9,998.00", reading.BadLine),
        ("9998.00", "9998", reading.BadLine),
        ("9998.00", "9998.000", reading.BadLine),
        ("9998.00", "-9998.00", reading.BadLine),
        ("9998.00", "0.00", reading.BadLine),
        ("9998.00", "=9998.00", reading.BadLine),
        ("9998.00", "９９９８.00", reading.BadLine),
        (",D,", ",X,", reading.BadLine),
        ("T23:30:00+08:00", "T23:30:00", reading.BadLine),
        ("T23:30:00+08:00", "T25:30:00+08:00", reading.BadLine),
        ("2026-11-20,D", "2026-11-31,D", reading.BadLine),
        ("2026-11-20,D", "20261120,D", reading.BadLine),
        ("\n2,", "\n1,", reading.BadLine),
        ("\n2,", "\n3,", reading.BadLine),
        ("account,", "account,iban,", reading.BadLine),
        ("reference,note", "reference", reading.BadLine),
        ("payout fees", "payout fees,more", reading.BadLine),
        ("payout fees", '"payout\nfees"', reading.BadLine),
        ("payout fees", '"payout" fees', reading.BadLine),
        ("payout fees", "x" * 501, reading.BadLine),
        ("payout fees", "payout\0fees", reading.NotText),
        ("payout fees", "payout\x1bfees", reading.BadLine),
        ("seq,", "seq;", reading.BadLine),
    ],
)
def test_a_fault_is_refused_with_its_reason(old, new, kind):
    refused(spoiled(old, new), kind)


@pytest.mark.parametrize("content", [b"", b"\n", b"hello\n", b"<html></html>\n", b"\xef\xbb\xbf"])
def test_something_else_is_refused(content):
    refused(content)


def test_a_blank_line_at_the_end_is_refused():
    refused(files.statement([SETTLED]) + b"\n")


def test_too_many_lines_are_refused_before_they_are_read():
    refused(spoiled(",3\n", ",1000001\n"), reading.TooLarge)


def money_of(day: bank_csv.BankStatement) -> list[object]:
    """Everything but the free texts, which no total of the file protects."""
    return [(line.direction, line.amount, line.posted_at, line.value_date) for line in day.lines]


WHOLE = files.statement([SETTLED, FEES, FUNDED])


def test_no_single_byte_of_the_money_can_go_missing_unnoticed():
    whole = read(WHOLE)

    for at in range(len(WHOLE)):
        try:
            found = read(WHOLE[:at] + WHOLE[at + 1 :])
        except reading.StatementRefused:
            continue
        assert money_of(found) == money_of(whole), at


def test_a_statement_cut_anywhere_is_refused():
    for length in range(len(WHOLE)):
        refused(WHOLE[:length])


@given(
    st.lists(
        st.builds(
            Movement,
            fen=st.integers(1, 10**12),
            reference=st.text("ABC0123456789", min_size=1, max_size=20),
            direction=st.sampled_from("CD"),
            note=st.text(
                st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=20
            ).map(lambda text: text.replace(",", "").replace('"', "")),
        ),
        max_size=5,
    ),
    st.integers(0, 10**12),
    st.data(),
)
@settings(max_examples=150, deadline=None)
def test_a_byte_missing_is_refused_or_moves_no_money(movements, opening, data):
    content = files.statement(movements, opening=opening)
    whole = read(content)
    at = data.draw(st.integers(0, len(content) - 1))

    assert [line.amount.fen for line in whole.lines] == [m.fen for m in movements]
    try:
        found = read(content[:at] + content[at + 1 :])
    except reading.StatementRefused:
        return
    assert money_of(found) == money_of(whole)


@given(st.binary(max_size=500))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_refused_by_name(content):
    refused(content)


def test_the_day_is_the_one_asked_for():
    with pytest.raises(reading.OfAnotherDay):
        bank_csv.read(files.statement(), account=ACCOUNT, day=date(2026, 11, 19))
