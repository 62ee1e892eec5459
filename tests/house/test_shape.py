"""The shape of the house: what import contracts cannot say."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("kernel", "disbursement", "underwriting", "origination")
PACKAGES = {*FLOORS, "sandbox", "demo", "migrations", "benchmarks", "tests"}
LINES_MAX = 400
FORBIDDEN_NAMES = {"utils", "helpers", "common", "base", "manager", "managers", "services", "misc"}


def tracked(suffix: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    paths = (ROOT / name for name in listed.split("\0") if name.endswith(suffix))
    return [path for path in paths if path.exists()]


def python_files() -> list[Path]:
    return [path for path in tracked(".py") if "migrations/versions" not in str(path)]


def imported_modules(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_the_house_has_these_rooms_and_no_others():
    rooms = {path.relative_to(ROOT).parts[0] for path in python_files()} - {"wsgi.py"}

    assert rooms == PACKAGES


def test_nobody_imports_the_composition_root_or_the_demo():
    for path in python_files():
        room = path.relative_to(ROOT).parts[0]
        names = imported_modules(path)
        if room not in {"tests", "benchmarks"}:
            assert not any(name.split(".")[0] == "wsgi" for name in names), path
        if room not in {"demo", "wsgi.py", "tests", "benchmarks"}:
            assert not any(name.split(".")[0] == "demo" for name in names), path


def test_files_stay_small_enough_to_read():
    long = {
        str(path.relative_to(ROOT)): count
        for path in python_files()
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > LINES_MAX
    }

    assert long == {}


def test_no_module_is_a_drawer_for_everything():
    drawers = [path for path in python_files() if path.stem in FORBIDDEN_NAMES]

    assert drawers == []


def test_a_status_is_written_by_moves_alone():
    writes = re.compile(r"\.status\s*=[^=]")
    offenders = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in python_files()
        if path.relative_to(ROOT).parts[0] in FLOORS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if writes.search(line) and "response" not in line and "reply" not in line
    ]

    assert offenders == []


def test_verbs_read_no_clock_and_no_environment():
    asks = re.compile(r"datetime\.now\(|date\.today\(|time\.time\(|os\.environ|os\.getenv")
    allowed = {
        "kernel/clock.py", "kernel/doctor.py", "kernel/embedded.py", "kernel/browser.py",
        "kernel/ids.py",
    }  # fmt: skip
    offenders = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in python_files()
        if path.relative_to(ROOT).parts[0] in FLOORS and str(path.relative_to(ROOT)) not in allowed
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if asks.search(line)
    ]

    assert offenders == []


def test_only_the_ledger_writes_transfers():
    makes = re.compile(r"\bTransfer\(|insert\(Transfer\)|Transfer\.__table__\.insert")
    offenders = [
        str(path.relative_to(ROOT))
        for path in python_files()
        if path.relative_to(ROOT).parts[0] in FLOORS
        and makes.search(path.read_text(encoding="utf-8"))
        and str(path.relative_to(ROOT))
        not in {"disbursement/ledger.py", "disbursement/records/ledger.py"}
    ]

    assert offenders == []


@pytest.mark.parametrize(
    "word", [r"/work/", r"/root/", r"/tmp/plan", r"pypi\.org", r"\bCI machine"]
)
def test_the_project_speaks_of_itself_alone(word):
    own = Path(__file__).resolve()
    texts = [
        path
        for suffix in (".py", ".md", ".toml", ".cfg", ".html", ".txt", "Makefile")
        for path in tracked(suffix)
        if path != own
    ]
    found = [
        str(path.relative_to(ROOT))
        for path in texts
        if re.search(word, path.read_text(encoding="utf-8"))
    ]

    assert found == []
