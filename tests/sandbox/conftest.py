"""A fresh sandbox for each test, and a client outside it."""

from __future__ import annotations

import pytest

from sandbox.app import create_app
from tests.sandbox.outsider import Outsider, card, person

CARD = "6225880000000001"


@pytest.fixture
def sandbox() -> Outsider:
    """An empty sandbox at noon of Friday 20 November 2026."""
    return Outsider(create_app())


@pytest.fixture
def channel(sandbox: Outsider) -> Outsider:
    """A sandbox with one open credit card and one million yuan of funds."""
    sandbox.load(person(1, card(CARD)))
    sandbox.fund("1000000.00")
    return sandbox
