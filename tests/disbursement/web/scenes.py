"""A fortnight at the finance desk: payouts in every state, and a break of most kinds."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import breaks, legs, loans
from disbursement.channels.channel import Outcome
from disbursement.matching.kinds import BreakKind
from disbursement.records.breaks import Break, BreakStatus, Resolution
from disbursement.records.payouts import PayoutLeg
from kernel.actors import Actor
from kernel.clock import shanghai
from tests.disbursement import builders as make
from tests.disbursement.reconciliation import world
from tests.disbursement.reconciliation.world import Told, movement, payment
from tests.disbursement.statements.files import Payment, Return

TODAY = date(2026, 11, 24)
OLD, EARLIER, SINGLE, LATEST = (date(2026, 11, day) for day in (10, 12, 18, 23))
"""Days with their breaks; `SINGLE` has one alone."""
SUMS = (1_284_650, 862_300, 2_415_080, 639_975, 1_730_040, 998_860, 1_509_120, 745_500)


def fortnight(session: Session, people: dict[str, Actor]) -> None:
    """Tell it from the oldest day on, and have some of the breaks looked after."""
    world.deposit(session, 90_000_000, day=OLD)
    _old(session)
    _earlier(session)
    _single(session)
    _latest(session)
    _looked_after(session, people)
    _waiting(session)


def _paid(session: Session, serial: int, day: date) -> PayoutLeg:
    fen = SUMS[serial % len(SUMS)]
    at = shanghai(day, 9 + serial % 9, serial % 60)
    leg = world.sent(session, serial, fen=fen, at=at)
    later = at + timedelta(minutes=3)
    world.told(session, leg, Outcome.PAID, at=later, settle_day=day)
    return leg


def _order() -> str:
    return uuid4().hex


def _old(session: Session) -> None:
    good = [_paid(session, serial, OLD) for serial in range(1, 5)]
    stranger = Payment(order=_order(), fen=350_000, at=shanghai(OLD, 15, 20), trace=771)
    told = Told(day=OLD, payments=[*map(payment, good), stranger])
    told.movements = [*world.settled(told), _fund(OLD)]
    world.reconcile(session, told)


def _fund(day: date) -> object:
    return movement(90_000_000, f"FUND{day:%Y%m%d}1", "C", day)


def _earlier(session: Session) -> None:
    good = [_paid(session, serial, EARLIER) for serial in range(11, 15)]
    dear, other = _paid(session, 15, EARLIER), _paid(session, 16, EARLIER)
    lines = [
        *map(payment, good),
        payment(dear, fen=dear.amount.fen + 10_000),
        payment(other, card="622155******4417"),
    ]
    told = Told(day=EARLIER, payments=lines)
    told.movements = [*world.settled(told), movement(8_850, "MISC20261112", "D", EARLIER)]
    world.reconcile(session, told)


def _single(session: Session) -> None:
    good = [_paid(session, serial, SINGLE) for serial in range(21, 24)]
    stranger = Payment(order=_order(), fen=120_000, at=shanghai(SINGLE, 11, 5), trace=902)
    world.reconcile(session, Told(day=SINGLE, payments=[*map(payment, good), stranger]))


def _latest(session: Session) -> None:
    good = [_paid(session, serial, LATEST) for serial in range(31, 36)]
    back, twice, charged = (_paid(session, serial, LATEST) for serial in (36, 37, 38))
    _paid(session, 39, LATEST)
    world.sent(session, 40, fen=566_600, at=shanghai(LATEST, 16))
    again = payment(twice, trace=444)
    lines = [
        *map(payment, [*good, back, twice]),
        again,
        payment(charged, fee=250),
    ]
    told = Told(day=LATEST, payments=lines, returns=[Return(of=payment(back))])
    world.reconcile(session, told)
    world.take_file(session, Told(day=LATEST, payments=lines).file(), day=LATEST)


def _looked_after(session: Session, people: dict[str, Actor]) -> None:
    maker, checker, second = (people[name] for name in ("maker", "checker", "second"))
    at = shanghai(TODAY, 9, 20)
    for kind, owner in (
        (BreakKind.AMOUNT, maker),
        (BreakKind.PAYEE, checker),
        (BreakKind.PAID_TWICE, maker),
        (BreakKind.OURS_ONLY, second),
    ):
        for found in _of(session, kind):
            breaks.assign(session, found.id, owner=owner, by=maker)
    for found in _of(session, BreakKind.AMOUNT):
        said = "渠道多划 100.00 元，已发函要求退回，回执编号见工单。"
        breaks.explain(session, found.id, text=said, by=maker, at=at)
    for found in _of(session, BreakKind.BANK_ONLY):
        breaks.explain(session, found.id, text="银行账户管理费，每月一次。", by=maker, at=at)
        breaks.resolve(session, found.id, resolution=Resolution.ADJUSTED, by=checker, at=at)


def _of(session: Session, kind: BreakKind) -> list[Break]:
    query = select(Break).where(Break.kind == kind, Break.status == BreakStatus.OPEN)
    return list(session.scalars(query))


def _waiting(session: Session) -> None:
    asked = (("CMB", "12800.00"), ("ICBC", "26400.00"), ("CCB", "8150.00"), ("CMB", "41900.00"))
    for number, (issuer, ceiling) in enumerate(asked):
        order = make.loan_order(
            make.leg_order(50 + number, ceiling, issuer_code=issuer), order_id=uuid4()
        )
        at = shanghai(TODAY, 8, 10 + 7 * number)
        loan = loans.place(session, order, by=make.DEBTOR, at=at)
        assert legs.of_loan(session, loan.id)
