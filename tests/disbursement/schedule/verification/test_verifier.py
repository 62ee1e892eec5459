"""Judging cases: strengths, first differences, and cases that are wrong themselves."""

from __future__ import annotations

import copy
import json
import re
from decimal import Decimal

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from disbursement import schedule_cli
from disbursement.schedule.verification import cases, verifier
from disbursement.schedule.verification.cases import Kind, NotACaseFile, Strength
from disbursement.schedule.verification.verifier import Verdict
from tests.conftest import ROOT

FACTS = {
    "currency_digits": 2,
    "principal": "10000.00",
    "annual_rate_pct": "12",
    "instalments": 3,
    "every": 1,
    "unit": "month",
    "start_date": "2026-01-15",
    "day_count": {"year": "360", "month": "30"},
    "interest_method": "declining",
    "interest_period": "per_repayment_period",
    "rounding": {"mode": "half_up", "digits": 2, "instalment_multiple_of": None},
    "grace": {"principal_periods": 0, "interest_periods": 0},
    "options": {},
}
# 10,000 at 1 % a month in three: 3,400.22 each, the last 3,400.23.
ROWS = [
    {"n": 1, "due": "2026-02-15", "interest": "100.00", "total": "3400.22", "balance": "6699.78"},
    {"n": 2, "due": "2026-03-15", "interest": "67.00", "total": "3400.22", "balance": "3366.56"},
    {"n": 3, "due": "2026-04-15", "interest": "33.67", "total": "3400.23", "balance": "0.00"},
]


def fields(*, strength="exact", family="equal_instalment", expect=None, events=(), **facts):
    return {
        "id": "a-loan",
        "family": family,
        "tags": [],
        "input": FACTS | facts,
        "events": list(events),
        "as_of": None,
        "expect": {"rows": ROWS} if expect is None else expect,
        "strength": strength,
    }


def file_of(*listed):
    return json.dumps({"schema": "schedule-cases/1", "cases": list(listed)}).encode()


def judged(*listed):
    return verifier.verify(cases.read(file_of(*listed)))


def changed_row(position, **cells):
    rows = copy.deepcopy(ROWS)
    rows[position] |= cells
    return {"rows": rows}


def test_a_case_that_comes_out_to_the_fen_matches():
    (result,) = judged(fields())

    assert result.verdict is Verdict.MATCHES
    assert result.difference is None


def test_the_first_differing_cell_is_told():
    (result,) = judged(fields(expect=changed_row(1, total="3400.21", balance="3366.57")))

    assert result.verdict is Verdict.DIFFERS
    assert result.difference.cell == "rows[2].total"
    assert (result.difference.expected, result.difference.found) == ("3400.21", "3400.22")


@pytest.mark.parametrize(
    ("strength", "total", "verdict"),
    [
        ("tolerance:0.10", "3400.32", Verdict.MATCHES),
        ("tolerance:0.10", "3400.33", Verdict.DIFFERS),
        ("relative:1e-4", "3400.50", Verdict.MATCHES),
        ("relative:1e-5", "3400.50", Verdict.DIFFERS),
        ("given_rules", "3400.23", Verdict.DIFFERS),
        ("asserted at whole units", "3400", Verdict.MATCHES),
        ("engine_specific", "1.00", Verdict.LISTED),
    ],
)
def test_each_case_is_judged_by_its_own_strength(strength, total, verdict):
    (result,) = judged(fields(strength=strength, expect=changed_row(1, total=total)))

    assert result.verdict is verdict


def test_a_missing_or_surplus_row_is_a_difference():
    (missing,) = judged(fields(instalments=2))
    (surplus,) = judged(fields(instalments=4))

    assert missing.verdict is surplus.verdict is Verdict.DIFFERS


def test_a_cell_the_source_does_not_state_is_not_judged():
    (result,) = judged(fields(expect=changed_row(1, days=None)))

    assert result.verdict is Verdict.MATCHES


def test_a_figure_nobody_computes_is_a_difference_and_not_silence():
    (result,) = judged(fields(expect={"rows": ROWS, "commission": "1.00"}))

    assert result.difference.cell == "commission"
    assert result.difference.found == "not computed"


@pytest.mark.parametrize(
    "facts",
    [
        {"family": "tulip_bulbs"},
        {"rounding": {"mode": "by the moon"}},
        {"day_count": {"year": "1000"}},
        {"instalments": 0},
        {"instalments": 10**9},
        {"principal": "10000.001"},
        {"principal": "1e999999999"},
        {"principal": "NaN"},
        {"annual_rate_pct": "12 %"},
        {"start_date": "2026-02-30"},
        {"start_date": "9999-12-31"},
        {"unit": "fortnight"},
        {"rounding": None, "grace": {"principal_periods": 3}},
        {"events": [{"type": "reversal", "date": "2026-02-15", "nth": 1}]},
        {"events": [{"type": "eclipse", "date": "2026-02-15"}]},
        {"events": [{"type": "chargeback", "date": "2027-02-15", "amount": "1.00"}]},
        {"events": [{"type": "reschedule", "reschedule_from_date": "2030-01-01"}]},
        {"options": {"payment_strategy": "BIGGEST_FIRST"}},
    ],
    ids=str,
)
def test_a_case_that_is_wrong_itself_differs_and_stops_no_other(facts):
    results = judged(fields(**facts), fields())

    assert [result.verdict for result in results] == [Verdict.DIFFERS, Verdict.MATCHES]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"schema": "schedule-cases/2", "cases": []}',
        b'{"schema": "schedule-cases/1", "cases": {}}',
    ],
)
def test_what_is_no_case_file_is_refused_with_a_reason(data):
    with pytest.raises(NotACaseFile, match=r"\w"):
        cases.read(data)


