"""The benchmarks of features run on a tiny size and give their rows."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import features_dossier, features_families, features_panel
from benchmarks.table import at_least, at_most

BENCH = SimpleNamespace(rounds=1, loans=1_000, say=lambda text: None)
"""What these benchmarks look at, of all that a benchmark is given."""


def test_the_features_of_one_dossier_are_timed_by_the_processor():
    served, drawn = features_dossier.measure(BENCH)

    assert "served" in served.case
    assert drawn.case.startswith("200 drawn from 52 events")
    assert served.bar == drawn.bar == at_most(1.0)
    assert all(ratio > 0 for row in (served, drawn) for ratio in row.ratios)


@pytest.mark.slow
def test_families_are_compared_with_polars_that_makes_the_same_figures(shared):
    assert shared("data/taiwan/train.csv.gz").samefile(features_panel.FILE)

    over_polars, over_cells, over_memory = features_families.measure(BENCH)

    assert over_polars.case == "4,500 features x 1,000 clients, over polars by hand"
    assert (over_polars.bar, over_cells.bar) == (at_least(1.0), at_least(1.0))
    assert over_memory.bar == at_most(1.0)
    assert all(row.ratios for row in (over_polars, over_cells, over_memory))


def test_without_the_panel_the_row_says_so(monkeypatch):
    monkeypatch.setattr(features_panel, "FILE", Path("nowhere.csv.gz"))

    [row] = features_families.measure(BENCH)

    assert row.verdict == "not run"
    assert "../shared/data/taiwan" in row.notes
