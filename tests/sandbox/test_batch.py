"""The bank that takes files, asked as docs/sandbox.md has it; it keeps its own books."""

from __future__ import annotations

import base64
import hashlib
import json
import tomllib
import zlib
from datetime import datetime, timedelta
from decimal import Decimal

import gmalg
import pytest

from sandbox.app import create_app
from tests.sandbox.outsider import KEY, KEYS, NOON

CUSTOMER = "800100002001"
CARDS = ("6225751000000017", "6225751000000025", "6225751000000033")
ACCOUNT = "622000000002"


def pairs(fields: dict[str, str]) -> bytes:
    kept = sorted((k, v) for k, v in fields.items() if v and k != "signature")
    return "&".join(f"{k}={v}" for k, v in kept).encode()


def keys() -> tuple[bytes, bytes]:
    found = tomllib.loads((KEYS / "batch_customer.toml").read_text())
    return bytes.fromhex(found["ours"][0]["key"]), bytes.fromhex(found["channel"][0]["key"])


def signed(fields: dict[str, str]) -> dict[str, str]:
    r, s = gmalg.SM2(keys()[0], b"1234567812345678").sign(pairs(fields))
    whole = r.rjust(32, b"\0") + s.rjust(32, b"\0")
    return {**fields, "signature": base64.b64encode(whole).decode()}


def ask(client, path: str, at: datetime = NOON, **more: str) -> dict[str, str]:
    """Ask and see that the answer bears the bank's signature."""
    common = {"version": "1", "signMethod": "02", "keyName": "customer-1", "customer": CUSTOMER}
    reply = client.post(
        f"/batch/{path}",
        json=signed({**common, **more}),
        headers={"X-Sandbox-Now": at.isoformat()},
    )
    assert reply.status_code == 200, reply.text
    found = reply.get_json()
    raw = base64.b64decode(found["signature"])
    engine = gmalg.SM2(None, b"1234567812345678", keys()[1])
    assert engine.verify(pairs(found), raw[:32], raw[32:])
    return found


def control(client, path: str, body: dict | None = None, at: datetime = NOON) -> dict:
    headers = {**KEY, "X-Sandbox-Now": at.isoformat()}
    url = f"/_control/{path}"
    reply = (
        client.get(url, headers=headers)
        if body is None
        else client.post(url, json=body, headers=headers)
    )
    assert reply.status_code == 200, reply.text
    return reply.get_json()


@pytest.fixture
def bank():
    """Give a bank with 10,000.00 on the account and three cards to pay."""
    client = create_app().test_client()
    card = {
        "issuer_code": "CMB", "account_type": "credit", "state": "open", "balance": "5000.00",
        "minimum_due": "1.00", "past_due": "0.00", "days_past_due": 0, "credit_limit": "9000.00",
        "daily_rate": "0.0005", "as_of": "2026-11-20", "instalment_offer": None,
    }  # fmt: skip
    person = {
        "national_id": "11010119900101001X",
        "name": "测试甲",
        "mobile": "13900000001",
        "cards": [{**card, "card_number": number} for number in CARDS],
    }
    control(client, "people", {"people": [person]})
    control(client, "batch/fund", {"amount": "10000.00"})
    return client


def text(number: str, *amounts: str, name: str = "测试甲") -> str:
    rows = [
        f"{n}|order{number}{n:04d}|{CARDS[n - 1]}|{name}|{amount}"
        for n, amount in enumerate(amounts, start=1)
    ]
    total = sum(Decimal(amount) for amount in amounts)
    lines = [f"B1|{number}|{len(rows)}", *rows, f"T|{len(rows)}|{total:.2f}"]
    return "\n".join(lines) + "\n"


def packed(content: str) -> dict[str, str]:
    raw = content.encode()
    return {
        "file": base64.b64encode(zlib.compress(raw)).decode(),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }


def upload(client, content: str, number: str = "batch001", at: datetime = NOON) -> str:
    return ask(
        client, "upload", at, batchNo=number, sentAt=f"{NOON:%Y%m%d%H%M%S}", **packed(content)
    )["code"]


