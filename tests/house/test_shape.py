"""The shape of the house: what import contracts cannot say."""

from __future__ import annotations

import ast
import re
from configparser import ConfigParser

import pytest

from tests.house import tree

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
DRAWERS = {"utils", "helpers", "common", "base", "manager", "managers", "services", "misc"}
READS_THE_MACHINE = {
    "kernel/clock.py",
    "kernel/doctor.py",
    "kernel/embedded.py",
    "kernel/jobs.py",
}
"""Real time and environment: the clock itself, and what is about living processes."""


def test_the_house_has_these_rooms_and_no_others():
    found = {tree.room(path) for path in tree.python_files()} - {"wsgi.py"}

    assert found == tree.ROOMS


@pytest.mark.parametrize(
    ("above", "may"),
    [
        ("wsgi", {"tests", "benchmarks"}),
        ("demo", {"wsgi.py", "demo", "tests", "benchmarks"}),
        ("sandbox", {"wsgi.py", "sandbox", "tests", "benchmarks"}),
        ("tests", {"tests", "benchmarks"}),
        ("benchmarks", {"tests", "benchmarks"}),
    ],
)
def test_nobody_else_imports(above, may):
    offenders = [
        tree.where(path)
        for path in tree.python_files()
        if tree.room(path) not in may
        and any(name.split(".")[0] == above for name in tree.imported(path))
    ]

    assert offenders == []


def test_files_stay_small_enough_to_read():
    long = {
        tree.where(path): count
        for path in tree.python_files()
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > FILE_LINES_MAX
    }

    assert long == {}


def test_functions_stay_small_enough_to_read():
    long = {
        f"{tree.where(path)}:{function.name}": lines
        for path in tree.python_files()
        for function in tree.nodes(path, ast.FunctionDef)
        if (lines := _lines_of_code(function)) > FUNCTION_LINES_MAX
    }

    assert long == {}


def _lines_of_code(function: ast.FunctionDef) -> int:
    """Count from the name to the end, without the docstring and what is defined inside."""
    left_out = [node for node in function.body if isinstance(node, ast.FunctionDef)]
    if ast.get_docstring(function) is not None:
        left_out.append(function.body[0])
    return _height(function) - sum(map(_height, left_out))


def _height(node: ast.stmt) -> int:
    return node.end_lineno - node.lineno + 1


def test_no_module_is_a_drawer_for_everything():
    drawers = [tree.where(path) for path in tree.python_files() if path.stem in DRAWERS]

    assert drawers == []


def test_a_status_is_written_by_moves_alone():
    offenders = [
        f"{tree.where(path)}:{node.lineno}"
        for path in tree.floor_files()
        if tree.where(path) != "kernel/moves.py"
        for node in tree.nodes(path, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Call)
        if _writes_a_status(node)
    ]

    assert offenders == []


def _writes_a_status(node: ast.AST) -> bool:
    """Tell ``row.status = ...`` and ``update(...).values(status=...)``.

    An object may set its own in its constructor; a reply of HTTP is no record.
    """
    if isinstance(node, ast.Call):
        return (
            isinstance(node.func, ast.Attribute)
            and node.func.attr == "values"
            and any(keyword.arg == "status" for keyword in node.keywords)
        )
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(
        isinstance(target, ast.Attribute)
        and target.attr == "status"
        and not (isinstance(target.value, ast.Name) and target.value.id in {"self", "response"})
        for target in targets
    )


def test_verbs_read_no_clock_and_no_environment():
    asks = re.compile(
        r"datetime\.now\(|utcnow\(|date\.today\(|time\.time\(|SystemClock\(|os\.environ|os\.getenv"
    )
    asking = {
        tree.where(path)
        for path in tree.floor_files()
        if asks.search(path.read_text(encoding="utf-8"))
    }

    assert asking == READS_THE_MACHINE


def test_only_edges_open_a_transaction():
    # The contract says who may know clock, settings and partners: the same modules.
    settings = ConfigParser()
    settings.read(tree.ROOT / "setup.cfg", encoding="utf-8")
    contract = settings["importlinter:contract:outside-at-the-edge"]
    edges = {*contract["allowed_importers"].split(), "kernel.db", "disbursement.terminal"}
    opening = {
        tree.where(path).removesuffix(".py").replace("/", ".")
        for path in tree.floor_files()
        for call in tree.nodes(path, ast.Call)
        if isinstance(call.func, ast.Name) and call.func.id == "transaction"
    }

    assert {
        module
        for module in opening
        if not any(module == edge or module.startswith(f"{edge}.") for edge in edges)
    } == set()


def test_verbs_never_commit():
    # The dry run of a file of referrals is the one edge that gives its transaction up.
    may = {"kernel/db.py", "origination/referral_cli.py"}
    offenders = [
        f"{tree.where(path)}:{call.lineno}"
        for path in tree.floor_files()
        if tree.where(path) not in may
        for call in tree.nodes(path, ast.Call)
        if isinstance(call.func, ast.Attribute) and call.func.attr in {"commit", "rollback"}
    ]

    assert offenders == []


def test_only_the_ledger_writes_transfers():
    makes = re.compile(r"\bTransfer\(|insert\(Transfer\)|Transfer\.__table__\.insert")
    writers = {
        tree.where(path)
        for path in tree.floor_files()
        if makes.search(path.read_text(encoding="utf-8"))
    }

    assert writers <= {"disbursement/ledger.py", "disbursement/records/ledger.py"}


@pytest.mark.parametrize(
    "word", [r"/work/", r"/root/", r"/tmp/plan", r"pypi\.org", r"\bCI machine"]
)
def test_the_project_speaks_of_itself_alone(word):
    texts = tree.files(".py", ".md", ".toml", ".cfg", ".html", ".txt", ".sh", "Makefile")
    found = [
        tree.where(path)
        for path in texts
        if tree.where(path) != "tests/house/test_shape.py"
        and re.search(word, path.read_text(encoding="utf-8"))
    ]

    assert found == []
