"""The demo as a person runs it: it tells its figures, leaves nothing running, and says what is wrong."""

from __future__ import annotations

import gzip
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.journeys import telling

pytestmark = pytest.mark.slow

STORY_SECONDS = 90
END_SECONDS = 20
KEYS = {
    *("fen_paid", "fen_returned", "fen_ledger", "fen_channel", "fen_reconciled"),
    *("referred", "applied", "approved", "bad_rate_approved", "bad_rate_declined", "seconds"),
}
DOORS = ("/healthz", "/readyz", "/v1/openapi.json", "/resume", "/finance/", "/risk/")


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """One home for all tellings: each of them after the first is a run in the same home again."""
    with telling.home_of_its_own() as folder:
        yield folder


def test_twelve_debtors_are_told_to_the_end_and_the_money_agrees(home, tmp_path):
    written = tmp_path / "figures.json"

    told = telling.tell(
        home, "--exit", "--limit", "12", "--json", str(written), seconds=STORY_SECONDS
    )

    assert told.returncode == 0, told.stderr
    figures = json.loads(written.read_text(encoding="utf-8"))
    assert_money_agrees(figures)
    assert (figures["referred"], figures["applied"]) == (12, 12)
    assert figures["approved"] > 0
    assert figures["payouts_unknown_at_first"] >= 1
    assert figures["payouts_returned"] >= 1
    assert figures["fen_returned"] > 0
    assert "they agree to the fen" in told.stdout
    assert_a_month_went_by(figures["month"])
    assert telling.left_in(home) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_doors_stay_open_until_a_signal_and_then_nothing_is_left(home, number):
    with telling.left_open(home, "--limit", "2") as demo:
        demo.wait_for("The doors are open", seconds=STORY_SECONDS)
        demo.wait_for("the log is", seconds=5)
        site = next(port for port in demo.ports() if is_ours(port))
        answers = [
            requests.get(f"http://127.0.0.1:{site}{path}", timeout=10).status_code for path in DOORS
        ]
        ports = demo.ports()
        running = telling.names(telling.running_in(home))

        code = demo.end(number, seconds=END_SECONDS)

        left, open_ports = telling.left_in(home), telling.answering(ports)

    assert answers == [200] * len(DOORS)
    assert "postgres" in running
    assert (code, left, open_ports) == (0, [], set())
    assert not (home / "postgres" / "postmaster.pid").exists()


def test_ctrl_c_in_the_middle_of_the_story_leaves_nothing_either(home):
    with telling.left_open(home, "--limit", "12") as demo:
        # By then every process of the crew is at work.
        demo.wait_for("applied", seconds=STORY_SECONDS)

        code = demo.end(signal.SIGINT, seconds=END_SECONDS)

        left = telling.left_in(home)

    assert (code, left) == (0, [])
    assert not any("Traceback" in line for line in demo.rest())


def test_debtors_with_real_figures_are_told_to_the_end(home, tmp_path, shared):
    applicants = shared("data/lendingclub_2018/train.csv.gz")
    written = tmp_path / "figures.json"

    told = telling.tell(
        home,
        *("--exit", "--limit", "30", "--applicants", str(applicants), "--json", str(written)),
        seconds=STORY_SECONDS,
    )

    assert told.returncode == 0, told.stderr
    figures = json.loads(written.read_text(encoding="utf-8"))
    assert_money_agrees(figures)
    assert figures["applied"] == 30
    assert "LendingClub" in figures["source"]


def assert_a_month_went_by(month):
    assert month["fen_collected"] == month["fen_collected_by_channel"] > 0
    assert (month["settled"], month["late"]) == (1, 1)
    assert month["days_closed"] >= 30
    assert month["fen_interest_accrued"] > 0
    assert month["differences"] == []


def a_missing_file(folder: Path) -> Path:
    return folder / "missing.csv"


def a_folder(folder: Path) -> Path:
    return folder


def a_file_of_other_columns(folder: Path) -> Path:
    return written(folder, b"name,amount\nx,1\n")


def an_empty_file(folder: Path) -> Path:
    return written(folder, b"")


def a_truncated_gzip(folder: Path) -> Path:
    whole = gzip.compress(b"id,purpose\n" + b"1,credit_card\n" * 10_000)
    return written(folder, whole[: len(whole) // 2], name="cut.csv.gz")


@pytest.mark.parametrize(
    "faulty",
    [a_missing_file, a_folder, a_file_of_other_columns, an_empty_file, a_truncated_gzip],
)
def test_applicants_that_cannot_be_read_are_told_in_one_line(home, tmp_path, faulty):
    file = faulty(tmp_path)

    told = telling.tell(home, "--exit", "--applicants", str(file), seconds=30)

    assert told.returncode == 2
    assert len(told.stderr.splitlines()) == 1, told.stderr
    assert told.stderr.startswith("ApplicantsFaulty: ")
    assert told.stdout == ""
    assert telling.left_in(home) == []


def test_figures_that_could_not_be_written_are_told_before_the_story(home, tmp_path):
    nowhere = tmp_path / "no folder" / "figures.json"

    told = telling.tell(home, "--exit", "--json", str(nowhere), seconds=30)

    assert told.returncode == 2
    assert "there is no folder no folder" in told.stderr
    assert telling.left_in(home) == []


def written(folder: Path, content: bytes, *, name: str = "applicants.csv") -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


def is_ours(port: int) -> bool:
    """Tell whether the site answers at a port, not the sandbox."""
    return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=10).status_code == 200


def assert_money_agrees(figures) -> None:
    """See that four stores that do not read each other hold the same money."""
    assert set(figures) >= KEYS
    left = figures["fen_paid"] - figures["fen_returned"]
    assert left == figures["fen_ledger"] == figures["fen_channel"] == figures["fen_reconciled"]
    assert figures["fen_paid"] > 0