def file_of(reply: dict[str, str]) -> list[str]:
    raw = zlib.decompress(base64.b64decode(reply["file"]))
    assert hashlib.sha256(raw).hexdigest() == reply["sha256"]
    return raw.decode().splitlines()


def result(client, at: datetime, number: str = "batch001") -> dict[str, str]:
    return ask(client, "result", at, batchNo=number, sentAt=f"{NOON:%Y%m%d%H%M%S}")


def test_a_batch_is_taken_worked_through_and_told_with_totals(bank):
    code = upload(bank, text("batch001", "1000.00", "2000.00"))
    early = result(bank, NOON + timedelta(seconds=59))

    rows = file_of(result(bank, NOON + timedelta(seconds=60)))

    assert (code, early["code"]) == ("00", "05")
    assert rows[0] == "R1|batch001|2"
    assert [row.split("|")[1:4] for row in rows[1:3]] == [
        ["orderbatch0010001", "1000.00", "00"],
        ["orderbatch0010002", "2000.00", "00"],
    ]
    assert rows[3] == "T|2|2|3000.00|0|0.00"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda t: t.replace("T|2|3000.00", "T|2|3000.01"), "31"),
        (lambda t: t.replace("T|2|", "T|3|"), "31"),
        (lambda t: t.replace("B1|batch001|2", "B1|batch001|3"), "31"),
        (lambda t: t.replace("B1|batch001", "B1|batch002"), "30"),
        (lambda t: t.replace("1000.00", "1000.0"), "30"),
        (lambda t: t.replace("1000.00", "-1000.00"), "30"),
        (lambda t: t.replace("1|order", "9|order"), "30"),
        (lambda t: t.replace("orderbatch0010002", "orderbatch0010001"), "30"),
        (lambda t: t[:-1], "30"),
        (lambda _: "", "30"),
    ],
)
def test_a_file_that_does_not_tie_is_refused_and_leaves_nothing(bank, spoil, code):
    assert upload(bank, spoil(text("batch001", "1000.00", "2000.00"))) == code
    assert control(bank, "batch/books")["batches"] == []


def test_a_file_with_another_hash_is_refused(bank):
    content = packed(text("batch001", "1000.00")) | {"sha256": "0" * 64}
    reply = ask(bank, "upload", batchNo="batch001", sentAt=f"{NOON:%Y%m%d%H%M%S}", **content)

    assert reply["code"] == "31"


def test_a_batch_is_taken_once_by_its_number(bank):
    content = text("batch001", "1000.00")

    codes = [upload(bank, content), upload(bank, content), upload(bank, text("batch001", "1.00"))]

    assert codes == ["00", "12", "13"]
    assert len(control(bank, "batch/books")["orders"]) == 1


def test_an_order_in_two_batches_is_paid_once(bank):
    first = text("batch001", "1000.00")
    upload(bank, first)
    second = first.replace("B1|batch001", "B1|batch002")

    assert upload(bank, second, "batch002") == "00"
    later = NOON + timedelta(minutes=2)
    assert control(bank, "batch/books", at=later)["paid_fen"] == 100_000


def test_a_batch_beyond_the_account_is_rejected_whole_and_stays_so(bank):
    # 9,998.01 and one fee of 1.00 do not leave a second fee.
    code = upload(bank, text("batch001", "9998.00", "0.01"))

    assert code == "64"
    assert result(bank, NOON + timedelta(minutes=2))["code"] == "40"
    assert control(bank, "batch/books")["orders"] == []


def test_a_result_is_given_out_five_times(bank):
    upload(bank, text("batch001", "1000.00"))
    later = NOON + timedelta(minutes=2)

    codes = [result(bank, later)["code"] for _ in range(6)]

    assert codes == ["00"] * 5 + ["52"]