@pytest.mark.parametrize(
    ("malformed", "fault"),
    [
        (1, "no object"),
        ({"id": "x"}, "lacks family, input, expect, strength"),
        (fields() | {"input": []}, "expected an object, found list"),
        (fields() | {"as_of": "yesterday"}, "yesterday"),
        (fields() | {"events": 7}, "not iterable"),
        (fields() | {"events": ["no event"]}, "expected an object, found str"),
        (fields(strength="about right"), "unknown strength 'about right'"),
        (fields(strength="tolerance:NaN"), "unknown strength 'tolerance:NaN'"),
        (fields(strength="tolerance:1.2.3"), "Invalid|Conversion"),
    ],
    ids=str,
)
def test_a_case_that_cannot_be_read_is_told_and_stops_no_other(malformed, fault):
    first, second = judged(malformed, fields())

    assert (first.verdict, second.verdict) == (Verdict.MALFORMED, Verdict.MATCHES)
    assert re.search(fault, first.difference.found)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 400),
    st.text("0123456789.-abc 汉", max_size=8),
    st.sampled_from(["-1", "0", "1.5", "2026-01-15", "half_even", "cumulative", "progressive"]),
    st.lists(st.just("2026-03-01"), max_size=3),
    st.dictionaries(
        st.sampled_from(["year", "month", "mode"]), st.text("036a", max_size=5), max_size=2
    ),
)
NAMES = st.sampled_from([*FACTS, "daily_rate_pct", "due_dates", "first_due_date", "disbursements"])
KINDS = st.sampled_from(
    ["repayment", "payoff", "prepayment", "charge", "reversal", "reschedule", "disbursement"]
)
EVENTS = st.fixed_dictionaries(
    {"type": KINDS},
    optional={
        "date": st.sampled_from(["2026-02-15", "2026-03-01", "x"]),
        "amount": st.sampled_from(["10.00", "20000.00", "-1", ""]),
        "nth": VALUES,
        "due": st.just("2026-03-01"),
        "with_instalment": VALUES,
        "strategy": st.sampled_from(["reduce_term", "reduce_instalment", ""]),
        "reschedule_from_date": st.just("2026-03-15"),
        "extra_terms": VALUES,
    },
)


@given(
    changes=st.dictionaries(NAMES, VALUES, max_size=3),
    options=st.dictionaries(
        st.sampled_from(["engine", "interest_recalculation", "payment_strategy", "advance"]),
        st.sampled_from([True, "progressive", "cumulative", "reduce_instalment_amount", ""]),
        max_size=3,
    ),
    events=st.lists(EVENTS, max_size=3),
)
def test_no_case_however_wrong_makes_the_verifier_fail(changes, options, events):
    listed = fields(events=events, **{"options": options, **changes})

    (result,) = judged(listed)

    assert result.verdict in {Verdict.MATCHES, Verdict.DIFFERS}


def test_strengths_are_read_with_their_limits():
    assert Strength.read("tolerance:0.10").absolute == Decimal("0.10")
    assert Strength.read("relative:1e-25").relative == Decimal("1e-25")
    assert Strength.read("given_rules").kind is Kind.GIVEN_RULES


def run(path, *options):
    return CliRunner().invoke(schedule_cli.schedule, ["verify", str(path), *options])


def test_the_command_tells_each_case_and_counts_them(tmp_path):
    path = tmp_path / "cases.json"
    path.write_bytes(file_of(fields(), fields(expect=changed_row(1, total="1.00"))))

    told = run(path)
    as_json = run(path, "--json")

    assert told.exit_code == as_json.exit_code == schedule_cli.EXIT_DIFFERS
    assert "rows[2].total: expected 1.00, found 3400.22" in " ".join(told.stdout.split())
    assert json.loads(as_json.stdout)["by_family"] == {
        "equal_instalment": {"matches": 1, "differs": 1}
    }


def test_the_command_succeeds_when_only_listed_cases_differ(tmp_path):
    path = tmp_path / "cases.json"
    path.write_bytes(
        file_of(fields(strength="engine_specific", expect=changed_row(1, total="1.00")))
    )

    assert run(path).exit_code == 0


def test_the_command_says_why_a_file_cannot_be_read_and_goes_on(tmp_path):
    wrong, right = tmp_path / "wrong.json", tmp_path / "right.json"
    wrong.write_bytes(b"{}")
    right.write_bytes(file_of(fields()))

    told = run(wrong, str(right), "--json")

    assert told.exit_code == schedule_cli.EXIT_UNREADABLE
    assert "wrong.json: the file does not say that its schema is schedule-cases/1" in told.stderr
    assert json.loads(told.stdout)["by_strength"] == {"exact": {"matches": 1}}


def test_the_command_counts_a_case_that_cannot_be_read(tmp_path):
    path = tmp_path / "cases.json"
    path.write_bytes(file_of({"id": "half a case"}, fields()))

    told = run(path)
    as_json = json.loads(run(path, "--json").stdout)

    assert told.exit_code == schedule_cli.EXIT_UNREADABLE
    assert "half a case" in told.stdout
    assert "lacks family, input, expect, strength" in " ".join(told.stdout.split())
    assert as_json["by_strength"] == {"exact": {"matches": 1}, "unknown": {"malformed": 1}}


def test_the_example_of_the_documentation_is_a_case_that_matches():
    text = (ROOT / "docs" / "schedules.md").read_text(encoding="utf-8")
    example = text.split("```json\n")[1].split("```")[0]

    (result,) = verifier.verify(cases.read(example.encode()))

    assert (result.verdict, result.difference) == (Verdict.MATCHES, None)
