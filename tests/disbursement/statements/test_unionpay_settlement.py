"""The settlement file is read whole and right, or refused with a reason."""

from __future__ import annotations

import zlib
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disbursement.statements import archive, reading, unionpay_settlement
from disbursement.statements.lines import LineKind
from kernel.clock import shanghai
from kernel.money import Money
from tests.disbursement.statements import files
from tests.disbursement.statements.files import DAY, MERCHANT, Payment, Return

A = Payment(order="ORDER0000000000A", fen=123450, trace=1)
B = Payment(order="ORDER0000000000B", fen=200000, trace=2, card="622588*********0023")


def read(content: bytes, day: date = DAY, merchant: str = MERCHANT):
    return unionpay_settlement.read(content, merchant=merchant, day=day)


def refused(content: bytes, kind: type[Exception] = reading.StatementRefused) -> Exception:
    with pytest.raises(kind) as caught:
        read(content)
    return caught.value


def test_a_day_is_read_with_its_payments_and_returns():
    back = Return(of=A, at=shanghai(DAY, 15))

    day = read(files.settlement([A, B], [back]))

    first, second, third = day.lines
    assert first.kind is LineKind.PAID
    assert first.order_no == "ORDER0000000000A"
    assert first.txn_time == files.NOON
    assert first.amount == Money.yuan("1234.50")
    assert first.fee == Money.yuan("1.00")
    assert first.net == Money.yuan("-1235.50")
    assert first.reference == A.query_id
    assert first.card_masked == "622155******0015"
    assert second.card_masked == "622588*********0023"
    assert third.kind is LineKind.RETURNED
    assert third.order_no == "ORDER0000000000A"
    assert third.reference == A.query_id
    assert third.booked_at == shanghai(DAY, 15)
    assert third.net == Money.yuan("1234.50")
    assert (day.paid, day.fees, day.returned) == (Money(323450), Money(200), Money(123450))


def test_a_plain_zip_without_the_outer_stream_reads_the_same():
    parts = files.members([A, B])

    assert read(files.packed(parts)) == read(zlib.compress(files.packed(parts)))


def test_the_summary_may_come_first():
    parts = files.members([A])
    turned = dict(reversed(parts.items()))

    assert read(files.packed(turned)) == read(files.packed(parts))


def test_an_empty_day_is_a_valid_file():
    day = read(files.settlement())

    assert day.lines == ()
    assert day.paid == Money(0)


def test_a_time_before_new_year_belongs_to_the_old_year():
    payment = Payment(at=shanghai(date(2026, 12, 31), 23, 10))
    day = date(2027, 1, 1)

    (line,) = read(files.settlement([payment], day=day), day=day).lines

    assert line.txn_time == shanghai(date(2026, 12, 31), 23, 10)


def test_a_full_card_number_is_masked_on_reading():
    (line,) = read(files.settlement([Payment(card="6221558812340015")])).lines

    assert line.card_masked == "622155******0015"


def test_a_repeated_line_is_reported_and_kept():
    day = read(files.settlement([A, B, A]))

    (twice,) = day.duplicates
    assert (twice.reference, twice.first, twice.again) == (A.query_id, 1, 3)
    assert len(day.lines) == 3


def test_an_unknown_transaction_code_is_kept_as_other():
    (line,) = read(files.settlement([Payment(code="S99")])).lines

    assert line.kind is LineKind.OTHER
    assert line.code == "S99"


def test_a_fee_taken_out_of_the_amount_shows_in_the_net():
    (line,) = read(files.settlement([Payment(fen=10000, fee=100, net=9900)])).lines

    assert line.net == Money.yuan("-99.00")


@pytest.mark.parametrize(
    ("what", "summary"),
    [
        ("payments", "2|123450|100|0|0"),
        ("paid_fen", "1|123451|100|0|0"),
        ("fee_fen", "1|123450|99|0|0"),
        ("returns", "1|123450|100|1|0"),
        ("returned_fen", "1|123450|100|0|1"),
    ],
)
def test_totals_that_do_not_tie_are_refused(what, summary):
    parts = files.members([A])
    parts[f"RD26112088_{MERCHANT}"] = f"{files.HEADING}\r\n{summary}\r\n".encode("gbk")

    fault = refused(files.packed(parts), reading.TotalsDiffer)

    assert what in str(fault)


@pytest.mark.parametrize(
    "summary",
    ["1|123450|100|0\r\n", "1|123450|100|0|0|0\r\n", "1|-5|100|0|0\r\n", "x\r\n", "", "\r\n"],
)
def test_a_summary_of_another_form_is_refused(summary):
    parts = files.members([A])
    parts[f"RD26112088_{MERCHANT}"] = f"{files.HEADING}\r\n{summary}".encode("gbk")

    refused(files.packed(parts))


def test_a_summary_in_utf8_is_refused():
    parts = files.members([A])
    name = f"RD26112088_{MERCHANT}"
    parts[name] = parts[name].decode("gbk").encode("utf-8")

    refused(files.packed(parts))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda zm: b"\xef\xbb\xbf" + zm,
        lambda zm: zm.replace(b"\r\n", b"\n"),
        lambda zm: zm[:-2],
        lambda zm: zm[:-1],
        lambda zm: zm[:300],
        lambda zm: zm + b"\x1a",
        lambda zm: zm.decode().encode("utf-16"),
        lambda zm: zm.replace(b"S22", b"S2\xe9"),
        lambda zm: zm.replace(b"S22", b"S2\0"),
        lambda zm: zm.replace(b" 000000123450 ", b" -00000123450 "),
        lambda zm: zm.replace(b" 000000123450 ", b" 00000123450  "),
        lambda zm: zm.replace(b" 000000123450 ", b" 000001234.50 "),
        lambda zm: zm.replace(b" D000000000100 ", b" X000000000100 "),
        lambda zm: zm.replace(b" 1120120000 ", b" 1320120000 "),
        lambda zm: zm.replace(b" 1120120000 ", b" 1120250000 "),
        lambda zm: zm.replace(b"622155******0015", b"6221550015      "),
        lambda zm: b"\r\n" + zm,
        lambda zm: b"x" * 5_000_000,
    ],
)
def test_a_damaged_payment_member_is_refused(spoil):
    parts = files.members([A])
    name = f"INN26112088ZM_{MERCHANT}"
    assert spoil(parts[name]) != parts[name]
    parts[name] = spoil(parts[name])

    refused(files.packed(parts))


