"""What can go wrong in a command of the risk staff, in one line and a documented exit code.

Exit codes: 0 done; 1 a file, a spec or an argument cannot be used; 3 no such model, assessment or
policy. A model that cannot be used: 10 manifest, 11 artifact, 12 features, 13 library, 14 golden
rows, 16 another manifest than was kept; 15 the gate holds it back; 17 the process of an evaluation
was killed or had no memory left. A replay: 0 the same bytes; 20 another library scores otherwise,
everything after the stored probability is the same; 21 the model cannot be used here, the rest is
the same; 22 the decision differs; 23 a stored text was changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

import click

from kernel.refusals import Refused
from underwriting import canonical
from underwriting.batch.parsing import BatchFaulty
from underwriting.canonical import Unreadable
from underwriting.models import scoring
from underwriting.models.evaluation_tasks import EvaluationDied
from underwriting.models.scoring import ModelUnusable
from underwriting.models.spec_search import SpecFaulty
from underwriting.models.training import NotTrainable
from underwriting.models.training_file import TrainingFileFaulty
from underwriting.policy import NoSuchPolicy
from underwriting.policy_reading import PolicyFaulty
from underwriting.promotions import GateNotPassed
from underwriting.replays import Verdict

EXIT_UNUSABLE_INPUT: Final = 1
EXIT_NOTHING_FOUND: Final = 3
EXIT_GATE: Final = 15
EXIT_DIED: Final = 17
EXIT_OF_MODEL: Final = {
    scoring.ManifestUnreadable: 10,
    scoring.ArtifactChanged: 11,
    scoring.FeaturesChanged: 12,
    scoring.LibraryDiffers: 13,
    scoring.GoldenDiffers: 14,
    scoring.ManifestChanged: 16,
}
EXIT_OF_VERDICT: Final = {
    Verdict.SAME: 0,
    Verdict.SAME_FROM_STORED_PD: 20,
    Verdict.SAME_WITHOUT_MODEL: 21,
    Verdict.DIFFERS: 22,
    Verdict.TAMPERED: 23,
}


@contextmanager
def told_as_exit_codes() -> Iterator[None]:
    """Turn what can go wrong into one line and a documented exit code."""
    try:
        yield
    except (
        BatchFaulty,
        SpecFaulty,
        TrainingFileFaulty,
        NotTrainable,
        PolicyFaulty,
        Unreadable,
    ) as fault:
        _end(str(fault), EXIT_UNUSABLE_INPUT)
    except EvaluationDied as death:
        _end(str(death), EXIT_DIED)
    except GateNotPassed as refusal:
        _end(f"{refusal.title}: {refusal}", EXIT_GATE)
    except (Refused, NoSuchPolicy) as refusal:
        _end(str(refusal), EXIT_NOTHING_FOUND)
    except ModelUnusable as fault:
        _end(f"{type(fault).__name__}: {fault}", EXIT_OF_MODEL[type(fault)])


def _end(message: str, code: int) -> NoReturn:
    click.echo(message, err=True)
    raise SystemExit(code)


def content(file: Path) -> bytes:
    """Read a file of bounded size.

    Raises:
        Unreadable: it cannot be read.
    """
    try:
        with file.open("rb") as opened:
            return opened.read(canonical.TEXT_BYTES_MAX + 1)
    except OSError as fault:
        raise Unreadable(f"{file.name} cannot be read: {fault.strerror}") from None
