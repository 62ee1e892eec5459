"""The house with every door open, and its books in order when a journey is over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from disbursement import ledger
from kernel.db import transaction
from tests.disbursement.partners import Partners
from tests.journeys import house as houses
from tests.journeys.house import House
from tests.origination.apply import builders as make


@pytest.fixture
def house(settings, clock, database, sandbox) -> Iterator[House]:
    """A founded house at noon; its books are checked when the test is over."""
    with _opened(settings, clock, sandbox) as opened:
        opened.found()
        yield opened


@pytest.fixture
def house_of_a_bank(settings, clock, database, sandbox) -> Iterator[House]:
    """The same, where the only lender is the bank that issued the debtors' cards."""
    with _opened(settings, clock, sandbox) as opened:
        opened.found(lender_issued="CMB")
        yield opened


@contextmanager
def _opened(settings, clock, sandbox) -> Iterator[House]:
    clock.advance_to(make.NOON)
    with houses.opened(settings, clock, Partners(sandbox, clock)) as opened:
        yield opened
    with transaction() as session:
        assert ledger.check_books(session) == []
