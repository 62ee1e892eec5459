"""The simulation is not blind: each bug planted here is found within a few seeds.

The same seeds pass on the code as it is: `test_seeds` runs them all.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import evidence, legs, loans, outcomes, payouts
from disbursement.channels.channel import Instruction, Notice, Outcome, Receipt
from disbursement.channels.signing import RsaSha256
from disbursement.channels.unionpay import UnionPay
from disbursement.records.loans import Loan
from disbursement.records.payouts import PayoutLeg
from kernel import claims, moves
from tests.simulation import invariants
from tests.simulation.running import Runner

SEEDS_MAX = 60


def test_sending_again_under_a_new_number_after_silence_is_found(runner, monkeypatch):
    pay = UnionPay.pay

    def pay_again(self: Any, instruction: Instruction) -> Receipt:
        receipt = pay(self, instruction)
        if receipt.outcome is not Outcome.UNKNOWN:
            return receipt
        other = replace(instruction.key, order_no=instruction.key.order_no[::-1])
        return pay(self, replace(instruction, key=other))

    monkeypatch.setattr(UnionPay, "pay", pay_again)

    assert found(runner, "I2: the channel has order|I1: card")


def test_taking_silence_for_a_failure_is_found(runner, monkeypatch):
    pay = UnionPay.pay

    def pay_or_fail(self: Any, instruction: Instruction) -> Receipt:
        receipt = pay(self, instruction)
        if receipt.outcome is Outcome.UNKNOWN and receipt.code is None:
            return replace(receipt, outcome=Outcome.REFUSED)
        return receipt

    monkeypatch.setattr(UnionPay, "pay", pay_or_fail)

    assert found(runner, r"\(failed\) is paid, or will be, at the channel")


def test_ignoring_a_return_is_found(runner, monkeypatch):
    monkeypatch.setattr(outcomes, "_return", lambda *_, **__: None)

    assert found(runner, "and came back")


def test_trusting_an_unsigned_callback_is_found(runner, monkeypatch):
    def hear_and_book(session: Session, notice: Notice, *, channel: str, at: Any) -> bool:
        evidence.keep(session, notice.exchange, channel=channel, at=at)
        leg = legs.by_order_no(session, notice.key.order_no)
        if leg is None:
            return False
        told = Outcome.PAID if notice.code == "00" else Outcome.REFUSED
        receipt = Receipt(outcome=told, text="notice")
        payouts.record(session, leg.id, receipt, source=payouts.Source.QUERY, at=at)
        return True

    monkeypatch.setattr(RsaSha256, "is_signed", lambda *_, **__: True)
    monkeypatch.setattr(payouts, "hear", hear_and_book)
    # The evidence tells of it even sooner: here what it does to the money is to be found.
    monkeypatch.setattr(invariants.Watch, "_of_evidence", lambda *_: ())

    told = {"begins": "approved", "funder": "hxcf", "due_dates": 0, "forgers": 0.9}
    assert found(runner, "I2: leg .* is not paid at the channel", **told)


def test_a_forged_notice_kept_as_a_genuine_one_is_found(runner, monkeypatch):
    monkeypatch.setattr(RsaSha256, "is_signed", lambda *_, **__: True)

    assert found(runner, "I5: a forged notice counts as genuine")


def test_two_workers_racing_for_one_payout_are_found(runner, monkeypatch):
    """Take away all that keeps two apart: the claim, the lock, and the move that compares."""
    monkeypatch.setattr(claims, "claim", claim_whatever_is_there)
    monkeypatch.setattr(
        claims, "held", lambda session, model, identity, **_: read(session, identity)
    )
    monkeypatch.setattr(loans, "lock_for_leg", loan_without_lock)
    monkeypatch.setattr(moves, "advance", advance_without_comparing)

    calm = {"network": 0.0, "deaths": 0.0, "cuts": 0.0, "dies_at": "", "begins": "approved"}
    crowded = {"crowd": 5, "patience": 0.5, "due_dates": 0, "funder": "hxcf"}
    assert found(runner, "I8: leg .* went .*submitted submitted", **calm, **crowded)


def found(runner: Runner, like: str, **changed: Any) -> bool:
    """Run seeds until one fails in the way that the planted bug must show itself."""
    others = []
    for seed in range(SEEDS_MAX):
        failure = runner.run(seed, **changed).failure
        if failure is not None and re.search(like, failure):
            return True
        if failure is not None:
            others.append(failure)
    return pytest.fail(f"{SEEDS_MAX} seeds saw nothing of it, but {others[:3]}")


def claim_whatever_is_there(
    session: Session, model: Any, *where: Any, worker: str, **_: Any
) -> Any:
    rows = session.scalars(select(model).where(*where, model.parked.is_(False)).limit(1)).all()
    for row in rows:
        row.claimed_by = worker
    return rows


def read(session: Session, leg_id: Any) -> PayoutLeg:
    return session.get_one(PayoutLeg, leg_id)


def loan_without_lock(session: Session, leg_id: Any) -> Loan:
    return session.get_one(Loan, read(session, leg_id).loan_id)


def advance_without_comparing(
    session: Session, record: Any, to: Any, *, table: Any, by: Any, at: Any, reason: str = ""
) -> None:
    present, record.status = record.status, to
    session.flush()
    moves._append(session, record, table=table, present=present, by=by, at=at, reason=reason)
