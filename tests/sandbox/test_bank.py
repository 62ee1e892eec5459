"""The bank statement: it ties out with itself, from day to day, and with the channel."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date

import pytest

from tests.sandbox.outsider import ACCOUNT, Outsider, shanghai

CARD = "6225880000000001"
FRIDAY, SATURDAY, SUNDAY = date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22)


@dataclass
class Statement:
    opening: int
    closing: int
    rows: list[dict[str, str]]

    @property
    def moved(self) -> int:
        return sum(fen(r["amount"]) * (1 if r["direction"] == "C" else -1) for r in self.rows)


def fen(text: str) -> int:
    return round(float(text) * 100)


def statement(sandbox: Outsider, day: date) -> Statement:
    response = sandbox.get(f"/bank/accounts/{ACCOUNT}/statements/{day}")
    assert response.status_code == 200, response.text
    assert response.content_type == "text/csv; charset=utf-8"
    assert "\r" not in response.text
    head, values, *body = response.text.splitlines()
    top = dict(zip(head.split(","), values.split(","), strict=True))
    assert (top["account"], top["day"], top["currency"]) == (ACCOUNT, str(day), "CNY")
    rows = list(csv.DictReader(body))
    assert int(top["lines"]) == len(rows)
    assert [row["seq"] for row in rows] == [str(n) for n in range(1, len(rows) + 1)]
    return Statement(fen(top["opening"]), fen(top["closing"]), rows)


def test_a_day_shows_the_deposit_the_settlement_and_the_fees(channel):
    channel.pay("ORDER0001", CARD, 300_000)
    channel.pay("ORDER0002", CARD, 200_000)
    channel.at = shanghai(2026, 11, 21, 8)

    friday = statement(channel, FRIDAY)

    told = [(r["direction"], r["amount"], r["reference"], r["posted_at"]) for r in friday.rows]
    assert told == [
        ("C", "1000000.00", "FUND2026112001", "2026-11-20T12:00:00+08:00"),
        ("D", "5000.00", "SETTLE20261120", "2026-11-20T23:30:00+08:00"),
        ("D", "2.00", "FEE20261120", "2026-11-20T23:31:00+08:00"),
    ]
    assert {row["value_date"] for row in friday.rows} == {"2026-11-20"}
    assert (friday.opening, friday.closing) == (0, 99_499_800)


def test_a_return_is_a_credit_and_its_fee_stays_paid(channel):
    channel.script(CARD, "return_later")
    channel.pay("ORDER0001", CARD, 300_000)
    channel.at = shanghai(2026, 11, 22, 8)

    saturday = statement(channel, SATURDAY)

    told = [(r["direction"], r["amount"], r["reference"]) for r in saturday.rows]
    assert told == [("C", "3000.00", "RETURN20261121")]
    # 1 000 000 yuan less one fee of one yuan.
    assert saturday.closing == 99_999_900


def test_each_day_opens_where_the_day_before_closed_whatever_the_order_of_asking(channel):
    channel.script(CARD, "return_later")
    channel.pay("ORDER0001", CARD, 300_000)
    channel.at = shanghai(2026, 11, 21)
    channel.pay("ORDER0002", CARD, 200_000)
    channel.fund("5.00")
    channel.at = shanghai(2026, 11, 23, 8)

    sunday, friday, saturday = (statement(channel, day) for day in (SUNDAY, FRIDAY, SATURDAY))

    for day in (friday, saturday, sunday):
        assert day.opening + day.moved == day.closing
    assert (saturday.opening, sunday.opening) == (friday.closing, saturday.closing)


def test_a_statement_given_out_does_not_change(channel):
    channel.at = shanghai(2026, 11, 21, 9)
    before = statement(channel, FRIDAY)

    channel.at = shanghai(2026, 11, 20, 13)
    channel.fund("100.00")
    channel.pay("ORDER0001", CARD, 300_000)
    channel.at = shanghai(2026, 11, 22, 9)

    assert statement(channel, FRIDAY) == before
    assert [row["reference"] for row in statement(channel, SATURDAY).rows] == [
        *("FUND2026112101", "SETTLE20261121", "FEE20261121")
    ]


def test_the_balance_moves_when_the_lines_are_posted(channel):
    channel.pay("ORDER0001", CARD, 300_000)

    balances = []
    for minute in (29, 30, 31):
        channel.at = shanghai(2026, 11, 20, 23, minute)
        balances.append(channel.get(f"/bank/accounts/{ACCOUNT}/balance").get_json()["balance"])

    assert balances == ["1000000.00", "997000.00", "996999.00"]


def test_a_statement_is_ready_at_eight_the_next_day(channel):
    channel.at = shanghai(2026, 11, 21, 7, 59)

    response = channel.get(f"/bank/accounts/{ACCOUNT}/statements/{FRIDAY}")

    assert (response.status_code, response.get_json()["error"]) == (404, "not_ready")


@pytest.mark.parametrize("day", ["2026-02-30", "20261120", "yesterday", "9999-12-31", "0001-01-01"])
def test_a_day_that_is_none_is_refused(channel, day):
    response = channel.get(f"/bank/accounts/{ACCOUNT}/statements/{day}")

    assert (response.status_code, response.get_json()["error"]) == (400, "bad_day")


def test_there_is_one_account_and_it_opens_with_the_first_money(sandbox):
    unopened = sandbox.get(f"/bank/accounts/{ACCOUNT}/balance")
    sandbox.fund("1.00")
    other = sandbox.get("/bank/accounts/622000000002/balance")
    opened = sandbox.get(f"/bank/accounts/{ACCOUNT}/balance")

    assert unopened.get_json()["error"] == "no_such_account"
    assert other.get_json()["error"] == "no_such_account"
    assert opened.get_json() == {"balance": "1.00", "as_of": "2026-11-20T12:00:00+08:00"}
