"""Two processes on one day take turns, and the second finds nothing left to do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from disbursement.records.days import ReconciliationRun
from disbursement.records.payouts import LegStatus, PayoutLeg
from disbursement.records.settlement import FileStatus, MatchedRow
from kernel.db import transaction
from tests.disbursement.reconciliation import world
from tests.disbursement.reconciliation.world import Told, paid, payment
from tests.disbursement.statements.files import Payment

pytestmark = pytest.mark.usefixtures("books")


def at_once(*steps):
    """Run steps in threads, each in a transaction of its own, and give what they returned."""

    def committed(step):
        with transaction() as session:
            return step(session)

    with ThreadPoolExecutor(len(steps)) as threads:
        return list(threads.map(committed, steps))


def test_two_runs_at_once_are_one(database):
    with transaction() as session:
        told = Told(payments=[payment(paid(session, n)) for n in (1, 2, 3)])
        world.take_file(session, told.file())
        world.take_bank(session, told.statement())

    results = at_once(*[world.run] * 4)

    assert sorted(result.is_new for result in results) == [False, False, False, True]
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(ReconciliationRun)) == 1
        assert session.scalar(select(func.count()).select_from(MatchedRow)) == 3
        assert set(session.scalars(select(PayoutLeg.status))) == {LegStatus.MATCHED}


def test_two_different_files_at_once_are_one_taken_and_one_held(database):
    first, second = Told().file(), Told(payments=[Payment()]).file()

    imported = at_once(
        lambda session: world.take_file(session, first),
        lambda session: world.take_file(session, second),
    )

    assert {one.status for one in imported} == {FileStatus.TAKEN, FileStatus.HELD}


def test_the_same_file_at_once_is_taken_once(database):
    content = Told(payments=[Payment()]).file()

    imported = at_once(*[lambda session: world.take_file(session, content)] * 3)

    assert {one.status for one in imported} == {FileStatus.TAKEN}
    assert sum(one.is_new for one in imported) == 1
