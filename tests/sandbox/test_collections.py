"""Collections: taken from a debit card once, told, settled, given back, and kept apart from payouts."""

from __future__ import annotations

from datetime import date

import pytest

from tests.sandbox.outsider import (
    ACCOUNT,
    Outsider,
    card,
    file_form,
    person,
    query_form,
    shanghai,
)

DEBIT, CREDIT = "6217000000000001", "6225880000000001"
WAY = {"txnType": "11", "bizType": "000501"}
DAY = date(2026, 11, 20)


@pytest.fixture
def bank(channel: Outsider) -> Outsider:
    """Give a world with one debit card that holds 1,000.00 yuan."""
    channel.reset_orders(CREDIT)
    channel.load(
        person(2, card(DEBIT, account_type="debit", balance="1000.00")),
    )
    return channel


def collect(bank: Outsider, order: str, fen: int, **changes: str) -> dict[str, str]:
    return bank.pay(order, changes.pop("card", DEBIT), fen, **{**WAY, **changes})


def query(bank: Outsider, order: str, biz: str = "000501") -> dict[str, str]:
    form = {**query_form(order, bank.times[order]), "bizType": biz}
    return bank.ask("/channel/gateway/queryTrans", form)


def statement(bank: Outsider, day: date = DAY) -> list[list[str]]:
    text = bank.get(f"/bank/accounts/{ACCOUNT}/statements/{day}").text
    return [line.split(",") for line in text.splitlines()[3:]]


def test_a_collection_is_accepted_and_found_paid_a_minute_later(bank):
    reply = collect(bank, "DEBIT0001", 30_000)
    assert reply["respCode"] == "00"
    assert query(bank, "DEBIT0001")["origRespCode"] == "05"

    bank.wait(minutes=1)

    found = query(bank, "DEBIT0001")
    assert (found["origRespCode"], found["settleDate"], found["txnAmt"]) == ("00", "1120", "30000")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"card": "6217000000009999"}, "61"),
        ({"card": CREDIT}, "93"),
        ({"name": "李小红"}, "66"),
    ],
)
def test_a_collection_that_cannot_be_is_refused_for_good(bank, changes, code):
    assert collect(bank, "DEBIT0001", 100, **changes)["respCode"] == code
    assert query(bank, "DEBIT0001")["origRespCode"] == code


def test_a_card_gives_no_more_than_lies_on_it_and_a_salary_fills_it(bank):
    assert collect(bank, "DEBIT0001", 60_000)["respCode"] == "00"
    assert collect(bank, "DEBIT0002", 60_000)["respCode"] == "64"

    bank.post("/_control/salaries", {"card_number": DEBIT, "amount": "200.00"})

    assert collect(bank, "DEBIT0003", 60_000)["respCode"] == "00"


def test_the_same_collection_again_is_known_and_takes_nothing_more(bank):
    collect(bank, "DEBIT0001", 30_000)

    assert collect(bank, "DEBIT0001", 30_000)["respCode"] == "12"
    assert collect(bank, "DEBIT0001", 30_001)["respCode"] == "13"
    assert bank.pay("DEBIT0001", DEBIT, 30_000)["respCode"] == "13"

    bank.wait(minutes=1)
    assert bank.books()["collections"]["paid_fen"] == 30_000


def test_a_query_for_payouts_does_not_find_a_collection(bank):
    collect(bank, "DEBIT0001", 30_000)

    assert query(bank, "DEBIT0001", biz="000401")["respCode"] == "34"


def test_the_books_keep_the_two_ways_apart(bank):
    bank.pay("ORDER0001", CREDIT, 50_000)
    collect(bank, "DEBIT0001", 30_000)
    bank.wait(minutes=1)

    books = bank.books()

    assert (books["paid_fen"], books["payments"]) == (50_000, 1)
    assert (books["collections"]["paid_fen"], books["collections"]["payments"]) == (30_000, 1)
    assert [one["orderId"] for one in books["orders"]] == ["ORDER0001"]


