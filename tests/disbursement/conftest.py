"""After every test of the money the books must agree with themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from disbursement import checking
from kernel.db import transaction
from tests.disbursement import builders as make
from tests.disbursement.collecting import Collecting
from tests.disbursement.partners import Partners
from tests.disbursement.saga import Saga


@pytest.fixture
def books(database) -> Iterator[None]:
    """Check the books when the test is over."""
    yield
    with transaction() as session:
        assert checking.check_books(session) == []


@pytest.fixture
def checked(database) -> Iterator[Session]:
    """Open a transaction whose books are checked at its end, and which leaves nothing behind."""
    with transaction() as session:
        yield session
        session.flush()
        assert checking.check_books(session) == []
        session.rollback()


@pytest.fixture
def partners(sandbox, clock) -> Partners:
    """Give the strings behind a sandbox whose funding account holds a million."""
    behind = Partners(sandbox, clock)
    behind.fund()
    return behind


@pytest.fixture
def saga(surroundings, clock, partners, books) -> Saga:
    """Give a world in which payouts can be told; the books are checked at the end."""
    return Saga(surroundings, clock, partners)


@pytest.fixture
def collecting(saga) -> Collecting:
    """Give a world in which repayments can be told."""
    return Collecting(saga=saga, card=make.card_number(77, "621700", 19))
