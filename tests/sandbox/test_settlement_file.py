"""The settlement file: when it is ready, what lies on which day, and every byte of its shape."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from tests.sandbox.outsider import (
    MERCHANT,
    ZM_WIDTHS,
    ZME_WIDTHS,
    common,
    file_form,
    shanghai,
)

CARD = "6225880000000001"
FRIDAY, SATURDAY, SUNDAY = date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22)
FILE = "/channel/file/download"


def test_the_widths_are_those_of_a_real_file():
    # 566 + 41 blanks = 607 bytes, the length of the real lines without CRLF; 318 + 21 = 339.
    assert (len(ZM_WIDTHS), sum(ZM_WIDTHS) + 41) == (42, 607)
    assert (len(ZME_WIDTHS), sum(ZME_WIDTHS) + 21) == (22, 339)


def test_a_paid_line_says_what_was_paid_to_whom(channel):
    query_id = channel.pay("ORDER0001", CARD, 300_000)["queryId"]
    channel.at = shanghai(2026, 11, 21, 9)

    file = channel.file(FRIDAY)

    assert len(file.zm_bytes) == 609
    assert file.zm_bytes.endswith(b"\r\n")
    row = file.zm[0]
    assert (row[1], row[5], row[15]) == ("S22", "1120120000", "1120120000")
    assert (row[6], row[7]) == ("622588******0001", "000000300000")
    assert (row[10], row[4]) == (query_id, query_id[14:20])
    assert (row[12], row[41]) == ("ORDER0001", "ORDER0001")
    # The merchant pays the amount and the fee of one yuan.
    assert (row[16], row[17]) == ("D000000000100", "D000000300100")
    assert (row[22], row[28]) == ("000401", MERCHANT)
    assert CARD.encode() not in file.zm_bytes


def test_the_members_are_named_by_day_and_merchant_and_the_summary_adds_up(channel):
    channel.pay("ORDER0001", CARD, 300_000)
    channel.pay("ORDER0002", CARD, 200_000)
    channel.at = shanghai(2026, 11, 21, 9)

    file = channel.file(FRIDAY)

    assert file.names == [
        f"INN26112088ZM_{MERCHANT}",
        f"INN26112088ZME_{MERCHANT}",
        f"RD26112088_{MERCHANT}",
    ]
    assert file.summary == ["笔数|金额(分)|手续费(分)|退回笔数|退回金额(分)", "2|500000|200|0|0"]


def test_an_empty_day_has_empty_lists_and_a_summary_of_zeros(channel):
    channel.at = shanghai(2026, 11, 21, 9)

    file = channel.file(FRIDAY)

    assert (file.zm, file.zme, file.summary[1]) == ([], [], "0|0|0|0|0")


def test_a_return_is_a_line_of_the_day_it_was_booked(channel):
    channel.script(CARD, "return_later")
    query_id = channel.pay("ORDER0001", CARD, 300_000)["queryId"]
    channel.at = shanghai(2026, 11, 22, 9)

    paid, returned = channel.file(FRIDAY), channel.file(SATURDAY)

    assert (len(paid.zm), len(paid.zme)) == (1, 0)
    assert (len(returned.zm), len(returned.zme)) == (0, 1)
    row = returned.zme[0]
    assert (row[1], row[5], row[6]) == ("E84", "1121150000", "622588******0001")
    assert (row[7], row[11], row[12]) == ("000000300000", query_id[14:20], "1120120000")
    assert (row[17], row[22]) == (MERCHANT, f"{'ORDER0001':32}{query_id}")
    assert returned.summary[1] == "0|0|0|1|300000"


@pytest.mark.parametrize(
    ("sent_at", "day"),
    [
        ("22:58:59", FRIDAY),
        ("22:59:00", FRIDAY),  # decided at 23:00:00, which still belongs to the day
        ("22:59:01", SATURDAY),
        ("23:30:00", SATURDAY),
    ],
)
def test_the_settlement_day_ends_at_23_00(channel, sent_at, day):
    channel.at = datetime.fromisoformat(f"2026-11-20T{sent_at}+08:00")
    channel.pay("ORDER0001", CARD, 300_000)
    channel.at = shanghai(2026, 11, 22, 9)

    counts = {one: len(channel.file(one).zm) for one in (FRIDAY, SATURDAY)}

    assert counts == {one: int(one == day) for one in (FRIDAY, SATURDAY)}
    assert channel.query("ORDER0001")["settleDate"] == f"{day:%m%d}"


def test_the_file_is_ready_at_nine_the_next_day(channel):
    channel.at = shanghai(2026, 11, 21, 8, 59)
    early = channel.ask(FILE, file_form(FRIDAY, channel.at))
    tomorrow = channel.ask(FILE, file_form(SUNDAY, channel.at))
    channel.wait(minutes=1)
    ready = channel.ask(FILE, file_form(FRIDAY, channel.at))

    assert (early["respCode"], tomorrow["respCode"], ready["respCode"]) == ("98", "98", "00")
    assert ready["fileName"] == f"{MERCHANT}_20261120.zip"


def test_a_day_without_its_year_is_the_nearest_one(channel):
    channel.at = shanghai(2026, 12, 31, 12)
    channel.pay("ORDER0001", CARD, 300_000)

    new_year = channel.ask(FILE, file_form(date(2027, 1, 1), channel.at))
    channel.at = shanghai(2027, 1, 2)

    assert new_year["respCode"] == "98"
    assert len(channel.file(date(2026, 12, 31)).zm) == 1


@pytest.mark.parametrize("day", ["1332", "0000", "112", "112O", "0229", ""])
def test_a_day_that_is_none_is_malformed(channel, day):
    form = {**file_form(FRIDAY, channel.at), "settleDate": day}

    assert channel.ask(FILE, form)["respCode"] == "30"


def test_another_merchant_sees_nothing_of_ours(channel):
    channel.pay("ORDER0001", CARD, 300_000)
    channel.at = shanghai(2026, 11, 21, 9)

    other = {**file_form(FRIDAY, channel.at), "merId": "9" * 15}
    reply = channel.ask(FILE, other)

    assert reply["fileName"] == f"{'9' * 15}_20261120.zip"
    assert len(channel.file(FRIDAY).zm) == 1


def test_the_same_day_gives_the_same_bytes(channel):
    channel.pay("ORDER0001", CARD, 300_000)
    channel.at = shanghai(2026, 11, 21, 9)
    first = channel.ask(FILE, file_form(FRIDAY, channel.at))

    channel.wait(days=20)

    assert channel.ask(FILE, file_form(FRIDAY, channel.at))["fileContent"] == first["fileContent"]


def test_a_day_whose_file_is_out_takes_no_more_payments(channel):
    channel.at = shanghai(2026, 11, 21, 9)
    channel.file(FRIDAY)

    channel.at = shanghai(2026, 11, 20, 12)
    channel.pay("ORDER0001", CARD, 300_000)
    channel.at = shanghai(2026, 11, 22, 9)

    assert channel.file(FRIDAY).zm == []
    assert len(channel.file(SATURDAY).zm) == 1


def test_a_file_asked_for_without_a_signature_is_code_11(channel):
    response = channel.send(FILE, {**common(channel.at), "txnType": "76"})

    assert "respCode=11" in response.text
