"""What tests of applications share."""

from __future__ import annotations

import pytest

from tests.origination.apply import builders as make
from tests.origination.apply import world


@pytest.fixture
def outside(sandbox, surroundings):
    """The sandbox with one person, a lender and a model; the clock stands at noon."""
    surroundings.clock.advance_to(make.NOON)
    world.open_for_business()
    world.load(sandbox)
    return surroundings
