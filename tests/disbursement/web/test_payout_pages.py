"""Staff see every payout, approve by different people, and are told why something is refused."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text as sql

from disbursement import approvals, legs, loans, payouts
from disbursement.channels.channel import Outcome
from disbursement.records.payouts import LegStatus
from kernel.db import transaction
from kernel.money import Money
from kernel.web import access
from tests.disbursement import builders as make
from tests.disbursement.reconciliation import world
from tests.disbursement.statements import files
from tests.kernel.console_reader import links, text
from tests.kernel.web_builders import form_key, form_token

NOBODYS = "5b7e3a52-0d5c-4f7e-9d5e-2f1f0c9a7e01"
"""An identity that nothing has; fixed, so that every worker collects the same tests."""


def planned(serial: int = 1, ceiling: str = "9000.00", *, minutes: int = 0) -> str:
    """Place a loan over one card and give the path of its payout."""
    with transaction() as session:
        make.lender(session)
        order = make.loan_order(make.leg_order(serial, ceiling), order_id=uuid4())
        at = files.NOON + timedelta(minutes=minutes)
        loan = loans.place(session, order, by=make.DEBTOR, at=at)
        (leg,) = legs.of_loan(session, loan.id)
        return f"/finance/payouts/{leg.id}"


def status_of(path: str) -> LegStatus:
    with transaction() as session:
        found = session.execute(
            sql("SELECT status FROM payout_leg WHERE id = :id"), {"id": path.rsplit("/", 1)[1]}
        )
        return LegStatus(found.scalar_one())


def test_the_queue_shows_what_waits_with_amount_issuer_and_approvals(desk):
    planned(1, "9000.00")

    page = text(desk.person("maker").opens("/finance/payouts"))

    assert "招商银行" in page
    assert "¥9,000.00" in page
    assert "0 / 1" in page


def test_a_small_payout_is_approved_by_one_person(desk):
    path = planned(1, "9000.00")

    page = desk.person("maker").sends(path, f"{path}/approve")

    assert "将自动发送" in page
    assert "林会计" in page
    assert status_of(path) is LegStatus.APPROVED


def test_a_large_payout_needs_another_checker(desk):
    path = planned(1, "20000.01")

    first = desk.person("maker").sends(path, f"{path}/approve")
    second = desk.person("checker").sends(path, f"{path}/approve")

    assert "还须另一人审批" in first
    assert "将自动发送" in second
    assert status_of(path) is LegStatus.APPROVED


def test_the_same_person_is_refused_with_the_reason_in_sight(desk):
    path = planned(1, "20000.01")
    checker = desk.person("checker")
    checker.sends(path, f"{path}/approve")

    shown = checker.opens(path)
    refused = checker.sends(path, f"{path}/approve", 409)

    assert f'action="{path}/approve"' not in shown
    assert "须由另一位复核人员审批" in shown
    assert "您已审批该笔付款，须由另一人复核" in refused
    assert "请通知另一位复核人员登录后审批" in refused
    assert status_of(path) is LegStatus.PLANNED


def test_a_maker_does_not_give_the_second_approval(desk):
    path = planned(1, "20000.01")
    desk.person("checker").sends(path, f"{path}/approve")
    maker = desk.person("maker")

    refused = maker.sends(path, f"{path}/approve", 403)

    assert "第二次审批须由财务复核人员作出" in maker.opens(path)
    assert "您无权审批该笔付款" in refused


def test_a_double_click_approves_once(desk):
    path = planned(1, "20000.01")
    maker = desk.person("maker")
    page = maker.opens(path)
    data = {"csrf_token": form_token(page), "form_key": form_key(page)}

    replies = [maker.client.post(f"{path}/approve", data=data) for _ in range(2)]

    assert [one.status_code for one in replies] == [303, 303]
    assert replies[1].headers["Idempotency-Hit"] == "true"
    with transaction() as session:
        assert session.scalar(sql("SELECT count(*) FROM payout_approval")) == 1


def test_a_payout_is_held_back_with_a_reason_and_released(desk):
    path = planned(1)
    maker = desk.person("maker")

    held = maker.sends(path, f"{path}/hold", reason="等待债务人确认")
    queue = maker.opens("/finance/payouts?queue=needs_a_person")
    released = maker.sends(path, f"{path}/release")

    assert "等待债务人确认" in held
    assert "已暂停" in queue
    assert "已恢复" in released
    assert "等待债务人确认" not in text(released)


def test_without_a_reason_nothing_is_held_back(desk):
    path = planned(1)

    page = desk.person("maker").sends(path, f"{path}/hold", 422, reason=" ")

    assert "请填写暂停原因" in page
    assert "已暂停" not in text(page)


def test_what_was_sent_is_not_held_back(desk):
    with transaction() as session:
        leg = world.sent(session, 1)
    path = f"/finance/payouts/{leg.id}"

    page = desk.person("maker").sends(path, f"{path}/hold", 409, reason="late")

    assert "当前状态不允许此操作" in page


def test_two_persons_call_a_payout_off_and_each_is_told_what_is_missing(desk):
    path = planned(1)
    maker, checker = desk.person("maker"), desk.person("checker")

    asked = maker.sends(path, f"{path}/call-off", reason="收款卡被改动")
    again = maker.sends(path, f"{path}/call-off", 409, reason="收款卡被改动")
    shown = checker.opens(path)
    done = checker.sends(path, f"{path}/call-off", reason="已核实")

    assert "须另一人同意" in asked
    assert "您已提出撤销，须由另一人同意" in again
    assert "收款卡被改动" in shown
    assert "同意撤销" in shown
    assert "两人意见一致，该笔付款已撤销" in done
    assert f'action="{path}/call-off"' not in done
    assert status_of(path) is LegStatus.CANCELLED


def test_without_a_reason_nothing_is_called_off(desk):
    path = planned(1)

    page = desk.person("maker").sends(path, f"{path}/call-off", 422, reason=" ")

    assert "请填写撤销原因" in page
    assert "已暂停" not in text(page)


def failed_of_two() -> str:
    """Have the first of a loan's two payments refused by the channel; give its path."""
    with transaction() as session:
        make.lender(session)
        order = make.loan_order(make.leg_order(1, "9000.00"), make.leg_order(2, "8000.00"))
        loan = loans.place(session, order, by=make.DEBTOR, at=files.NOON)
        leg = next(one for one in legs.of_loan(session, loan.id) if one.ceiling.fen == 900_000)
        approvals.approve(session, leg.id, by=make.MAKER, at=files.NOON)
        work = payouts.take(session, worker="w", at=files.NOON)
        found = world.findings(900_000, files.NOON)
        payouts.prepare(session, work, found, worker="w", at=files.NOON)
        world.told(session, leg, Outcome.REFUSED)
        return f"/finance/payouts/{leg.id}"


