"""Lives of loans as another engine's published tests tell them, beyond those of the case files."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from disbursement.schedule.verification import cases, verifier

FEBRUARY_TO_JULY = [f"2024-{month:02}-01" for month in range(2, 8)]


def rows(*, events=(), family="equal_instalment", options=None, **facts):
    """Compute a case and give its rows."""
    case = {
        "id": "told elsewhere",
        "family": family,
        "input": {
            "every": 1,
            "unit": "month",
            "interest_method": "declining",
            "interest_period": "daily",
            "rounding": {"mode": "half_even", "digits": 2},
            "grace": {},
            "options": options or {},
            **facts,
        },
        "events": list(events),
        "expect": {},
        "strength": "given_rules",
    }
    (read,) = cases.read(json.dumps({"schema": cases.SCHEMA, "cases": [case]}).encode())
    return verifier.figures_of(read)(read)["rows"]


def columns(found, *names):
    return [tuple(row[name] for name in names) for row in found]


def yuan(*lines):
    return [tuple(Decimal(cell) for cell in line.split()) for line in lines]


def paid(on, amount):
    return {"type": "repayment", "date": on, "amount": amount}


def reckoned_again(*payments):
    """5,000 at 12 % by actual days over 365, in six, reckoned again with each payment."""
    return rows(
        events=payments,
        options={
            "engine": "cumulative",
            "interest_recalculation": True,
            "payment_strategy": "PENALTIES_FEES_INTEREST_PRINCIPAL_ORDER",
            "advance": "reduce_instalment_amount",
        },
        principal="5000.00",
        annual_rate_pct="12",
        instalments=6,
        start_date="2022-11-01",
        day_count={"year": "365", "month": "actual"},
        rounding={"mode": "half_even", "digits": 2, "instalment_multiple_of": "1"},
    )


def test_interest_between_two_changes_of_the_balance_is_rounded_on_its_own():
    found = reckoned_again(paid("2022-12-05", "1500.00"))

    # December: 5,000.00 for 4 days 6.58, then 3,549.32 for 27 days 31.51; in one piece it would
    # have been 38.08.
    assert columns(found, "principal", "interest", "balance") == yuan(
        "812.68 49.32 4187.32",
        "823.91 38.09 3363.41",
        "827.72 34.28 2535.69",
        "838.66 23.34 1697.03",
        "844.70 17.30 852.33",
        "852.33 8.41 0.00",
    )
    assert columns(found[:2], "paid", "in_advance", "late") == yuan(
        "862.00 0.00 862.00", "638.00 638.00 0.00"
    )


def test_what_is_overdue_bears_interest_to_the_due_date_on_which_it_is_paid():
    found = reckoned_again(paid("2023-02-01", "862.00"))

    # January: nothing has been paid, so 5,000.00 for 31 days. December had fallen due and stays.
    assert columns(found, "interest") == yuan("49.32", "42.68", "50.96", "23.54", "17.51", "8.62")


def test_an_instalment_agreed_for_the_whole_stays_while_money_is_paid_out_bit_by_bit():
    tranches = [("2022-11-01", "5000.00"), ("2023-01-01", "3000.00"), ("2023-03-01", "2000.00")]
    told = [{"type": "disbursement", "date": day, "amount": amount} for day, amount in tranches]
    dues = ["2022-12-01", "2023-01-01", "2023-02-01", "2023-03-01"]

    found = rows(
        events=[*told[1:], *(paid(day, "1725.00") for day in dues)],
        options={"engine": "cumulative", "interest_recalculation": True},
        principal="10000.00",
        disbursements=[{"date": day, "amount": amount} for day, amount in tranches],
        annual_rate_pct="12",
        instalments=6,
        start_date="2022-11-01",
        interest_period="per_repayment_period",
        day_count={"year": "actual", "month": "actual"},
        rounding={"mode": "half_even", "digits": 2, "instalment_multiple_of": "1"},
    )

    # 10,000.00 at 1 % a month in six: 1,725 a month, from the first tranche on.
    assert columns(found, "principal", "interest", "balance") == yuan(
        "1675.00 50.00 3325.00",
        "1691.75 33.25 4633.25",
        "1678.67 46.33 2954.58",
        "1695.45 29.55 3259.13",
        "1692.41 32.59 1566.72",
        "1566.72 15.67 0.00",
    )


@pytest.mark.parametrize("engine", ["cumulative", "progressive"])
@pytest.mark.parametrize("grace", [{"principal_periods": 2}, {"interest_periods": 1}])
def test_paying_each_instalment_on_its_day_leaves_a_plan_with_grace_as_it_was(engine, grace):
    loan = {
        "principal": "5000.00",
        "annual_rate_pct": "12",
        "instalments": 6,
        "start_date": "2022-11-01",
        "day_count": {"year": "365", "month": "actual"},
        "grace": grace,
    }
    plan = rows(options={"engine": engine}, **loan)

    found = rows(
        events=[paid(row["due"], str(row["total"])) for row in plan if row["total"]],
        options={"engine": engine, "interest_recalculation": True},
        **loan,
    )

    wanted = ("principal", "interest", "balance")
    assert columns(found, *wanted) == columns(plan, *wanted)
    assert {row["outstanding"] for row in found} == {Decimal(0)}


def test_principal_may_be_paid_out_after_the_start_alone():
    found = rows(
        options={"engine": "progressive"},
        principal="175.00",
        disbursements=[
            {"date": "2024-01-05", "amount": "100.00"},
            {"date": "2024-01-08", "amount": "50.00"},
            {"date": "2024-01-08", "amount": "25.00"},
        ],
        annual_rate_pct="9.4822",
        instalments=6,
        start_date="2024-01-01",
        due_dates=FEBRUARY_TO_JULY,
        day_count={"year": "360", "month": "30"},
    )

    assert columns(found, "principal", "interest", "balance") == yuan(
        "28.79 1.15 146.21",
        "28.78 1.16 117.43",
        "29.01 0.93 88.42",
        "29.24 0.70 59.18",
        "29.47 0.47 29.71",
        "29.71 0.23 0.00",
    )


def test_a_tranche_told_twice_is_paid_out_once():
    tranche = {"date": "2024-01-01", "amount": "200.00"}

    found = rows(
        events=[{"type": "disbursement", **tranche}],
        principal="500.00",
        disbursements=[{"date": "2024-01-01", "amount": "300.00"}, tranche],
        annual_rate_pct="7",
        instalments=6,
        start_date="2024-01-01",
        day_count={"year": "360", "month": "30"},
    )

    assert sum(row["principal"] for row in found) == Decimal("500.00")


def without_interest(*events, instalments=1, **facts):
    return rows(
        events=events,
        family="zero_interest",
        instalments=instalments,
        annual_rate_pct="0",
        day_count={"year": "actual", "month": "actual"},
        interest_period="per_repayment_period",
        **facts,
    )


def test_money_paid_out_after_the_last_instalment_is_repaid_with_one_more():
    found = without_interest(
        {"type": "disbursement", "date": "2023-08-10", "amount": "500.00"},
        principal="500.00",
        start_date="2023-07-01",
        every=30,
        unit="day",
    )

    assert [(row["due"], str(row["principal"])) for row in found] == [
        ("2023-07-31", "500.00"),
        ("2023-08-30", "500.00"),
    ]


def test_what_a_bank_charged_back_is_owed_again_with_the_instalment_of_the_day():
    (found,) = without_interest(
        {"type": "charge", "kind": "LOAN_SNOOZE_FEE", "due": "2023-01-10", "amount": "10.00"},
        paid("2023-01-15", "500.00"),
        {"type": "charge", "kind": "LOAN_NSF_FEE", "due": "2023-01-18", "amount": "25.00"},
        {"type": "chargeback", "date": "2023-01-18", "amount": "500.00"},
        paid("2023-01-21", "500.00"),
        options={
            "payment_strategy": "DUE_PENALTY_FEE_INTEREST_PRINCIPAL_"
            "IN_ADVANCE_PRINCIPAL_PENALTY_FEE_INTEREST"
        },
        principal="1000.00",
        start_date="2023-01-01",
    )

    assert columns([found], "principal", "total", "paid", "in_advance", "outstanding") == yuan(
        "1500.00 1535.00 1000.00 1000.00 535.00"
    )


@pytest.mark.parametrize(
    ("change", "interest"),
    [
        ({"new_interest_rate": "6"}, ["30.00", "15.00", "15.00"]),
        ({"grace_on_interest": "1"}, ["30.00", "0.00", "60.00"]),
    ],
    ids=str,
)
def test_a_new_plan_may_change_the_rate_or_let_interest_wait(change, interest):
    found = rows(
        events=[{"type": "reschedule", "reschedule_from_date": "2023-09-01", **change}],
        family="flat",
        interest_method="flat",
        interest_period="per_repayment_period",
        principal="3000.00",
        annual_rate_pct="12",
        instalments=3,
        start_date="2023-07-01",
        day_count={"year": "actual", "month": "actual"},
    )

    assert [str(row["interest"]) for row in found] == interest
    assert {str(row["principal"]) for row in found} == {"1000.00"}


def told_where(*payments):
    """100 at 7 % a year in six, with each payment said to belong to an instalment and a part."""
    return rows(
        events=[
            {"type": f"allocate_{part}", "to_instalment_due": due, "date": on, "amount": amount}
            for part, due, on, amount in payments
        ],
        options={"engine": "progressive"},
        principal="100.00",
        annual_rate_pct="7",
        instalments=6,
        start_date="2024-01-01",
        due_dates=FEBRUARY_TO_JULY,
        day_count={"year": "360", "month": "30"},
    )


EARLY_IN_MARCH = (
    ("principal", "2024-03-01", "2024-02-15", "16.77"),
    ("interest", "2024-03-01", "2024-02-15", "0.24"),
)


def test_interest_for_which_a_paid_instalment_has_no_room_moves_to_the_next():
    found = told_where(*EARLY_IN_MARCH)

    # February: 0.24 to the 15th and 0.20 after it; 17.01 are paid, so 0.20 is left to March.
    assert columns(found, "principal", "interest", "balance") == yuan(
        "16.43 0.58 83.57",
        "16.77 0.24 66.80",
        "16.42 0.59 50.38",
        "16.72 0.29 33.66",
        "16.81 0.20 16.85",
        "16.85 0.10 0.00",
    )


def test_what_rounding_loses_does_not_move_to_the_next_instalment():
    found = told_where(
        *EARLY_IN_MARCH,
        ("principal", "2024-04-01", "2024-03-01", "16.42"),
        ("interest", "2024-04-01", "2024-03-01", "0.49"),
    )

    assert columns(found, "principal", "interest", "balance") == yuan(
        "16.43 0.58 83.57",
        "16.77 0.24 50.38",
        "16.52 0.49 50.28",
        "16.72 0.29 33.56",
        "16.81 0.20 16.75",
        "16.75 0.10 0.00",
    )


def test_principal_paid_ahead_of_several_instalments_leaves_interest_to_the_last():
    ahead = [("principal", due, "2024-01-15", "17.01") for due in FEBRUARY_TO_JULY[1:5]]

    found = told_where(
        ("principal", "2024-02-01", "2024-01-15", "16.75"),
        ("interest", "2024-02-01", "2024-01-15", "0.26"),
        *ahead,
    )

    assert columns(found, "principal", "interest", "balance") == yuan(
        "16.75 0.26 15.21",
        *["17.01 0.00 15.21"] * 4,
        "15.21 0.50 0.00",
    )
