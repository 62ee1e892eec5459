"""Evaluations that are asked for: one here, or several one after the other in processes of their own.

A process of its own gives its memory back, has its own peak, and takes nothing with it when it is
killed.
"""

from __future__ import annotations

import multiprocessing
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, NamedTuple

from underwriting.models import evaluation, spec_sets
from underwriting.models.evaluation import Tell
from underwriting.models.reading_beside import Aux
from underwriting.models.spec_search import SpecFaulty
from underwriting.models.spec_sets import SetSpec
from underwriting.models.training import NotTrainable
from underwriting.models.training_file import TrainingFileFaulty

SILENT_SECONDS_MAX: Final = 7_200
"""A trial of the search on the largest files takes a few minutes."""
ENDING_SECONDS_MAX: Final = 60
OUT_OF_MEMORY: Final = "there was not enough memory"


class EvaluationDied(RuntimeError):
    """The process of an evaluation ended before it had found anything."""


class NotEvaluated(ValueError):
    """An evaluation in another process could not use a file, a spec or what they make together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One evaluation."""

    spec: str
    """Its name, or a file."""
    train: Path
    test: Path | None
    """None: a part of the training file that taught nothing."""
    aux: Aux
    number: int = 1
    splits: int = 1
    protected: bool = False


class _Stage(NamedTuple):
    name: str
    done: int
    all: int


class _Found(NamedTuple):
    plain: dict[str, Any] | None


class _Fault(NamedTuple):
    text: str
    is_memory: bool


def set_spec(name: str) -> SetSpec:
    """Find the spec of a data set.

    Raises:
        SpecFaulty: there is none, or it is one of dossiers.
    """
    found = spec_sets.find(name)
    if not isinstance(found, SetSpec):
        raise SpecFaulty(
            f"the spec {found.name} makes models of dossiers: train one and evaluate it by its name"
        )
    return found


def here(task: Task, tell: Tell) -> dict[str, Any] | None:
    """Evaluate; None where the loans have fewer splits than that.

    Raises:
        SpecFaulty, TrainingFileFaulty, NotTrainable: something cannot be used.
    """
    ours = set_spec(task.spec)
    if task.test is not None:
        found = evaluation.of_files(
            ours, task.train, task.test, aux=task.aux, protected=task.protected, tell=tell
        )
        return found.to_plain()
    split = evaluation.inside(
        ours, task.train, aux=task.aux, number=task.number, splits=task.splits,
        protected=task.protected, tell=tell,
    )  # fmt: skip
    return None if split is None else split.to_plain()


def apart(task: Task, tell: Tell) -> dict[str, Any] | None:
    """Evaluate in a process of its own; it never outlives this call.

    Raises:
        NotEvaluated: something cannot be used.
        EvaluationDied: the process ended, was killed, had no memory left or fell silent.
    """
    context = multiprocessing.get_context("spawn")  # a fork would inherit threads that stand still
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(task, theirs), daemon=True)
    try:
        process.start()
        theirs.close()  # or its end would never be noticed
        while ours.poll(SILENT_SECONDS_MAX):
            match ours.recv():
                case _Stage(name, done, all_):
                    tell(name, done, all_)
                case _Found(plain):
                    process.join(ENDING_SECONDS_MAX)
                    return plain
                case _Fault(text, is_memory):
                    raise EvaluationDied(text) if is_memory else NotEvaluated(text)
        raise EvaluationDied(f"nothing was heard of it for {SILENT_SECONDS_MAX} seconds")
    except EOFError:
        process.join(ENDING_SECONDS_MAX)
        raise EvaluationDied(_ending(process.exitcode)) from None
    finally:
        if process.is_alive():
            process.kill()
            process.join(ENDING_SECONDS_MAX)
        ours.close()


def _work(task: Task, connection: Connection) -> None:
    def tell(stage: str, done: int, all_: int) -> None:
        connection.send(_Stage(stage, done, all_))

    try:
        connection.send(_Found(here(task, tell)))
    except (SpecFaulty, TrainingFileFaulty, NotTrainable) as fault:
        connection.send(_Fault(str(fault), is_memory=False))
    except MemoryError:
        connection.send(_Fault(OUT_OF_MEMORY, is_memory=True))


def _ending(code: int | None) -> str:
    if code == -signal.SIGKILL:
        return "its process was killed, most often because the machine had no memory left"
    if code is not None and code < 0:
        return f"its process was ended by the signal {signal.Signals(-code).name}"
    return f"its process ended with the code {code}"
