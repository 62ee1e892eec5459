from __future__ import annotations

import multiprocessing
import os
import signal

import pytest

from tests.underwriting.models.sets import SPEC, rows, write
from underwriting.models import evaluation_tasks, memory
from underwriting.models.evaluation_tasks import EvaluationDied, Task


@pytest.fixture
def task(tmp_path):
    (tmp_path / "own.toml").write_text(SPEC, encoding="utf-8")
    frame = rows(600)
    return Task(
        spec=str(tmp_path / "own.toml"),
        train=write(tmp_path / "a", frame.head(420)),
        test=write(tmp_path / "b", frame.tail(180)),
        aux={},
    )


def silent(_stage, _done, _all):
    return


def test_an_evaluation_apart_is_the_same_and_tells_its_stages(task):
    stages = set()
    ballast = b"x" * 300_000_000

    apart = evaluation_tasks.apart(task, lambda stage, _done, _all: stages.add(stage))

    own = {"seconds", "cpu_seconds", "memory_peak_mb"}
    here = evaluation_tasks.here(task, silent)
    assert {key: apart[key] for key in apart if key not in own} == {
        key: here[key] for key in here if key not in own
    }
    assert stages == {"reading", "search"}
    # What this process holds is not counted as the other's.
    assert 0 < apart["memory_peak_mb"] < memory.peak_mb() - len(ballast) // 2_000_000
    assert multiprocessing.active_children() == []


def test_a_killed_evaluation_is_told_as_such(task):
    def kill(_stage, _done, _all):
        for child in multiprocessing.active_children():
            os.kill(child.pid, signal.SIGKILL)

    with pytest.raises(EvaluationDied, match="was killed, most often because"):
        evaluation_tasks.apart(task, kill)

    assert multiprocessing.active_children() == []


def test_an_evaluation_that_is_given_up_does_not_go_on(task):
    def give_up(_stage, _done, _all):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluation_tasks.apart(task, give_up)

    assert multiprocessing.active_children() == []
