"""Logs are JSON events in which no personal data survive."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog
from sqlalchemy.exc import IntegrityError

from kernel import ids, logs
from kernel.personal import Mobile

MOBILE = "13800000001"
NATIONAL_ID = "11010119900307001X"
CARD = "6222020000000000123"


@pytest.fixture
def lines():
    """Configure logging into memory and read the lines back."""
    stream = io.StringIO()
    root = logging.getLogger()
    before = (root.handlers[:], root.level, structlog.get_config())
    logs.configure(stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    structlog.configure(**before[2])


@pytest.mark.parametrize(
    "text",
    [
        MOBILE,
        f"+86{MOBILE}",
        "138 0000 0001",
        "138-0000-0001",
        "１３８０００００００１",
        NATIONAL_ID,
        NATIONAL_ID.lower(),
        "110101199003070010",
        CARD,
        CARD[:16],
        CARD[:13],
        "6222 0200 0000 0000 123",
        "6222-0200-0000-0000-123",
        f"name{MOBILE}姓名",
    ],
)
def test_a_number_of_a_person_is_masked_wherever_it_stands(text):
    masked = logs.masked_text(f"before {text} after, ({text})=>{text}.")

    assert text not in masked
    assert masked.startswith("before ")
    assert masked.count("***") == 3


@pytest.mark.parametrize(
    "text",
    [
        "019a9f3c-1234-7123-8456-123456789012",
        "0b5cd9f81c14454aaf1c7b3c5a0b9a7e",
        "a" * 20 + "1" * 14 + "b" * 30,
        "2026-11-20T10:00:00+08:00",
        "2026-11-20 10:00:00.123456",
        "123456789012345678901",
        "loan of 28600.00 for 24 months",
    ],
)
def test_what_is_nobodys_number_is_left_alone(text):
    assert logs.masked_text(text) == text


def test_a_private_key_is_masked_whatever_it_holds(lines):
    logs.logger("t").info(
        "referral.received", debtor_mobile="0", Authorization="Bearer x", payee="张三", case_no="A1"
    )

    (line,) = lines()
    assert (line["debtor_mobile"], line["Authorization"], line["payee"]) == ("***",) * 3
    assert (line["event"], line["case_no"], line["level"]) == ("referral.received", "A1", "info")
    assert "timestamp" in line


def test_values_inside_values_are_masked(lines):
    logs.logger("t").info(
        "x",
        body={"deep": [{"mobile": "0"}, f"call {MOBILE}"], MOBILE: 1},
        number=int(CARD),
        raw=MOBILE.encode(),
        person=Mobile(MOBILE),
        leg_id=ids.new(),
        count=12,
    )

    (line,) = lines()
    assert MOBILE not in json.dumps(line)
    assert CARD not in json.dumps(line)
    assert line["body"]["deep"][0] == {"mobile": "***"}
    assert line["person"] == "Mobile(138****0001)"
    assert line["count"] == 12
    assert len(line["leg_id"]) == 36


def test_an_exception_is_masked_with_its_traceback(lines):
    try:
        int(f"no account {CARD}")
    except ValueError:
        logs.logger("t").exception("job.failed")

    (line,) = lines()
    assert CARD not in json.dumps(line)
    assert "no account ***0123" in line["exception"]


def test_what_the_database_repeats_of_a_row_is_masked(lines):
    refusal = IntegrityError(
        "INSERT INTO debtor (name) VALUES (%(name)s)",
        {"name": "欧阳某某"},
        Exception("duplicate key\nDETAIL:  Key (name)=(欧阳某某) already exists."),
    )

    logs.logger("t").error("request.failed", exc_info=refusal)

    (line,) = lines()
    assert "欧阳" not in line["exception"]
    assert "INSERT INTO debtor" in line["exception"]


def test_the_log_of_a_library_passes_the_same_mask(lines):
    logging.getLogger("some.library").warning("GET /inbox/%s failed", MOBILE)

    (line,) = lines()
    assert line["event"] == "GET /inbox/***0001 failed"
    assert line["logger"] == "some.library"


def test_what_is_bound_to_the_context_is_on_every_line(lines):
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        logs.logger("t").info("a")
        logging.getLogger("library").warning("b")

    assert [line["request_id"] for line in lines()] == ["r1", "r1"]


def test_a_text_without_end_and_a_value_without_bottom_are_cut(lines):
    endless: list[object] = []
    endless.append(endless)

    logs.logger("t").info("x", text="y" * 100_000, endless=endless)

    (line,) = lines()
    assert len(line["text"]) == 20_000


@pytest.mark.parametrize("offered", ["abcd1234", "0b5cd9f81c14454aaf1c7b3c5a0b9a7e"])
def test_a_harmless_request_id_of_the_caller_is_taken_over(offered):
    assert logs.request_id(offered) == offered


@pytest.mark.parametrize(
    "offered", [None, "", "short", "x" * 65, "with blank", "a\nb-injected", MOBILE, CARD, "字" * 9]
)
def test_any_other_request_id_is_replaced(offered):
    made = logs.request_id(offered)

    assert made != offered
    assert len(made) == 32