def test_a_file_of_another_day_is_refused():
    content = files.settlement([A], day=DAY - timedelta(days=1))

    refused(content, reading.OfAnotherDay)


def test_a_file_of_another_merchant_is_refused():
    content = files.settlement([A], merchant="898000000000001")

    refused(content, reading.OfAnotherAccount)


def test_a_line_of_another_merchant_is_refused():
    content = files.settlement([A, Payment(merchant="898000000000001")])

    refused(content, reading.OfAnotherAccount)


@pytest.mark.parametrize("missing", ["ZM_", "ZME_", "RD"])
def test_a_missing_part_is_refused(missing):
    parts = {k: v for k, v in files.members([A]).items() if missing not in k}

    refused(files.packed(parts), unionpay_settlement.MembersDiffer)


def test_an_extra_part_is_refused():
    parts = files.members([A]) | {"notes.txt": b"hello"}

    refused(files.packed(parts), unionpay_settlement.MembersDiffer)


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a\\b", "C:evil", ".."])
def test_a_part_named_by_a_path_is_refused(name):
    parts = files.members([A]) | {name: b"x"}

    refused(files.packed(parts), archive.ArchiveRefused)


def test_too_many_parts_are_refused():
    parts = files.members([A]) | {f"part{n}": b"" for n in range(10)}

    refused(files.packed(parts), reading.TooLarge)


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04", b"hello", b"\x78\x9c", b"\0" * 99])
def test_bytes_that_are_no_archive_are_refused(content):
    refused(content)


def test_a_bomb_in_the_outer_stream_stops_at_its_limit():
    bomb = zlib.compress(b"\0" * (archive.CONTENT_BYTES_MAX + 1))

    refused(bomb, reading.TooLarge)


def test_a_bomb_of_a_member_stops_at_its_first_line():
    parts = files.members([A])
    parts[f"INN26112088ZM_{MERCHANT}"] = b" " * 200_000_000

    fault = refused(files.packed(parts), reading.BadLine)

    assert "line 1" in str(fault)


def test_a_huge_summary_is_refused():
    parts = files.members([A])
    parts[f"RD26112088_{MERCHANT}"] = b"0" * 100_000

    refused(files.packed(parts), reading.TooLarge)


def test_something_after_the_stream_is_refused():
    refused(files.settlement([A]) + b"more", archive.ArchiveRefused)


def test_a_refusal_does_not_repeat_what_stood_in_the_file():
    fault = refused(files.settlement([Payment(card="622155881234001X")]))

    assert "622155" not in str(fault)


SMALL = files.settlement([A, B], [Return(of=A)])


@pytest.mark.parametrize("content", [SMALL, zlib.decompress(SMALL)], ids=["stream", "zip"])
def test_no_single_byte_can_go_missing_unnoticed(content):
    whole = read(content)

    for at in range(len(content)):
        try:
            found = read(content[:at] + content[at + 1 :])
        except reading.StatementRefused:
            continue
        assert found == whole, at


@pytest.mark.parametrize("content", [SMALL, zlib.decompress(SMALL)], ids=["stream", "zip"])
def test_no_end_can_go_missing_unnoticed(content):
    whole = read(content)

    for length in range(len(content)):
        try:
            found = read(content[:length])
        except reading.StatementRefused:
            continue
        assert found == whole, length


@st.composite
def payments(draw):
    count = draw(st.integers(0, 4))
    return [
        Payment(
            order=draw(st.text("ABCDEF0123456789", min_size=8, max_size=32)),
            fen=draw(st.integers(1, 20_000_000)),
            fee=draw(st.integers(0, 10_000)),
            at=shanghai(DAY) + timedelta(seconds=draw(st.integers(-86_400, 82_799))),
            trace=number,
        )
        for number in range(1, count + 1)
    ]


@given(payments(), st.data())
@settings(max_examples=150, deadline=None)
def test_a_byte_missing_inside_a_part_is_refused_or_changes_nothing(paid, data):
    parts = files.members(paid, [Return(of=payment) for payment in paid[:1]])
    whole = read(files.packed(parts))
    name = data.draw(st.sampled_from([k for k, v in parts.items() if v]))
    content = parts[name]
    at = data.draw(st.integers(0, len(content) - 1))
    cut = data.draw(st.booleans())
    parts[name] = content[:at] if cut else content[:at] + content[at + 1 :]

    try:
        found = read(files.packed(parts))
    except reading.StatementRefused:
        return

    assert found == whole


@given(payments())
@settings(max_examples=100, deadline=None)
def test_what_was_written_is_read(paid):
    day = read(files.settlement(paid))

    assert [(x.order_no, x.amount.fen, x.fee.fen, x.txn_time, x.reference) for x in day.lines] == [
        (p.order, p.fen, p.fee, p.at, p.query_id) for p in paid
    ]


@given(st.binary(max_size=2000))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_refused_by_name(content):
    for wrapped in (content, zlib.compress(content), b"PK\x03\x04" + content):
        refused(wrapped)