def test_rows_are_refused_or_left_open_by_themselves(bank):
    control(bank, "faults", {"card_number": CARDS[0], "fault": "row_times_out"})
    control(bank, "faults", {"card_number": CARDS[1], "fault": "refuse_63"})
    upload(bank, text("batch001", "1000.00", "2000.00", "3000.00"))
    later = NOON + timedelta(minutes=2)

    rows = file_of(result(bank, later))
    open_row = ask(bank, "query", later, orderNo="orderbatch0010001")

    assert [row.split("|")[3] for row in rows[1:4]] == ["TO", "63", "00"]
    assert rows[4] == "T|3|1|3000.00|1|1000.00"
    assert (open_row["code"], open_row["rowCode"], open_row["amount"]) == ("00", "00", "100000")


def test_what_came_back_is_listed_on_its_day_and_settled_apart(bank):
    control(bank, "faults", {"card_number": CARDS[0], "fault": "return_later"})
    upload(bank, text("batch001", "1000.00", "2000.00"))
    next_day = NOON + timedelta(days=1, hours=6)

    listed = file_of(ask(bank, "returns", next_day, day="20261121"))
    early = ask(bank, "returns", NOON, day="20261122")

    assert listed[0] == "N1|20261121|1"
    assert listed[1].split("|")[1] == "orderbatch0010001"
    assert listed[2] == "T|1|1000.00"
    assert early["code"] == "98"


def test_the_settlement_file_ties_with_the_statement_of_its_account(bank):
    control(bank, "faults", {"card_number": CARDS[0], "fault": "return_later"})
    upload(bank, text("batch001", "1000.00", "2000.00"))
    morning = NOON + timedelta(days=2)

    paid = file_of(ask(bank, "settlement", morning, day="20261120"))
    back = file_of(ask(bank, "settlement", morning, day="20261121"))
    statement = bank.get(
        f"/bank/accounts/{ACCOUNT}/statements/2026-11-20",
        headers={**KEY, "X-Sandbox-Now": morning.isoformat()},
    ).text
    early = ask(bank, "settlement", NOON, day="20261120")

    assert early["code"] == "98"
    assert paid[0] == f"H|{CUSTOMER}|20261120|CNY"
    assert paid[-1] == "T|2|3000.00|2.00|0|0.00"
    assert back[-1] == "T|0|0.00|0.00|1|1000.00"
    assert "D,3000.00,CHANNEL,SETTLE20261120" in statement
    assert "D,2.00,CHANNEL,FEE20261120" in statement
    assert statement.splitlines()[1].startswith(f"{ACCOUNT},2026-11-20,CNY,0.00,6998.00")


def test_the_other_account_does_not_move(bank):
    control(bank, "fund", {"amount": "500.00"})
    upload(bank, text("batch001", "1000.00"))
    later = NOON + timedelta(hours=14)

    balances = [
        bank.get(
            f"/bank/accounts/{number}/balance",
            headers={**KEY, "X-Sandbox-Now": later.isoformat()},
        ).get_json()["balance"]
        for number in ("622000000001", ACCOUNT)
    ]

    assert balances == ["500.00", "8999.00"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"signMethod": "01"}, "30"),
        ({"customer": "12"}, "30"),
        ({"batchNo": "x"}, "30"),
        ({"sentAt": "now"}, "30"),
        ({"sentAt": "20261120113000"}, "10"),
    ],
)
def test_a_message_that_is_not_as_agreed_is_refused_signed(bank, changed, code):
    fields = {"batchNo": "batch001", "sentAt": f"{NOON:%Y%m%d%H%M%S}"}
    fields |= packed(text("batch001", "1000.00"))

    assert ask(bank, "upload", **(fields | changed))["code"] == code


def test_a_message_that_somebody_else_signed_is_refused(bank):
    fields = {"version": "1", "signMethod": "02", "customer": CUSTOMER, "day": "20261120"}

    reply = bank.post("/batch/returns", json={**fields, "signature": "AAAA"})

    assert reply.get_json()["code"] == "11"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"a": 1}', b'{"a": "\\u0000"}'])
def test_what_is_no_message_is_a_bad_request(bank, body):
    reply = bank.post("/batch/upload", data=body, content_type="application/json")

    assert reply.status_code == 400
    assert "error" in json.loads(reply.data)
