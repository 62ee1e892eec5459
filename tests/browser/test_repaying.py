"""A debtor repays in a real browser: his card, an instalment, a prepayment, the payoff, the letter."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from disbursement import approvals, debiting, legs, loan_days, loans, payouts
from disbursement.channels.channel import Outcome, Receipt
from disbursement.records.loans import Loan
from disbursement.records.payouts import LegStatus
from kernel import db
from kernel.actors import Actor, Role
from kernel.clock import shanghai
from origination import front_jobs
from tests.disbursement.reconciliation.world import findings
from tests.origination.apply import builders as make
from tests.origination.apply import world

pytestmark = pytest.mark.browser

DEBIT_CARD = make.card_number("621483100000123")
PEOPLE = (Actor(Role.FINANCE_MAKER, "li"), Actor(Role.FINANCE_CHECKER, "wang"))


@pytest.fixture
def running(sandbox, outside) -> None:
    """A loan of 9,000 yuan of the person who holds the telephone, running since 20 November."""
    person = make.Person()
    debit_card = world.card(DEBIT_CARD, account_type="debit", balance="20000.00")
    world.load(sandbox, person, world.card(person.card()), debit_card)
    with db.transaction() as session:
        application = make.signed(session)
        (leg,) = legs.of_loan(session, application.loan_id)
        for person in PEOPLE:
            if leg.status is LegStatus.PLANNED:
                approvals.approve(session, leg.id, by=person, at=make.NOON)
        work = payouts.take(session, worker="w", at=make.NOON)
        assert work is not None
        payouts.prepare(session, work, findings(900_000, make.NOON), worker="w", at=make.NOON)
        paid = Receipt(outcome=Outcome.PAID, code="00", text="paid", settle_day=make.NOON.date())
        payouts.record(session, leg.id, paid, source=payouts.Source.QUERY, at=make.NOON)
    world.follow(outside)


def loan() -> Loan:
    with db.transaction() as session:
        return session.query(Loan).one()


def morning_of(outside, on: date) -> None:
    """Let a day come, everything before it closed."""
    outside.clock.advance_to(shanghai(on, 10))
    with db.transaction() as session:
        row = loans.lock(session, loan().id)
        loan_days.close_through(session, row, day=on - timedelta(days=1), at=outside.clock.now())


def sign_in(hand, outside) -> None:
    hand.open("/resume")
    hand.type(mobile=hand.person.mobile.plain)
    hand.touch("获取验证码")
    front_jobs.send_messages(outside)
    hand.type(code=hand.code())
    hand.touch("继续")
    assert (hand.path, hand.heading) == ("/loan", "我的贷款")


def collected(outside) -> None:
    """Have the channel collect what was asked for, and ask until it is decided."""
    debiting.send_due(outside)
    outside.clock.advance(timedelta(minutes=4))
    debiting.query_due(outside)
    world.follow(outside)


def test_a_debtor_pays_an_instalment_prepays_and_pays_off(hand, running, outside):
    morning_of(outside, loan().first_due + timedelta(days=12))
    sign_in(hand, outside)
    hand.look("30-loan-overdue")
    _names_his_card(hand)
    _pays_what_is_due(hand, outside)
    _prepays(hand, outside)
    _pays_off(hand, outside)

    assert hand.complaints == []


def _names_his_card(hand) -> None:
    hand.touch("绑定还款卡")
    hand.look("31-repayment-card")
    hand.touch("绑定")
    hand.look("32-repayment-card-faults")
    hand.type(number=DEBIT_CARD.plain)
    hand.page.check("#agreed")
    hand.touch("绑定")
    assert hand.path == "/loan"
    assert DEBIT_CARD.plain not in hand.page.content()


def _pays_what_is_due(hand, outside) -> None:
    hand.touch("立即还款")
    hand.look("33-pay-due")
    hand.touch("确认扣款")
    hand.look("34-being-collected")
    assert "正在扣款" in hand.page.inner_text("main")
    collected(outside)
    hand.open("/loan")
    hand.look("35-loan-paid")
    assert "已还清" in hand.page.inner_text("main")


def _prepays(hand, outside) -> None:
    hand.touch("提前还款或结清")
    hand.look("36-ways-to-pay")
    hand.touch("提前还一部分")
    hand.touch("看看效果")
    hand.look("37-prepay-faults")
    hand.type(amount="2000")
    hand.page.check("input[value=lower]")
    hand.touch("看看效果")
    hand.look("38-prepay-preview")
    hand.touch("确认扣款")
    collected(outside)


def _pays_off(hand, outside) -> None:
    hand.open("/loan/pay/payoff?lang=en")
    hand.look("39-payoff-english")
    hand.open("/loan/pay/payoff?lang=zh")
    hand.look("40-payoff")
    hand.touch("确认扣款")
    collected(outside)
    hand.open("/loan")
    hand.look("41-settled")
    hand.touch("开具结清证明")
    hand.look("42-settled-with-letter")
    hand.open("/loan?lang=en")
    hand.look("43-settled-english")
    assert hand.page.get_by_role("link", name="See or keep the certificate (PDF)").count() == 1
