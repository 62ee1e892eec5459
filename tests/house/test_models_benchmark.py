"""The tables that set our models beside others: the same loans for all, and nobody missed silently."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from benchmarks import models_contest, models_rivals, models_table
from benchmarks.models_contest import OURS
from benchmarks.models_rivals import RIVALS, NotInstalled, Task
from benchmarks.models_table import Protected
from underwriting.models import metrics
from underwriting.models.reading import Loans


def test_every_model_is_judged_on_the_same_loans():
    sides = loans(600, seed=1), loans(400, seed=2)
    seen = []

    def remembers(teaching, judging):
        seen.append((teaching, judging))
        return judging.columns["risk"]

    models_contest.hold("made_up", sides, {OURS: remembers, "other": remembers}, silent)

    assert all(taught is sides[0] and judged is sides[1] for taught, judged in seen)
    assert len(seen) == 2


def test_level_is_within_one_standard_error_of_the_best():
    sides = loans(600, seed=1), loans(2000, seed=2)
    models = {
        OURS: lambda _, judging: 0.999 * judging.columns["risk"],
        "worse": lambda _, judging: judging.columns["noise"],
        "as good": lambda _, judging: judging.columns["risk"],
    }

    contest = models_contest.hold("made_up", sides, models, silent)
    swapped = {OURS: models["worse"], "good": models["as good"]}
    behind = models_contest.hold("made_up", sides, swapped, silent)

    assert (contest.best, contest.is_level) == ("as good", True)
    assert (behind.best, behind.is_level) == ("good", False)
    assert behind.behind.value < -0.1
    assert any("NO" in line for line in models_table.lines([behind], []))


def test_a_rival_that_is_not_installed_says_so_in_its_row():
    def absent(_teaching, _judging):
        models_rivals.need("a_package_that_nobody_has")

    contest = models_contest.hold(
        "made_up",
        (loans(100, seed=1), loans(100, seed=2)),
        {OURS: lambda _, judging: judging.columns["risk"], "absent": absent},
        silent,
    )

    assert contest.behind is None
    printed = "\n".join(models_table.lines([contest], []))
    assert "| absent | a_package_that_nobody_has is not installed |" in printed
    assert "nobody else ran" in printed


@pytest.mark.parametrize("name", sorted(RIVALS))
def test_a_rival_learns_from_numbers_and_words(name, monkeypatch):
    monkeypatch.setattr(models_rivals, "TRIALS", 2)
    monkeypatch.setattr(models_rivals, "ROUNDS_MAX", 20)
    teaching, judging = loans(800, seed=1), loans(400, seed=2)
    words = {"home": np.array([f"h{n % 3}" for n in range(800)], dtype=object)}
    asked = {"home": np.array([None, "new"] * 200, dtype=object)}
    task = Task({**teaching.columns, **words}, teaching.bads, {**judging.columns, **asked})
    package = name.split(",")[0].lower()

    if importlib.util.find_spec(package) is None:
        with pytest.raises(NotInstalled, match=package):
            RIVALS[name](task)
        return

    pds = RIVALS[name](task)
    assert metrics.auc_of(pds, judging.bads) > 0.6


def test_what_protected_columns_are_worth_is_a_table_of_its_own():
    sides = loans(100, seed=1), loans(800, seed=2)
    fits = [lambda _, j: j.columns["noise"], lambda _, j: j.columns["risk"]]
    without, with_them = (models_contest.entered(OURS, fit, *sides) for fit in fits)
    cost = Protected(
        name="made_up",
        columns=("age", "sex"),
        without=without,
        with_them=with_them,
        difference=models_contest.difference(without, with_them, sides[1].bads),
    )

    last = list(models_table.lines([], [cost]))[-1]

    assert last.startswith("| made_up | age, sex | 0.")
    assert cost.difference.value > 0.1
    assert cost.as_plain()["protected"] == ["age", "sex"]


@pytest.mark.parametrize("arguments", [["--data", "no/such"], ["nobody", "--data", "."], []])
def test_what_cannot_be_asked_is_refused_before_anything_runs(arguments, capsys):
    with pytest.raises(SystemExit):
        models_table.main(arguments)

    assert "usage" in capsys.readouterr().err


def test_a_folder_without_the_sets_is_told(tmp_path, capsys):
    assert models_table.main(["--data", str(tmp_path)]) == 1
    assert "train.csv.gz" in capsys.readouterr().err


def silent(_text):
    return None


def loans(count, *, seed):
    draw = np.random.default_rng(seed)
    risk = draw.uniform(0.05, 0.6, count)
    return Loans(
        columns={"risk": risk, "noise": draw.uniform(0.05, 0.6, count)},
        words={},
        bads=(draw.uniform(size=count) < risk).astype(float),
        order=None,
        months=None,
        judged=np.ones(count, dtype=bool),
        told={},
    )
