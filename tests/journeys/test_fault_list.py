"""The list of faults names tests that exist, and every test of a named fault stands in it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.conftest import ROOT

LIST = ROOT / "docs" / "faults.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
WHOLE = ("test_named_faults.py", "test_named_faults_of_money.py", "test_one_debtor.py")


def test_every_test_that_the_list_of_faults_names_exists():
    named = NAMED.findall(LIST.read_text(encoding="utf-8"))

    missing = [f"{file}::{name}" for file, name in named if name not in names_in(ROOT / file)]

    assert len(named) > 50
    assert missing == []


def test_every_named_fault_and_way_stands_in_the_list():
    listed = {name for _, name in NAMED.findall(LIST.read_text(encoding="utf-8"))}

    unlisted = [
        name
        for file in WHOLE
        for name in names_in(Path(__file__).parent / file)
        if name not in listed
    ]

    assert unlisted == []


def names_in(file: Path) -> set[str]:
    if not file.exists():
        return set()
    return {
        node.name
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
