"""Through which channel a payout goes: a dated table, the first row that fits."""

from __future__ import annotations

from datetime import date

import pytest

from disbursement import legs, loans, routing
from disbursement.channels import registry
from kernel.db import transaction
from kernel.money import Money
from tests.disbursement import builders as make

TABLE = """
[[rule]]
in_force = 2026-01-01
source = "a test"

[[rule.choice]]
funder = "cxbank"
issuer = "CMB"
channel = "bank_direct"

[[rule.choice]]
product = "balance_transfer"
up_to = "50000.00"
channel = "unionpay"

[[rule.choice]]
channel = "third"

[[rule]]
in_force = 2027-01-01
source = "a later test"

[[rule.choice]]
funder = "nobody"
channel = "unionpay"
"""


@pytest.fixture
def table(tmp_path):
    (tmp_path / "payout_channels.toml").write_text(TABLE)

    def choose(on: date = date(2026, 11, 20), **changed: object) -> str:
        asked = {
            "funder": "hxcf",
            "product": "balance_transfer",
            "issuer": "CMB",
            "amount": Money.yuan("9000.00"),
        } | changed
        return routing.choose(**asked, on=on, folder=tmp_path)

    return choose


@pytest.mark.parametrize(
    ("changed", "channel"),
    [
        ({"funder": "cxbank"}, "bank_direct"),
        ({"funder": "cxbank", "issuer": "ICBC"}, "unionpay"),
        ({"amount": Money.yuan("50000.00")}, "unionpay"),
        ({"amount": Money.yuan("50000.01")}, "third"),
        ({"product": "another"}, "third"),
    ],
)
def test_the_first_row_that_fits_decides(table, changed, channel):
    assert table(**changed) == channel


def test_a_payout_that_fits_no_row_has_no_channel(table):
    with pytest.raises(routing.NoChannel):
        table(on=date(2027, 1, 1))


def test_every_channel_that_the_table_names_exists():
    named = {
        row["channel"]
        for row in routing.law.rule(
            "payout_channels", on=date(2026, 11, 20), folder=routing.POLICIES
        ).values["choice"]
    }

    assert named <= set(registry.names())


def test_a_channel_exists_under_the_name_by_which_it_pays(surroundings):
    channels = registry.connect_all(surroundings)

    assert set(channels) == {legs.UNIONPAY, legs.BANK_DIRECT}
    assert {name: channel.name for name, channel in channels.items()} == {
        name: name for name in channels
    }


def test_a_channel_whose_keys_cannot_be_used_is_left_out_and_the_others_go_on(
    surroundings, tmp_path
):
    from dataclasses import replace

    (tmp_path / "keys.toml").write_text("")
    settings = replace(surroundings.settings, batch_keys=tmp_path / "keys.toml")

    channels = registry.connect_all(replace(surroundings, settings=settings))

    assert set(channels) == {legs.UNIONPAY}


def test_a_loan_is_placed_with_the_channel_of_each_of_its_legs(database):
    with transaction() as session:
        make.lender(session)
        make.lender(session, code="cxbank")
        placed = [
            loans.place(session, make.loan_order(funder_code=code), by=make.DEBTOR, at=make.TEN)
            for code in ("hxcf", "cxbank")
        ]
        channels = [legs.of_loan(session, loan.id)[0].channel for loan in placed]

    assert channels == ["unionpay", "bank_direct"]
