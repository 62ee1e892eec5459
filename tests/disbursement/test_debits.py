"""Collecting instalments from a debit card over real HTTP: planned, sent, told, booked."""

from __future__ import annotations

import pytest

from disbursement.records.debits import DebitPurpose, DebitStatus
from kernel.money import ZERO, Money
from tests.disbursement.collecting import COLLECTION, Collecting


@pytest.fixture
def running(collecting: Collecting) -> Collecting:
    collecting.begin()
    collecting.bind()
    return collecting


def test_an_instalment_is_collected_on_its_due_day(running):
    due_on, instalment = running.first_due()
    running.stand_at(due_on)

    order = running.collect()

    assert order.status is DebitStatus.PAID
    assert order.amount == instalment
    assert running.taken() == instalment.fen
    assert running.balance(COLLECTION) == instalment
    assert running.owed().due == ZERO
    assert running.steps() == ["planned", "submitted", "accepted", "paid"]
