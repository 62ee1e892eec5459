"""Pages of the ledger: balances now or at an instant, and every transfer of an account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from disbursement import accounts
from disbursement.records.ledger import AccountKind, TransferState
from disbursement.web import ledger_list
from disbursement.web.ledger_list import Balance, Movement
from disbursement.web.payout_pages import FINANCE
from disbursement.web.words import WORDS, reason
from kernel.clock import SHANGHAI
from kernel.db import transaction
from kernel.web import lists
from kernel.web.access import allow
from kernel.web.around import now, say

ACCOUNTS: Final = {
    "capital": ("放款机构资本", "Capital of the funder"),
    "channel_fees": ("渠道手续费", "Channel fees"),
    "collection": ("渠道代收在途", "Collected by the channel"),
    "commission_expense": ("佣金支出", "Agency commission"),
    "commission_payable": ("应付佣金", "Commission payable"),
    "fee_income": ("费用收入", "Fee income"),
    "funding_bank": ("银行备付账户", "Funding account at the bank"),
    "in_transit": ("渠道在途", "In transit at the channel"),
    "interest_accrued": ("应计利息", "Interest accrued"),
    "interest_income": ("利息收入", "Interest income"),
    "interest_suspended": ("催收利息", "Interest in suspense"),
    "loan_credit": ("溢缴款", "Paid early or too much"),
    "loan_fees": ("应收费用", "Fees due"),
    "loan_interest": ("应收利息", "Interest due"),
    "loan_penalty": ("应收罚息", "Penalty due"),
    "loan_principal": ("贷款本金", "Loan principal"),
    "penalty_income": ("罚息收入", "Penalty income"),
    "recovery_income": ("核销收回", "Recovered after write-off"),
    "suspense": ("待查款项", "Suspense"),
    "waiver": ("减免", "Waived"),
    "write_off": ("核销损失", "Written off"),
}

blueprint = Blueprint("ledger", __name__, url_prefix="/ledger")


@blueprint.get("")
@allow(*FINANCE)
def balances() -> ResponseReturnValue:
    """List account balances by code, now or at an instant."""
    filters = lists.Filters()
    first = filters.text("first") or ""
    until = filters.instant("at") or now()
    read = _read_balances(first, until)
    if lists.wants_csv():
        return lists.reply(_balances_export(read))
    with transaction() as session:
        part = read(session, lists.after(), lists.PAGE_ROWS)
    page = render_template(
        "disbursement/ledger.html",
        section="ledger",
        part=part,
        until=until,
        filters=filters.filled(),
        firsts=[("", say("全部科目", "Any account")), *((k, say(*w)) for k, w in ACCOUNTS.items())],
        account_name=account_name,
    )
    return page, filters.status


@blueprint.get("/account/<path:code>")
@allow(*FINANCE)
def account(code: str) -> ResponseReturnValue:
    """List the transfers of one account."""
    filters = lists.Filters()
    until = filters.instant("at") or now()
    read = _read_movements(code, until)
    if lists.wants_csv():
        accounts.charted(code)
        return lists.reply(_movements_export(read))
    with transaction() as session:
        found = ledger_list.balance(session, code, until=until)
        part = read(session, lists.after(), lists.PAGE_ROWS)
    page = render_template(
        "disbursement/account.html",
        section="ledger",
        found=found,
        part=part,
        until=until,
        filters=filters.filled(),
        account_name=account_name,
    )
    return page, filters.status


def account_name(code: str) -> str:
    """Name what an account of this code keeps."""
    first = code.partition("/")[0]
    return say(*ACCOUNTS[first]) if first in ACCOUNTS else first


def _read_balances(
    first: str, until: datetime
) -> Callable[[Session, str | None, int], lists.Part[Balance]]:
    return lambda session, after, limit: ledger_list.balances(
        session, first=first, until=until, after=after, limit=limit
    )


def _read_movements(
    code: str, until: datetime
) -> Callable[[Session, str | None, int], lists.Part[Movement]]:
    return lambda session, after, limit: ledger_list.movements(
        session, code, until=until, after=lists.place(after), limit=limit
    )


def _balances_export(
    read: Callable[[Session, str | None, int], lists.Part[Balance]],
) -> lists.Export[Balance]:
    return lists.Export(
        name="balances",
        heading=(
            say("科目", "Account"),
            say("名称", "Name"),
            say("类别", "Kind"),
            say("借方合计", "Debits"),
            say("贷方合计", "Credits"),
            say("余额", "Balance"),
        ),
        read=read,
        line=lambda one: (
            one.code,
            account_name(one.code),
            say(*WORDS[AccountKind][one.kind]),
            one.debits,
            one.credits,
            one.amount,
        ),
    )


def _movements_export(
    read: Callable[[Session, str | None, int], lists.Part[Movement]],
) -> lists.Export[Movement]:
    return lists.Export(
        name="transfers",
        heading=(
            say("分录编号", "Transfer"),
            say("过账时间", "Posted at"),
            say("起息日", "Value date"),
            say("事由", "Reason"),
            say("状态", "State"),
            say("对方科目", "Other account"),
            say("借方", "Debit"),
            say("贷方", "Credit"),
            say("付款编号", "Payout"),
        ),
        read=read,
        line=lambda one: (
            one.id,
            one.posted_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
            one.value_date.isoformat(),
            reason(one.reason),
            say(*WORDS[TransferState][one.state]),
            one.other,
            one.amount if one.is_debit else None,
            None if one.is_debit else one.amount,
            one.leg_id,
        ),
    )