def test_a_failed_payment_is_paid_anew_once(desk):
    path = failed_of_two()
    maker = desk.person("maker")

    page = maker.sends(path, f"{path}/succeed")

    assert "已重新发起" in page
    assert "上一次付款" in page
    assert f'action="{path}/succeed"' not in maker.opens(path)
    assert "重新发起的付款" in maker.opens(path)


def test_a_payout_shows_its_history_its_entries_and_its_loan(desk):
    with transaction() as session:
        leg = world.paid(session, 1)

    page = desk.person("maker").opens(f"/finance/payouts/{leg.id}")

    said = text(page)
    assert "状态历史" in said
    assert "已付，待对账" in said
    assert "系统 · payout-send" in said
    assert "代偿付款" in said
    assert leg.order_no in said
    (loan,) = links(page, "/finance/loans/")
    assert "还款计划" in desk.person("maker").opens(loan)


def test_no_page_tells_the_card_or_the_holder(desk):
    path = planned(1)
    maker = desk.person("maker")

    for page in (maker.opens(path), maker.opens("/finance/payouts")):
        assert make.card_number(1).plain not in page
        assert make.NAME not in page


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("", 2),
        ("issuer=CMB", 2),
        ("issuer=ICBC", 0),
        ("least=10000", 1),
        ("most=9000", 1),
        ("least=9001&most=9999", 0),
        ("least=20000&most=1", 0),
        ("approvals=0", 2),
        ("approvals=1", 0),
        ("queue=all&status=planned", 2),
        ("queue=all&status=paid", 0),
        ("queue=in_flight", 0),
    ],
)
def test_filters_stand_in_the_address(desk, filters, found):
    planned(1, "9000.00")
    planned(2, "20000.01", minutes=1)

    page = desk.person("maker").opens(f"/finance/payouts?{filters}")

    assert len(links(page, "/finance/payouts/")) == found


@pytest.mark.parametrize("filters", ["least=many", "status=lost", "approvals=-1", "queue=x"])
def test_a_filter_that_cannot_be_read_is_named(desk, filters):
    page = desk.person("maker").opens(f"/finance/payouts?{filters}", 422)

    assert "以下条件无法识别，未生效" in page


def test_pages_follow_each_other_without_a_gap_and_stay_small(desk):
    with transaction() as session:
        make.lender(session)
        for serial in range(60):
            order = make.loan_order(make.leg_order(serial), order_id=uuid4())
            at = files.NOON + timedelta(seconds=serial // 2)
            loans.place(session, order, by=make.DEBTOR, at=at)
    maker = desk.person("maker")

    first = maker.opens("/finance/payouts")
    (following,) = [one for one in links(first, "/finance/payouts?") if "after=" in one]
    second = maker.opens(following)

    shown = links(first, "/finance/payouts/") + links(second, "/finance/payouts/")
    assert len(first.encode()) < 50_000
    assert (len(links(first, "/finance/payouts/")), len(set(shown))) == (50, 60)
    assert 'rel="next"' in first
    assert 'rel="next"' not in second


def test_a_place_that_cannot_be_read_is_refused(desk):
    maker = desk.person("maker")

    for after in ("x", "2026-11-20T10:00:00~nobody", "2026-11-20T10:00:00~" + str(uuid4())):
        assert "请从第一页重新打开" in maker.opens(f"/finance/payouts?after={after}", 400)


def test_the_file_holds_every_row_of_the_filters(desk):
    planned(1, "9000.00")
    planned(2, "20000.01", minutes=1)

    reply = desk.person("maker").client.get("/finance/payouts?least=10000&format=csv")

    head, row = reply.get_data().decode("utf-8-sig").splitlines()
    assert reply.headers["Content-Disposition"] == 'attachment; filename="payouts.csv"'
    assert head.startswith("付款编号,落单时间,发卡行")
    assert ",20000.01," in row
    assert str(Money.yuan("9000.00")) not in row


def test_an_unknown_payout_is_said_so(desk):
    assert "付款不存在" in desk.person("maker").opens(f"/finance/payouts/{NOBODYS}", 404)


@pytest.mark.parametrize(
    "path",
    ["/finance/", "/finance/payouts", "/finance/breaks", "/finance/days", "/finance/ledger",
     "/finance/statements", f"/finance/payouts/{NOBODYS}", f"/finance/loans/{NOBODYS}"],
)  # fmt: skip
def test_only_finance_comes_in(desk, path):
    stranger = desk.app.test_client().get(path)
    risk = desk.person("risk").client.get(path)

    assert stranger.location.startswith("/sign-in?next=")
    assert risk.status_code == 403


def test_every_page_says_who_may_use_it(desk):
    assert access.undeclared(desk.app) == []
