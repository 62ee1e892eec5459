"""The comparison on the page of an offer."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from disbursement import schedule
from disbursement.schedule.contract import Contract, Method
from kernel import rates
from kernel.money import Money
from kernel.rates import Rate
from origination.web import offer_view
from origination.web.offer_view import Way

AMOUNT = Money.yuan("10000.00")


def way(monthly, total, months):
    return Way(monthly=Money.yuan(monthly), total=Money.yuan(total), months=months)


def test_an_issuers_flat_charge_is_shown_at_its_real_rate():
    # 0.6 % a month on the first amount, 7.2 % a year by its name: 60.00 a month besides 833.33,
    # and four fen more in the last one.
    flat = schedule.build(
        Contract(
            principal=AMOUNT,
            annual_rate=Rate.percent("7.20"),
            instalments=12,
            value_date=date(2026, 1, 15),
            first_due=date(2026, 2, 15),
            anchor_day=15,
            method=Method.FLAT,
        )
    )

    found = offer_view.real_rate(AMOUNT, way("893.33", "10720.00", 12))

    assert found == rates.nominal_apr(flat.flows())
    assert Decimal("0.1302") < found < Decimal("0.1304")


def test_a_plan_without_a_charge_costs_nothing():
    assert offer_view.real_rate(AMOUNT, way("2500.00", "10000.00", 4)) == 0


@pytest.mark.parametrize(
    "together",
    [
        # A card in 24 months of 500.00 beside one in 12 of 1,000.00: not level.
        way("1500.00", "24000.00", 24),
        way("1500.00", "0.00", 1),
        way("0.00", "0.00", 12),
    ],
)
def test_plans_that_are_not_level_together_have_no_rate_to_show(together):
    assert offer_view.real_rate(AMOUNT, together) is None
