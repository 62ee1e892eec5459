"""The channels there are: every module of this package that says under which name it pays.

A channel is one module with `PAYS_AS` and `connect`, and its table of codes beside it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from disbursement.channels.channel import PayoutChannel
from disbursement.channels.signing import BadKey
from kernel import logs
from kernel.surroundings import Surroundings

PACKAGE: Final = "disbursement.channels"

log = logs.logger(__name__)


def connect_all(surroundings: Surroundings) -> Mapping[str, PayoutChannel]:
    """Make the way to every channel; one whose keys cannot be used is left out and logged."""
    found = {}
    for name, connect in _makers().items():
        try:
            found[name] = connect(surroundings)
        except BadKey as fault:
            log.exception("channel.not_connected", channel=name, reason=str(fault))
    return found


def connect(name: str, surroundings: Surroundings) -> PayoutChannel:
    """Make the way to one channel.

    Raises:
        KeyError: there is none of this name.
        BadKey: its keys cannot be used.
    """
    return _makers()[name](surroundings)


def names() -> tuple[str, ...]:
    """Name the channels there are."""
    return tuple(_makers())


@cache
def _makers() -> dict[str, Callable[[Surroundings], PayoutChannel]]:
    modules = (
        importlib.import_module(f"{PACKAGE}.{found.name}")
        for found in pkgutil.iter_modules([str(Path(__file__).parent)])
        if found.name != __name__.rpartition(".")[2]
    )
    makers = {module.PAYS_AS: module.connect for module in modules if hasattr(module, "PAYS_AS")}
    return dict(sorted(makers.items()))