def test_the_day_file_lists_both_with_sums_of_their_own(bank):
    bank.pay("ORDER0001", CREDIT, 50_000)
    collect(bank, "DEBIT0001", 30_000)
    bank.at = shanghai(2026, 11, 21, 9)

    file = bank.file(DAY)

    of_code = {row[1]: row for row in file.zm}
    assert set(of_code) == {"S22", "S65"}
    row = of_code["S65"]
    # 300.00 less a fee of 1.00 reaches the merchant.
    assert (row[12], int(row[7]), row[16], row[17]) == (
        *("DEBIT0001", 30_000, "D000000000100", "C000000029900"),
    )
    assert row[22] == "000501"
    assert file.summary[1] == "1|50000|100|0|0"
    assert file.summary[3] == "1|30000|100|0|0"


def test_a_collection_given_back_stands_in_the_later_file_and_on_the_statement(bank):
    bank.script(DEBIT, "return_later", return_after_days=2)
    collect(bank, "DEBIT0001", 30_000)
    bank.at = shanghai(2026, 11, 22, 16)
    found = query(bank, "DEBIT0001")
    assert (found["origRespCode"], found["returnDate"]) == ("RT", "20261122")
    bank.at = shanghai(2026, 11, 23, 9)

    back = bank.file(date(2026, 11, 22))

    assert [row[1] for row in back.zme] == ["E74"]
    assert back.zme[0][22].split()[0] == "DEBIT0001"
    assert back.summary[3] == "0|0|0|1|30000"
    (charged,) = statement(bank, date(2026, 11, 22))
    assert (charged[3], charged[4], charged[6]) == ("D", "300.00", "CHARGEBACK20261122")


def test_the_bank_credits_collections_and_debits_their_fees(bank):
    collect(bank, "DEBIT0001", 30_000)
    collect(bank, "DEBIT0002", 20_000)
    bank.at = shanghai(2026, 11, 21, 9)

    told = [(row[3], row[4], row[6]) for row in statement(bank)]

    assert told[1:] == [("C", "500.00", "COLLECT20261120"), ("D", "2.00", "COLLFEE20261120")]


def test_what_was_collected_can_be_paid_out_after_it_settled(bank):
    assert bank.post("/_control/reset", {}).status_code == 200
    bank.load(person(1, card(CREDIT)), person(2, card(DEBIT, account_type="debit")))
    bank.fund("10.00")
    collect(bank, "DEBIT0001", 500_000)
    assert bank.pay("ORDER0001", CREDIT, 400_000)["respCode"] == "64"

    bank.at = shanghai(2026, 11, 21, 9)

    assert bank.pay("ORDER0002", CREDIT, 400_000)["respCode"] == "00"


def test_a_transfer_is_a_credit_line_with_what_the_payer_wrote(bank):
    body = {"amount": "123.45", "reference": "HK7Q2 thanks"}
    assert bank.post("/_control/transfers", body).status_code == 200
    bank.at = shanghai(2026, 11, 21, 9)

    found = [(row[3], row[4], row[6]) for row in statement(bank)]

    assert ("C", "123.45", "HK7Q2 thanks") in found
    assert ("C", "1000000.00", "FUND2026112001") in found


@pytest.mark.parametrize("fault", ["silent_paid", "http_500_paid", "garbage_paid", "busy_paid"])
def test_a_collection_whose_reply_is_spoilt_is_taken_once_all_the_same(bank, fault):
    bank.script(DEBIT, fault)
    bank.pay_raw("DEBIT0001", DEBIT, 30_000, **WAY)
    bank.wait(minutes=1)

    assert query(bank, "DEBIT0001")["origRespCode"] == "00"
    assert bank.books()["collections"]["paid_fen"] == 30_000


def test_a_wrong_pair_of_type_and_business_is_malformed(bank):
    assert collect(bank, "DEBIT0001", 100, txnType="12")["respCode"] == "30"
    assert collect(bank, "DEBIT0002", 100, bizType="000301")["respCode"] == "30"


def test_an_empty_day_has_no_sums_of_collections(bank):
    bank.at = shanghai(2026, 11, 21, 9)

    reply = bank.ask("/channel/file/download", file_form(DAY, bank.at))

    assert reply["respCode"] == "00"
    assert len(bank.file(DAY).summary) == 2
