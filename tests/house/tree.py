"""The files of the house as they lie on disk."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("kernel", "disbursement", "underwriting", "origination")
ROOMS = frozenset({*FLOORS, "sandbox", "demo", "migrations", "benchmarks", "tests"})
MADE = frozenset({"var", "build", "dist", "__pycache__"})
"""Folders that hold what was made, not what was written."""


def files(*endings: str) -> list[Path]:
    """List the written files whose names end so."""
    return [path for path in _walk(ROOT) if path.name.endswith(endings)]


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in MADE or path.name.endswith(".egg-info"):
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path


def python_files() -> list[Path]:
    """List the modules that people write; a migration is a record and stays as it was."""
    return [path for path in files(".py") if "migrations/versions" not in path.as_posix()]


def floor_files() -> list[Path]:
    """List the modules of the four floors."""
    return [path for path in python_files() if room(path) in FLOORS]


def room(path: Path) -> str:
    """Name the top-level package of a file, or the file itself when it stands alone."""
    return path.relative_to(ROOT).parts[0]


def where(path: Path) -> str:
    """Name a file as people do."""
    return path.relative_to(ROOT).as_posix()


@cache
def syntax(path: Path) -> ast.Module:
    """Parse a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def nodes(path: Path, *kinds: Any) -> Iterator[Any]:
    """Give the nodes of these kinds in a module."""
    return (node for node in ast.walk(syntax(path)) if isinstance(node, kinds))


def imported(path: Path) -> set[str]:
    """Give the full names that a module imports, at any depth of it."""
    names = set()
    for node in nodes(path, ast.Import, ast.ImportFrom):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif node.level == 0:
            names.add(node.module or "")
    return names
