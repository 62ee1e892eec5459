from __future__ import annotations

import pytest

from tests.underwriting.models.rows import SPEC, small_spec
from underwriting.features import catalogue
from underwriting.models import spec, spec_search
from underwriting.models.spec_search import SpecFaulty


def test_our_own_spec_learns_every_feature_but_the_purpose():
    found = spec.find("card_repayers")

    told_by_the_file = {each.name for each in (*catalogue.BUREAU, *catalogue.ELSEWHERE)}
    assert set(found.features) == told_by_the_file - {"merges_debts"}


def test_what_the_lender_itself_decided_is_never_a_feature():
    columns = set(spec.find("card_repayers").reading.columns.values())

    assert not columns & {
        "grade", "sub_grade", "implied_int_rate", "installment", "funded_amnt_inv", "term",
        "addr_state", "zip_code", "emp_title", "id", "target", "issue_d",
    }  # fmt: skip


def test_a_spec_may_lie_in_any_toml_file(tmp_path):
    (tmp_path / "own.toml").write_text(SPEC, encoding="utf-8")

    assert spec.find(str(tmp_path / "own.toml")).name == "made_up"


@pytest.mark.parametrize("name", ["unknown", "../specs/card_repayers", "nothing.toml", ""])
def test_a_spec_that_is_not_there_is_refused(name):
    with pytest.raises(SpecFaulty):
        spec.find(name)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"inquiries_12m", "card', '"shoe_size", "card'),
        ('"inquiries_12m", "card', '"card_utilisation_pct", "card'),
        ('inquiries_12m = "inq"', ""),
        ('window_share = "0.15"', 'window_share = "0.9"'),
        ('window_share = "0.15"', 'window_share = "some"'),
        ("rows_min = 500", "rows_min = -1"),
        ("rounds_max = 60", "rounds_max = 100000"),
        ("max_depth = 2", "device = 2"),
        ("max_depth = 2", 'max_depth = "2"'),
        ("[calibration]", "[calibrate]"),
        ("[split]", "[split"),
    ],
)
def test_a_faulty_spec_is_refused(old, new):
    assert old in SPEC

    with pytest.raises(SpecFaulty):
        small_spec(SPEC.replace(old, new, 1))


def test_a_search_is_bounded():
    candidate = "[[search.candidate]]\nmax_depth = 2\n"

    with pytest.raises(SpecFaulty):
        small_spec(SPEC + candidate * spec_search.CANDIDATES_MAX)
