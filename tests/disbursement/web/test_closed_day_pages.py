"""The days that were closed, on a page."""

from __future__ import annotations

from datetime import date

import pytest

from disbursement import end_of_day
from kernel.clock import SetClock, shanghai
from kernel.db import transaction
from tests.disbursement import lives
from tests.kernel.console_reader import links, text

YESTERDAY = date(2026, 11, 20)
"""The console's clock stands on the morning after it."""


@pytest.fixture
def loan_id(desk):
    with transaction() as session:
        return lives.active(session, on=date(2026, 9, 12)).id


def close(through: date) -> None:
    end_of_day.close_days(SetClock(shanghai(date(2026, 11, 21), 1, 30)), through=through)


def test_before_the_first_loan_nothing_is_closed(desk):
    page = text(desk.person("maker").opens("/finance/closed-days"))

    assert "还没有关过账的营业日" in page


def test_days_are_listed_with_their_figures(desk, loan_id):
    close(YESTERDAY)

    page = text(desk.person("maker").opens("/finance/closed-days"))

    # Unpaid since 12 October, so on 12 November it is 31 days past due and in M2. The instalment
    # of that day holds 92.12 of interest: 1 % of 10,000.00 less the first 788.49 of principal.
    assert "尚未关账" not in page
    assert "2026年11月20日 2026年11月21日 01:30 0 ¥0.00" in page
    assert "2026年11月12日 2026年11月21日 01:30 1 ¥92.12" in page
    (row,) = [line.split() for line in page.split("2026年11月12日 2026年11月21日 ")[1:]]
    # Time, loans, interest due, accrued, penalty, open; then M1 to M7+ and non-accrual.
    assert row[5:14] == ["1", "0", "1", "0", "0", "0", "0", "0", "0"]


def test_a_day_that_is_missing_is_told(desk, loan_id):
    close(date(2026, 11, 18))

    page = text(desk.person("maker").opens("/finance/closed-days"))

    assert "自 2026年11月19日 起尚未关账" in page


def test_the_list_has_pages_and_comes_as_a_file(desk, loan_id):
    close(YESTERDAY)
    maker = desk.person("maker")

    first = maker.opens("/finance/closed-days")
    (following,) = [
        one for one in links(first, "/finance/closed-days?after=") if "lang=" not in one
    ]
    second = maker.opens(following)
    reply = maker.client.get("/finance/closed-days?format=csv&lang=en")

    # 12 September to 20 November are 70 days, fifty on a page.
    assert (first.count("<tr>"), second.count("<tr>")) == (51, 21)
    assert len(first.encode()) < 50_000
    head, *lines = reply.get_data().decode("utf-8-sig").splitlines()
    assert head.startswith("Day,Closed at,Loans handled,Interest due,Accrued,Penalty,Open loans,M1")
    assert len(lines) == 70
    assert lines[0].startswith("2026-11-20,2026-11-21T01:30:00+08:00,0,0.00,2.")


def test_a_place_that_cannot_be_read_is_refused(desk):
    desk.person("maker").opens("/finance/closed-days?after=soon", 400)


def test_risk_staff_have_no_business_there(desk):
    desk.person("risk").opens("/finance/closed-days", 403)
