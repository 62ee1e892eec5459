"""The ledger is read by account and instant, and every entry leads back to what it was for."""

from __future__ import annotations

import pytest

from kernel.db import transaction
from tests.disbursement.reconciliation import world
from tests.disbursement.reconciliation.world import Told, paid, payment
from tests.kernel.console_reader import links, text


@pytest.fixture
def settled(desk):
    """Have one payout of 9,000.00 paid, settled and matched."""
    with transaction() as session:
        leg = paid(session, 1)
        world.reconcile(session, Told(payments=[payment(leg)]))
        session.refresh(leg)
    return leg


def test_balances_stand_by_account(desk, settled):
    page = text(desk.person("maker").opens("/finance/ledger"))

    # 9,000.00 and the fee of 1.00 left the bank; the debtor owes 9,000.00.
    assert "funding_bank/hxcf 银行备付账户 资产 ¥0.00 ¥9,001.00 -¥9,001.00" in page
    assert "in_transit/unionpay 渠道在途 负债 ¥9,000.00 ¥9,000.00 ¥0.00" in page
    assert "贷款本金 资产 ¥9,000.00 ¥0.00 ¥9,000.00" in page


def test_balances_are_told_as_they_were_at_an_instant(desk, settled):
    page = text(
        desk.person("maker").opens("/finance/ledger?at=2026-11-20T20:00&first=funding_bank")
    )

    assert "截至 2026年11月20日 20:00" in page
    assert "funding_bank/hxcf 银行备付账户 资产 ¥0.00 ¥0.00 ¥0.00" in page
    assert "in_transit" not in page


def test_an_entry_leads_to_its_payout(desk, settled):
    page = desk.person("maker").opens("/finance/ledger/account/in_transit/unionpay")

    said = text(page)
    assert "付款银行入账 银行备付账户" in said
    assert "预留，已了结" in said
    assert f"/finance/payouts/{settled.id}" in page


def test_the_principal_account_leads_to_its_loan(desk, settled):
    page = desk.person("maker").opens(f"/finance/ledger/account/loan_principal/{settled.loan_id}")

    assert links(page, "/finance/loans/") == [f"/finance/loans/{settled.loan_id}"]


@pytest.mark.parametrize("code", ["nothing/here", "funding_bank/nobody", "funding_bank"])
def test_an_account_that_is_none_is_said_so(desk, code):
    page = desk.person("maker").opens(f"/finance/ledger/account/{code}", 422)

    assert "会计科目不存在" in page


def test_transfers_come_as_a_file_with_debit_and_credit_apart(desk, settled):
    reply = desk.person("maker").client.get(
        "/finance/ledger/account/funding_bank/hxcf?format=csv&lang=en"
    )

    head, *lines = reply.get_data().decode("utf-8-sig").splitlines()
    assert head.endswith("Other account,Debit,Credit,Payout")
    assert sorted(line.split(",")[7] for line in lines) == ["1.00", "9000.00"]


def test_transfers_have_pages(desk, settled):
    with transaction() as session:
        for fen in range(1, 61):
            world.deposit(session, fen)
    maker = desk.person("maker")

    path = "/finance/ledger/account/funding_bank/hxcf"
    first = maker.opens(path)
    (following,) = [one for one in links(first, f"{path}?after=") if "lang=" not in one]
    second = maker.opens(following)

    assert len(first.encode()) < 50_000
    # 60 deposits, a settlement and a fee.
    assert (first.count("<tr>"), second.count("<tr>")) == (51, 13)


def test_a_time_that_cannot_be_read_is_named(desk):
    assert "请输入时间" in desk.person("maker").opens("/finance/ledger?at=noon", 422)
