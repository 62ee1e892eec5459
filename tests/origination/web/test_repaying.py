"""The pages of a running loan: what is owed, paying it in each way, the card, the letter."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from disbursement import (
    approvals,
    debit_orders,
    debiting,
    legs,
    loan_days,
    loans,
    payouts,
    servicing,
)
from disbursement.channels.channel import Outcome, Receipt
from disbursement.records.debits import DebitOrder, DebitPurpose, RepaymentCard
from disbursement.records.loans import Loan
from disbursement.records.payouts import LegStatus
from kernel import db
from kernel.actors import Actor, Role
from kernel.clock import business_day, shanghai
from kernel.money import Money
from origination.records.mandates import Mandate
from tests.disbursement.reconciliation.world import findings
from tests.origination.apply import builders as make
from tests.origination.apply import world
from tests.origination.web.phone import Phone

DEBIT_CARD = make.card_number("621483100000123")
"""Of China Merchants Bank's debit cards."""
PAGE_BYTES_MAX = 50_000
LENDER = "华信消费金融有限公司"
MAKER = Actor(Role.FINANCE_MAKER, "li")
CHECKER = Actor(Role.FINANCE_CHECKER, "wang")


def loan() -> Loan:
    with db.transaction() as session:
        return session.query(Loan).one()


def orders() -> list[DebitOrder]:
    with db.transaction() as session:
        return list(debit_orders.of_loan(session, loan().id))


@pytest.fixture
def outside(surroundings):
    """What an edge is given; the clock stands at noon, and no model is needed."""
    surroundings.clock.advance_to(make.NOON)
    return surroundings


@pytest.fixture
def running(app, outside, sandbox) -> Phone:
    """A debtor whose loan of 9,000 yuan runs since 20 November; his page is open."""
    person = make.Person()
    debit_card = world.card(DEBIT_CARD, account_type="debit", balance="20000.00")
    world.load(sandbox, person, world.card(person.card()), debit_card)
    with db.transaction() as session:
        application = make.signed(session)
        (leg,) = legs.of_loan(session, application.loan_id)
        for person in (MAKER, CHECKER):
            if leg.status is LegStatus.PLANNED:
                approvals.approve(session, leg.id, by=person, at=make.NOON)
        work = payouts.take(session, worker="w", at=make.NOON)
        assert work is not None
        payouts.prepare(session, work, findings(900_000, make.NOON), worker="w", at=make.NOON)
        paid = Receipt(outcome=Outcome.PAID, code="00", text="paid", settle_day=make.NOON.date())
        payouts.record(session, leg.id, paid, source=payouts.Source.QUERY, at=make.NOON)
    world.follow(outside)
    outside.clock.advance(timedelta(minutes=10))
    phone = Phone(app, sandbox, make.Person())
    return sign_in(phone).open("/my")


def sign_in(phone: Phone) -> Phone:
    """Come back by a one-time code, read from the outbox."""
    phone.open("/resume").send(mobile=phone.person.mobile.plain)
    with db.transaction() as session:
        code = make.code_in_message(session, "sign_in_code")
    return phone.send("/code", code=code)


def later(phone: Phone, outside, on: date) -> Phone:
    """Let a day come, everything before it closed, and sign in again."""
    outside.clock.advance_to(shanghai(on, 10))
    with db.transaction() as session:
        row = loans.lock(session, loan().id)
        loan_days.close_through(session, row, day=on - timedelta(days=1), at=outside.clock.now())
    return sign_in(phone).open("/loan")


def bind(phone: Phone) -> Phone:
    return phone.open("/loan/card").send(number=DEBIT_CARD.plain, agreed="yes")


def collected(outside) -> None:
    """Have the channel collect what was asked for, and ask until it is decided."""
    debiting.send_due(outside)
    outside.clock.advance(timedelta(minutes=4))
    debiting.query_due(outside)
    world.follow(outside)


def test_a_loan_that_runs_is_where_its_debtor_lands(running):
    assert running.path == "/loan"
    assert running.heading == "我的贷款"
    assert str(loan().principal.grouped) in running.text
    assert len(running.text.encode()) < PAGE_BYTES_MAX


def test_the_reference_of_a_bank_transfer_is_shown_and_stays(running):
    first = running.text.split('<strong class="digits">')[1].split("<")[0]

    again = running.open("/loan").text.split('<strong class="digits">')[1].split("<")[0]

    assert first == again
    assert first.startswith("HK")


def test_a_debit_card_is_bound_by_the_mandate_that_was_read(running):
    bind(running)

    with db.transaction() as session:
        (card,) = session.query(RepaymentCard).all()
        (mandate,) = session.query(Mandate).all()
    assert running.path == "/loan"
    assert DEBIT_CARD.last4 in running.text
    assert DEBIT_CARD.plain not in running.text
    assert (mandate.repayment_card_ref, mandate.sha256) == (card.id, card.mandate_sha256)
    assert "授权" in mandate.words


def test_a_mandate_is_ended_as_easily_as_it_was_given(running, outside):
    bind(running)
    later(running, outside, loan().first_due + timedelta(days=1))
    running.open("/loan/pay/due").send()

    running.open("/loan").send("/loan/card/end")

    assert "还没有绑定还款卡" in running.text
    assert [order.status for order in orders()] == ["cancelled"]


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ({"number": "6214", "agreed": "yes"}, "请核对卡号"),
        ({"number": DEBIT_CARD.plain}, "请阅读授权书"),
        ({"number": make.Person().card(3).plain, "agreed": "yes"}, "不能是信用卡"),
        ({"number": DEBIT_CARD.plain[:-1] + "0", "agreed": "yes"}, "有一位数字不对"),
    ],
    ids=["no card", "not agreed", "a credit card", "mistyped"],
)
def test_a_card_that_will_not_do_is_told_at_its_field(running, typed, fault):
    running.open("/loan/card").send(**typed)

    assert running.status == 422
    assert any(fault in told for told in running.faults)
    with db.transaction() as session:
        assert session.query(RepaymentCard).count() == 0


