"""The finance console on a real database, with its people."""

from __future__ import annotations

import pytest

from kernel.clock import SetClock, shanghai
from tests.disbursement.reconciliation import world
from tests.disbursement.web import desk as desks


@pytest.fixture
def morning() -> SetClock:
    """Stand on the morning after the day that is told."""
    return SetClock(shanghai(world.NEXT, 9, 10))


@pytest.fixture
def desk(database, morning) -> desks.Desk:
    """Give the console and everybody who works at it."""
    return desks.Desk(desks.app(morning), desks.hire_all(morning))
