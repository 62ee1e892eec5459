"""Chance and more than chance, by numbers worked out and by counting."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disbursement.schedule import calendar
from underwriting.watched import AgeBand, Mark, Measure, Verdict, age_band, places
from underwriting.watching import agencies, bars, collusion, fairness, judging, matured, vintages
from underwriting.watching.agencies import Granted
from underwriting.watching.bars import Chance
from underwriting.watching.collusion import Ring, Signs
from underwriting.watching.judging import Judge
from underwriting.watching.matured import Matured
from underwriting.watching.vintages import Booked, Marked

BARS = bars.in_force(date(2026, 11, 20))


@given(st.integers(1, 40), st.integers(0, 40), st.integers(1, 99))
def test_the_tail_of_a_count_is_the_sum_of_its_chances(total, count, percent):
    share = Fraction(percent, 100)
    exact = sum(
        comb(total, each) * share**each * (1 - share) ** (total - each)
        for each in range(min(count, total + 1), total + 1)
    )

    assert judging.at_least(count, total, float(share)) == pytest.approx(float(exact), abs=1e-12)


@pytest.mark.parametrize(
    ("probability", "is_material", "verdict"),
    [
        (0.00001, True, Verdict.ALARM),
        (0.00001, False, Verdict.NOTICE),
        (0.005, True, Verdict.NOTICE),
        (0.005, False, Verdict.QUIET),
        (0.2, True, Verdict.QUIET),
    ],
)
def test_an_alarm_is_both_improbable_and_large(probability, is_material, verdict):
    judge = Judge(Chance(alarm=0.001, notice=0.01), 10)

    assert judge.verdict(probability, is_material=is_material) is verdict


def test_more_subjects_do_not_ring_more_often():
    few, many = (Judge(Chance(alarm=0.001, notice=0.01), n) for n in (1, 50))

    assert many.alarm * 50 == pytest.approx(few.alarm)
    # One in a thousand both ways is 3.29 standard errors.
    assert few.z == pytest.approx(3.2905, abs=1e-4)


@pytest.mark.parametrize(("years", "band"), [(18, "to_24"), (34, "25_34"), (55, "from_55")])
def test_an_age_has_its_band(years, band):
    assert age_band(years) is AgeBand(band)


def test_what_is_not_finite_is_no_figure():
    assert places(float("nan")) is places(float("inf")) is None


LOANS = st.lists(
    st.tuples(
        st.dates(date(2025, 1, 1), date(2026, 10, 31)),
        st.one_of(st.none(), st.integers(1, 14)),
    ),
    max_size=40,
)


@given(LOANS, st.dates(date(2026, 1, 1), date(2026, 12, 31)))
def test_a_curve_counts_a_loan_only_at_ages_it_has_reached(loans, day):
    loans = [(on, month) for on, month in loans if on <= day]
    ages = (1, 3, 6, 12)

    found = vintages.points(
        [Booked(on=on, loans=1) for on, _ in loans],
        [
            Marked(on=on, mark=Mark.LATE_90, month=month, loans=1)
            for on, month in loans
            if month is not None and calendar.month_day(on, month - 1, on.day) < day
        ],
        day=day,
        months=ages,
    )

    told = {(p.month, p.months_on_book): p for p in found if p.mark is Mark.LATE_90}
    for month in {f"{on:%Y-%m}" for on, _ in loans}:
        for age in ages:
            old = [
                went
                for on, went in loans
                if f"{on:%Y-%m}" == month and calendar.month_day(on, age, on.day) <= day
            ]
            point = told.get((month, age))
            assert (point.loans if point else 0) == len(old)
            if point:
                assert point.bads == sum(went is not None and went <= age for went in old)


def test_a_month_worse_than_those_before_it_rings_and_the_first_cannot():
    # 10 of 200, then 30 of 200 at the same age: z = 3.33 of no difference. Two months and three
    # marks are judged, so 3.93 would ring (1 in 2,000, a sixth for each, both ways); 40 are 4.53.
    def booked(second: int):
        return vintages.points(
            [Booked(on=date(2026, 1, 1), loans=200), Booked(on=date(2026, 2, 1), loans=200)],
            [
                Marked(on=date(2026, 1, 1), mark=Mark.LATE_90, month=3, loans=10),
                Marked(on=date(2026, 2, 1), mark=Mark.LATE_90, month=3, loans=second),
            ],
            day=date(2026, 11, 20),
            months=(3,),
        )

    by_count = {
        count: {
            (each.subject, each.part): each.verdict
            for each in vintages.readings(booked(count), BARS)
        }
        for count in (30, 40)
    }

    assert by_count[30]["2026-02", "late_90/03"] is Verdict.NOTICE
    assert by_count[40]["2026-02", "late_90/03"] is Verdict.ALARM
    assert by_count[40]["2026-01", "late_90/03"] is Verdict.QUIET


def test_observed_over_expected_says_how_far_beyond_chance_it_is():
    judge = Judge(BARS.chance, 1)
    group = Matured(name="g", loans=400, expected=40.0, spread=36.0, bads=64)

    read = matured.in_the_large(Measure.CALIBRATION, group, judge, part="", bars=(100, 0.15))

    # 64 / 40, four standard errors of 6; one in 2,000 both ways is 3.48: 1 + 3.48 x 6 / 40.
    assert (float(read.value), read.verdict) == (1.6, Verdict.ALARM)
    assert float(read.bar) == pytest.approx(1.522, abs=1e-3)
    assert read.low < read.value < read.high


def test_an_agency_is_compared_with_itself():
    def granted(decided: int, approved: int) -> Granted:
        return Granted(
            name="north",
            decided=decided,
            approved=approved,
            limit_sum=approved * 10_000.0,
            limit_squares=approved * 101e6,
        )

    [fell, limit] = agencies.readings([granted(200, 80)], {"north": granted(400, 280)}, BARS)
    [new, _] = agencies.readings([granted(200, 80)], {}, BARS)

    assert (float(fell.value), fell.verdict) == (0.4, Verdict.ALARM)
    assert (limit.measure, limit.verdict) == (Measure.LIMIT, Verdict.QUIET)
    # A spread of 1,000 over 80 cases: 112.51 each way times 1.96.
    assert float(limit.high - limit.value) == pytest.approx(220.5, abs=0.1)
    assert new.verdict is Verdict.QUIET


def test_the_largest_rings_are_told_first_and_couples_are_not():
    def ring(first: str, people: int) -> Ring:
        return Ring(first=first, applications=people, people=people, agencies=(), kinds=("card",))

    found = collusion.rings([ring("a", 2), ring("b", 3), ring("c", 9)], BARS)

    assert [(each.subject, each.verdict) for each in found] == [
        ("c", Verdict.ALARM),
        ("b", Verdict.NOTICE),
    ]


def test_few_people_are_no_collusion_however_large_the_share():
    signs = Signs(agency="north", cases=20, shown=10, people=2)

    [read] = collusion.readings(Measure.SHARED_DEVICES, [signs], BARS)

    assert read.verdict is Verdict.NOTICE


def test_groups_that_are_alike_keep_four_fifths():
    def group(name: str, approved: int) -> Granted:
        return Granted(name=name, decided=300, approved=approved, limit_sum=0.0, limit_squares=0.0)

    found = fairness.approvals({"sex": [group("female", 200), group("male", 180)]}, BARS)

    assert [(each.subject, str(each.value), each.verdict) for each in found] == [
        ("female", "1.000000", Verdict.QUIET),
        ("male", "0.900000", Verdict.QUIET),
    ]


def test_good_debtors_of_one_group_held_for_bad_more_often_ring():
    # Of 400 good men 240 were held for worse than the mean, of 400 good women 100: .60 over .25.
    def group(name: str, held: int) -> Matured:
        return Matured(
            name=name,
            loans=500,
            expected=100.0,
            spread=80.0,
            bads=100,
            good_held_bad=held,
            bad_held_good=40,
        )

    found = {
        (each.subject, each.part): each
        for each in fairness.errors({"sex": [group("female", 100), group("male", 240)]}, BARS)
    }

    assert str(found["male", "sex/good_held_bad"].value) == "0.600000"
    assert str(found["male", "sex/good_held_bad"].bar) == "0.312500"
    assert found["male", "sex/good_held_bad"].verdict is Verdict.ALARM
    assert found["female", "sex/good_held_bad"].verdict is Verdict.NOTICE
    assert found["male", "sex/bad_held_good"].verdict is Verdict.QUIET
    assert found["male", "sex"].verdict is Verdict.QUIET
