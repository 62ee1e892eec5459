"""Every module of the floors, loaded."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from types import ModuleType

from tests.house import tree


@cache
def loaded() -> tuple[ModuleType, ...]:
    """Load every module of the floors and the demo, and give them."""
    return tuple(importlib.import_module(name) for name in _names())


def _names() -> Iterator[str]:
    for room in (*tree.FLOORS, "demo"):
        package = importlib.import_module(room)
        yield room
        for found in pkgutil.walk_packages(package.__path__, f"{room}."):
            yield found.name