def test_what_is_due_is_paid_once_however_often_the_button_is_pressed(running, outside):
    bind(running)
    later(running, outside, loan().first_due + timedelta(days=1))
    running.open("/loan/pay/due")
    fields = running.form().fields

    for _ in range(2):
        running.post("/loan/pay/due", fields)

    (order,) = orders()
    assert running.path == "/loan"
    assert "正在扣款" in running.text
    assert (order.purpose, str(order.requested)) == (DebitPurpose.INSTALMENT, fields["amount"])
    collected(outside)
    paid = running.open("/loan").text
    assert "正在扣款" not in paid
    assert "已还清" in paid
    assert order.requested.grouped in paid.split("还款记录")[1]


def test_a_second_payment_waits_for_the_first(running, outside):
    bind(running)
    later(running, outside, loan().first_due + timedelta(days=1))
    running.open("/loan/pay/due").send()

    running.open("/loan/pay/payoff").send()

    assert running.status == 409
    assert any("未决扣款" in told for told in running.faults)
    assert len(orders()) == 1


def test_another_amount_than_the_page_showed_is_not_collected(running, outside):
    bind(running)
    later(running, outside, loan().first_due + timedelta(days=1))

    running.open("/loan/pay/due").send(amount="5000.00")

    assert running.status == 422
    assert orders() == []


def test_without_a_card_nothing_is_collected_and_one_may_be_named(running, outside):
    later(running, outside, loan().first_due + timedelta(days=1))

    running.open("/loan/pay/due")

    assert "绑定还款卡" in running.text
    assert "确认扣款" not in running.text


def test_a_prepayment_shows_what_it_does_before_it_is_asked_for(running, outside):
    bind(running)
    running.open("/loan/pay/part").send("/loan/pay/part", amount="3000", strategy="shorten")

    assert "提前还款后的计划" in running.heading
    assert orders() == []
    running.send("/loan/pay/part/confirm")

    (order,) = orders()
    assert (order.purpose, order.requested) == (DebitPurpose.PREPAY_SHORTEN, Money.yuan("3000.00"))


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ({"amount": "", "strategy": "lower"}, "请填写提前还款金额"),
        ({"amount": "100"}, "请选择"),
        ({"amount": "50000", "strategy": "lower"}, "低于结清金额"),
    ],
    ids=["no amount", "no strategy", "more than the payoff"],
)
def test_a_prepayment_that_makes_no_sense_is_told_at_its_field(running, typed, fault):
    running.open("/loan/pay/part").send("/loan/pay/part", **typed)

    assert running.status == 422
    assert any(fault in told for told in running.faults)


def test_the_payoff_is_quoted_by_its_parts_and_for_the_next_days(running, outside):
    bind(running)
    running.open("/loan/pay/payoff")
    with db.transaction() as session:
        today = business_day(outside.clock.now())
        quotes = [
            servicing.payoff_quote(session, loan().id, on=today + timedelta(days=n)).total
            for n in range(5)
        ]

    assert all(quote.grouped in running.text for quote in quotes)
    running.send()
    assert [order.requested for order in orders()] == [quotes[0]]


def test_a_settled_loan_offers_its_letter_and_no_payment(running, outside):
    bind(running)
    running.open("/loan/pay/payoff").send()
    collected(outside)

    running.open("/loan").send("/loan/letter")

    assert "全部结清" in running.heading
    assert "立即还款" not in running.text
    paper = running.client.get("/loan/letter.pdf")
    assert paper.data.startswith(b"%PDF")
    assert running.client.get("/loan/pay", follow_redirects=True).status_code == 200


def test_there_is_no_letter_while_something_is_owed(running):
    page = running.client.get("/loan/letter.pdf")

    assert page.status_code == 404


def test_days_of_grace_threaten_nobody(running, outside):
    later(running, outside, loan().first_due + timedelta(days=2))

    assert "不收罚息，也不报送征信" in running.text
    assert "已逾期" not in running.text


def test_arrears_say_how_long_how_much_and_what_follows(running, outside):
    later(running, outside, loan().first_due + timedelta(days=20))

    assert "已逾期 20 天" in running.text
    assert "先短信通知您" in running.text
    assert "含罚息" in running.text
    assert len(running.text.encode()) < PAGE_BYTES_MAX


def test_an_objection_is_written_down_and_answered_in_time(running):
    running.open("/loan/objection").send(reason="已在柜台还款")

    assert running.path == "/loan"
    assert "您的异议正在处理" in running.text


@pytest.mark.parametrize(
    ("reason", "fault"),
    [("", "请写明"), (f"卡 {DEBIT_CARD.plain}", "不要填写卡号")],
    ids=["nothing said", "a card number"],
)
def test_an_objection_says_something_and_no_numbers(running, reason, fault):
    running.open("/loan/objection").send(reason=reason)

    assert running.status == 422
    assert any(fault in told for told in running.faults)


def test_every_page_is_whole_in_english(running):
    for path in ("/loan", "/loan/pay", "/loan/pay/part", "/loan/pay/payoff", "/loan/card"):
        page = running.open(f"{path}?lang=en")

        words = page.text.split("<main")[1].split("</main>")[0].replace(LENDER, "")
        assert page.status == 200
        assert not any("\u4e00" <= sign <= "\u9fff" for sign in words), path


def test_nobody_else_sees_the_loan(running, app, sandbox):
    stranger = app.test_client().get("/loan", follow_redirects=False)

    assert stranger.status_code in {302, 303}
