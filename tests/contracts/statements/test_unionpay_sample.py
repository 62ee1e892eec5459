"""A real day of the channel, from its public demo, reads to the figures its summary told."""

from __future__ import annotations

from datetime import date

import pytest

from disbursement.statements import reading, unionpay_settlement
from disbursement.statements.lines import LineKind
from kernel.money import Money
from tests.disbursement.statements import files

MERCHANT = "802310048993424"
DAY = date(2015, 9, 5)
SAMPLE = "cases/statements/unionpay/INN15090588ZM_802310048993424"


@pytest.fixture
def member(shared) -> bytes:
    return shared(SAMPLE).read_bytes()


def parts(member: bytes, summary: str) -> dict[str, bytes]:
    return {
        f"INN15090588ZM_{MERCHANT}": member,
        f"INN15090588ZME_{MERCHANT}": b"",
        f"RD15090588_{MERCHANT}": f"{files.HEADING}\r\n{summary}\r\n".encode("gbk"),
    }


def test_the_sample_has_the_figures_of_its_summary(member):
    content = files.packed(parts(member, "8|1322700|7936|0|0"))

    day = unionpay_settlement.read(content, merchant=MERCHANT, day=DAY)

    assert len(day.lines) == 8
    assert day.paid == Money.yuan("13227.00")
    assert day.fees == Money.yuan("79.36")
    # Purchases come in net of their fee: 13,227.00 - 79.36.
    assert day.net == Money.yuan("13147.64")
    assert day.duplicates == ()
    assert {line.kind for line in day.lines} == {LineKind.OTHER}, "purchases are no payouts"
    assert day.lines[0].order_no == "10078087"
    assert day.lines[0].reference == "201509061122031906248"
    assert day.lines[0].card_masked == "622609******0048"


@pytest.mark.parametrize("summary", ["7|1322700|7936|0|0", "8|1322701|7936|0|0"])
def test_the_sample_under_another_summary_is_refused(member, summary):
    content = files.packed(parts(member, summary))

    with pytest.raises(reading.TotalsDiffer):
        unionpay_settlement.read(content, merchant=MERCHANT, day=DAY)


def test_no_byte_of_the_sample_can_go_missing_unnoticed(member):
    for at in range(0, len(member), 7):
        spoiled = [member[:at] + member[at + 1 :]]

        with pytest.raises(reading.StatementRefused):
            list(
                unionpay_settlement.payment_lines(
                    b"".join(spoiled).splitlines(keepends=True), merchant=MERCHANT, day=DAY
                )
            )


def test_a_request_file_of_the_same_channel_is_no_settlement_file(shared):
    content = shared(
        "cases/statements/unionpay/DF00000000777290058110097201507140002I.txt"
    ).read_bytes()

    with pytest.raises(reading.StatementRefused):
        unionpay_settlement.read(content, merchant=MERCHANT, day=DAY)
