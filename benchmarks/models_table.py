"""Set our models beside other people's on known data, and print the tables.

Every set's training part is split inside as its spec splits it; the part of each set that is kept
elsewhere is never touched. One process, one thread.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import models_contest, models_ours
from benchmarks.models_contest import OURS, Contest, Entry, Fit, Say
from benchmarks.models_rivals import RIVALS, Task
from underwriting.models import spec_sets
from underwriting.models.calibration import Floats
from underwriting.models.gate import Difference
from underwriting.models.reading import Loans
from underwriting.models.split import NotSplit
from underwriting.models.training import NotTrainable
from underwriting.models.training_file import TrainingFileFaulty


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """What leaving the protected columns of one set out costs."""

    name: str
    columns: tuple[str, ...]
    without: Entry
    with_them: Entry
    difference: Difference | None

    def as_plain(self) -> dict[str, Any]:
        return {
            "set": self.name,
            "protected": list(self.columns),
            "without": self.without.as_plain(),
            "with": self.with_them.as_plain(),
            "difference": None if self.difference is None else str(self.difference),
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Hold the contests that were asked for."""
    asked = _parser().parse_args(arguments)
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begun:4.0f} s] {text}", file=sys.stderr, flush=True)

    contests, costs = [], []
    try:
        for name in asked.names or spec_sets.built_in():
            contest, cost = _held(name, asked.data, say)
            contests.append(contest)
            costs.extend(cost)
            print("\n".join(_contest_lines([contest], with_heading=False)), file=sys.stderr)
    except (TrainingFileFaulty, NotSplit, NotTrainable) as fault:
        print(fault, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    print("\n".join(lines(contests, costs)))
    if asked.json is not None:
        plain = {
            "contests": [contest.as_plain() for contest in contests],
            "protected": [cost.as_plain() for cost in costs],
        }
        asked.json.write_text(json.dumps(plain, indent=2, ensure_ascii=False) + "\n")
    return 0


def _held(name: str, data: Path, say: Say) -> tuple[Contest, list[Protected]]:
    """Hold the contest of one set, and ours once more with the protected columns."""
    ours = models_ours.of_set(name, data)
    models = {
        OURS: ours.tuned,
        "WoE scorecard": ours.scorecard,
        **{model: _told(fit) for model, fit in RIVALS.items()},
    }
    contest = models_contest.hold(name, (ours.teaching, ours.judging), models, say)
    if not ours.protected:
        return contest, []
    say(f"{name}: {OURS}, told {', '.join(ours.protected)} too ...")
    all_ = ours.told_all()
    without = contest.entries[0]
    with_them = models_contest.entered(OURS, ours.tuned_and_told_all, all_.teaching, all_.judging)
    return contest, [
        Protected(
            name=name,
            columns=ours.protected,
            without=without,
            with_them=with_them,
            difference=models_contest.difference(without, with_them, ours.judging.bads),
        )
    ]


def _told(fit: Callable[[Task], Floats]) -> Fit:
    def run(teaching: Loans, judging: Loans) -> Floats:
        columns, asked = ({**side.columns, **side.words} for side in (teaching, judging))
        return fit(Task(columns, teaching.bads, asked, teaching.order))

    return run


def lines(contests: Sequence[Contest], costs: Sequence[Protected]) -> Iterator[str]:
    """Lay the tables out as Markdown."""
    yield from _contest_lines(contests, with_heading=True)
    yield ""
    yield "| set | best other | ours less the best other (95 %) | level within one standard error |"
    yield "|---|---|---|---|"
    for contest in contests:
        level = {None: "nobody else ran", True: "yes", False: "NO"}[contest.is_level]
        yield f"| {contest.name} | {contest.best} | {contest.behind or ''} | {level} |"
    if costs:
        yield ""
        yield "| set | left out | AUC without | AUC with | with less without (95 %) |"
        yield "|---|---|---|---|---|"
    for cost in costs:
        without, with_them = (_auc(entry) for entry in (cost.without, cost.with_them))
        names = ", ".join(cost.columns)
        yield f"| {cost.name} | {names} | {without} | {with_them} | {cost.difference} |"


def _contest_lines(contests: Sequence[Contest], *, with_heading: bool) -> Iterator[str]:
    if with_heading:
        yield "| set (rows that teach / judge) | model | AUC ± se | KS | log-loss | ECE | CPU s |"
        yield "|---|---|---|---|---|---|---|"
    for contest in contests:
        about = f"{contest.name} ({contest.taught:,} / {contest.judged:,})"
        for place, entry in enumerate(contest.entries):
            yield f"| {about if place == 0 else ''} | {entry.model} | {_figures(entry)} |"


def _figures(entry: Entry) -> str:
    found = entry.measured
    if found is None:
        return f"{entry.note} | | | | "
    return " | ".join([
        _auc(entry), f"{found.ks:.3f}", f"{found.log_loss:.4f}",
        f"{found.calibration_error:.4f}", f"{entry.cpu_seconds:.1f}",
    ])  # fmt: skip


def _auc(entry: Entry) -> str:
    found = entry.measured
    return "" if found is None else f"{found.auc:.4f} ± {found.auc_error:.4f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench-models", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", type=_name)
    parser.add_argument("--data", type=_folder, required=True, metavar="FOLDER")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there too ...")
    return parser


def _name(text: str) -> str:
    if text not in spec_sets.built_in():
        raise argparse.ArgumentTypeError(f"any of {', '.join(spec_sets.built_in())}")
    return text


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no folder with the training sets")
    return path


if __name__ == "__main__":
    sys.exit(main())
