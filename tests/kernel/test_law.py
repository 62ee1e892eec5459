"""What the law sets is dated and sourced; the row in force on the day counts."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from kernel import law


@pytest.mark.parametrize("table", sorted(path.stem for path in law.TABLES.glob("*.toml")))
def test_every_row_names_a_source_and_a_day(table):
    row = law.rule(table, on=date(2027, 12, 31))

    assert row.source
    assert isinstance(row.in_force, date)


def test_the_row_of_the_day_counts_and_not_the_newest():
    changed = date(2027, 12, 31)

    before = law.rule("price_caps", on=changed - timedelta(days=1))
    after = law.rule("price_caps", on=changed)

    assert before.values["micro_lender"] == "24.00"
    assert after.values["micro_lender"] == "12.00"


def test_a_day_before_the_first_row_has_no_rule():
    with pytest.raises(law.NoRuleInForce):
        law.rule("disclosure", on=date(1999, 1, 1))
