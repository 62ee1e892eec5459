"""The console's words, Chinese and English side by side: statuses, kinds of break, refusals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from disbursement.breaks import AgeBucket
from disbursement.matching.kinds import BreakKind
from disbursement.records.breaks import BreakStatus, Resolution
from disbursement.records.days import DayStatus
from disbursement.records.debits import TransferStatus
from disbursement.records.ledger import AccountKind, TransferState
from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import EvidenceKind, LegStatus
from disbursement.records.settlement import FileKind, FileStatus
from disbursement.web.loan_words import LOAN_ADVICE, LOAN_REASONS, LOAN_TONES, LOAN_WORDS
from kernel.web.around import say
from kernel.web.consoles import Words

WORDS: Final[Mapping[type[StrEnum], Mapping[Any, Words]]] = {
    LegStatus: {
        LegStatus.PLANNED: ("待审批", "To be approved"),
        LegStatus.APPROVED: ("已审批，待发送", "Approved, to be sent"),
        LegStatus.REQUOTE_NEEDED: ("需债务人重新确认", "Debtor must confirm anew"),
        LegStatus.SUBMITTED: ("已发出", "Sent"),
        LegStatus.ACCEPTED: ("渠道处理中", "In the channel's hands"),
        LegStatus.UNKNOWN: ("结果未知，查询中", "Unknown, being asked about"),
        LegStatus.PAID: ("已付，待对账", "Paid, to be matched"),
        LegStatus.MATCHED: ("已付，三方相符", "Paid, three sides agree"),
        LegStatus.PAYOFF_VERIFIED: ("发卡行确认结清", "Card verified clear"),
        LegStatus.FAILED: ("付款失败", "Failed"),
        LegStatus.CANCELLED: ("已取消", "Cancelled"),
        LegStatus.RETURNED: ("已退回", "Returned"),
    },
    LoanStatus: {
        LoanStatus.PENDING: ("付款中", "Being paid out"),
        LoanStatus.ACTIVE: ("已起息", "Active"),
        LoanStatus.CANCELLED: ("已取消", "Cancelled"),
        LoanStatus.SETTLED: ("已结清", "Settled"),
        LoanStatus.UNDONE: ("已撤销", "Undone"),
        LoanStatus.WRITTEN_OFF: ("已核销", "Written off"),
    },
    BreakStatus: {
        BreakStatus.OPEN: ("待说明", "Open"),
        BreakStatus.EXPLAINED: ("已说明，待复核", "Explained"),
        BreakStatus.RESOLVED: ("已处理", "Resolved"),
        BreakStatus.CURED: ("已自动消除", "Cured by itself"),
    },
    BreakKind: {
        BreakKind.OURS_ONLY: ("账上有、渠道无", "In our books only"),
        BreakKind.CHANNEL_ONLY: ("渠道有、账上无", "At the channel only"),
        BreakKind.AMOUNT: ("金额不符", "Amount differs"),
        BreakKind.STATUS: ("账上未成功、渠道已付", "Not paid here, paid there"),
        BreakKind.UNRESOLVED: ("结果未知", "Still unknown"),
        BreakKind.PAID_TWICE: ("同一订单付款两次", "Paid twice"),
        BreakKind.DUPLICATE_ROW: ("文件中重复行", "Row listed twice"),
        BreakKind.RETURNED: ("款项退回", "Returned"),
        BreakKind.RETURN_UNKNOWN: ("来源不明的退回", "Return of nothing known"),
        BreakKind.RE_PRESENTED: ("退回后再次出现", "Presented again"),
        BreakKind.CUTOFF: ("跨日结算", "Other settlement day"),
        BreakKind.FEE: ("手续费不符", "Fee differs"),
        BreakKind.NET_OF_FEE: ("本金与手续费合并划款", "Net of fee"),
        BreakKind.PAYEE: ("收款卡不符", "Other card paid"),
        BreakKind.UNKNOWN_ROW: ("无法识别的行", "Row of no known kind"),
        BreakKind.BANK_TOTAL: ("银行合计不符", "Bank total differs"),
        BreakKind.BANK_ONLY: ("银行单边流水", "On the statement only"),
        BreakKind.FUNDING: ("注资不符", "Deposit on one side only"),
        BreakKind.TRANSFER: ("来账待认领", "Transfer for no known loan"),
        BreakKind.VALUE_DATE: ("起息日不符", "Value date differs"),
        BreakKind.BALANCE: ("账户变动不符", "Account moved otherwise"),
        BreakKind.FILE_MISSING: ("缺少对账文件", "File missing"),
        BreakKind.FILE_HELD: ("文件待两人裁定", "File held"),
        BreakKind.FILE_REFUSED: ("文件被拒收", "File refused"),
    },
    Resolution: {
        Resolution.BOOKS_STAND: ("以账本为准", "The books stand"),
        Resolution.ADJUSTED: ("已另行记账调整", "Other entries were posted"),
        Resolution.CLAIMED: ("已向渠道或银行追索并更正", "Claimed from channel or bank"),
        Resolution.WRITTEN_OFF: ("核销", "Written off"),
        Resolution.OTHER_FILE_TAKEN: ("改用后到的文件", "Take the later file"),
        Resolution.FIRST_FILE_STANDS: ("维持先到的文件", "Keep the first file"),
    },
    TransferStatus: {
        TransferStatus.MATCHED: ("已按附言入账", "Booked by its reference"),
        TransferStatus.SUSPENSE: ("待认领", "In suspense"),
        TransferStatus.PROPOSED: ("待确认归属", "To be agreed to"),
        TransferStatus.ASSIGNED: ("已认领入账", "Assigned and booked"),
    },
    AgeBucket: {
        AgeBucket.DAYS_0_1: ("0–1 个工作日", "0–1 working days"),
        AgeBucket.DAYS_2_3: ("2–3 个工作日", "2–3 working days"),
        AgeBucket.DAYS_4_7: ("4–7 个工作日", "4–7 working days"),
        AgeBucket.DAYS_OVER_7: ("超过 7 个工作日", "Over 7 working days"),
    },
    DayStatus: {
        DayStatus.OPEN: ("未签核", "Not signed"),
        DayStatus.PREPARED: ("已制单，待签核", "Prepared"),
        DayStatus.SIGNED: ("已签核锁定", "Signed and locked"),
    },
    FileKind: {
        FileKind.SETTLEMENT: ("渠道清算文件", "Channel settlement file"),
        FileKind.BANK: ("银行对账单", "Bank statement"),
    },
    FileStatus: {
        FileStatus.TAKEN: ("已采用", "Taken"),
        FileStatus.HELD: ("待两人裁定", "Held"),
        FileStatus.REFUSED: ("已拒收", "Refused"),
        FileStatus.SUPERSEDED: ("已被替换", "Superseded"),
    },
    AccountKind: {
        AccountKind.ASSET: ("资产", "Asset"),
        AccountKind.LIABILITY: ("负债", "Liability"),
        AccountKind.INCOME: ("收入", "Income"),
        AccountKind.EXPENSE: ("费用", "Expense"),
    },
    TransferState: {
        TransferState.PENDING: ("预留", "Reserved"),
        TransferState.POSTED: ("已过账", "Posted"),
        TransferState.VOIDED: ("预留已释放", "Reserve released"),
    },
    EvidenceKind: {
        EvidenceKind.PAY: ("付款请求", "Payment"),
        EvidenceKind.QUERY: ("结果查询", "Query"),
        EvidenceKind.NOTICE: ("渠道通知", "Notice"),
        EvidenceKind.FILE: ("对账文件", "File"),
        EvidenceKind.BATCH: ("批量文件上传", "Batch uploaded"),
        EvidenceKind.RESULT: ("批量回盘文件", "Batch result"),
        EvidenceKind.RETURNS: ("退票查询", "Returns of a day"),
    },
    **LOAN_WORDS,
}

TONES: Final[Mapping[str, str]] = {
    LegStatus.UNKNOWN: "warning",
    LegStatus.REQUOTE_NEEDED: "warning",
    LegStatus.MATCHED: "good",
    LegStatus.PAYOFF_VERIFIED: "good",
    LegStatus.FAILED: "bad",
    LegStatus.RETURNED: "bad",
    BreakStatus.OPEN: "bad",
    BreakStatus.EXPLAINED: "warning",
    BreakStatus.RESOLVED: "good",
    DayStatus.PREPARED: "warning",
    DayStatus.SIGNED: "good",
    FileStatus.TAKEN: "good",
    FileStatus.HELD: "warning",
    FileStatus.REFUSED: "bad",
    LoanStatus.ACTIVE: "good",
    LoanStatus.WRITTEN_OFF: "bad",
    **LOAN_TONES,
}
"""The colour of a status; its word says the same."""

REASONS: Final[Mapping[str, Words]] = {
    "payout": ("代偿付款", "Payout"),
    "payout_returned": ("付款退回", "Payout returned"),
    "payout_settled": ("付款银行入账", "Payout settled at the bank"),
    "return_settled": ("退回银行入账", "Return settled at the bank"),
    "channel_fee": ("渠道手续费", "Channel fee"),
    "capital paid in": ("放款机构注资", "Capital paid in"),
    **LOAN_REASONS,
}
"""Why a transfer was posted."""

ADVICE: Final[Mapping[str, Words]] = {
    "approved_already": (
        "请通知另一位复核人员登录后审批，本人不能再次审批。",
        "Ask another checker to sign in and approve; you cannot approve twice.",
    ),
    "not_an_approver": (
        "第一次审批由制单或复核人员作出，之后的由复核人员作出。",
        "A maker or checker gives the first approval, a checker every later one.",
    ),
    "move_refused": (
        "页面打开后状态已变化，下方为最新状态，请核对后再操作。",
        "The state changed after the page was opened; below is the present one.",
    ),
    "ceiling_too_low": (
        "发卡行报价高于签约上限，须先由债务人签署补充确认。",
        "The issuer's quote is above the signed ceiling; the debtor must sign for more first.",
    ),
    "payee_changed": (
        "收款卡或户名与签约时不同，请勿付款，立即上报，并由两人撤销该笔付款。",
        "Card or name are not those that were signed for. Do not pay; report it at once, "
        "and have two persons call it off.",
    ),
    "seal_broken": (
        "收款信息无法解密，请先检查密钥；密钥无误的，由两人撤销该笔付款。",
        "Card or name cannot be opened. Look after the keys; where they are right, have two "
        "persons call it off.",
    ),
    "call_off_asked_already": (
        "请通知另一位人员登录后同意撤销，两人中须有一位复核人员。",
        "Ask another person to sign in and agree; one of the two is a checker.",
    ),
    "no_successor": (
        "渠道对该笔付款前后矛盾，或贷款已到期，不能重新发起。",
        "The channel contradicted itself about it, or the loan has matured.",
    ),
    "being_sent": (
        "付款正在发送，请一两分钟后刷新查看结果。",
        "It is being sent right now; open the page again in a minute or two.",
    ),
    "four_eyes": (
        "须由另一位复核人员登录后处理。",
        "Another checker must sign in and decide.",
    ),
    "not_your_role": (
        "该操作由财务复核人员进行，请联系复核人员。",
        "A finance checker does this; ask one.",
    ),
    "explanation_needed": (
        "请写明差异的原因，不超过 2,000 字。",
        "Say what happened, in at most 2,000 characters.",
    ),
    "day_not_ready": (
        "请先处理下列事项，再制单或签核。",
        "See to the points below first.",
    ),
    "day_signed": (
        "该日已锁定。之后的更正记在后面的日期。",
        "The day is locked; corrections belong to a later day.",
    ),
    "day_not_over": ("请在次日对账。", "Reconcile it the day after."),
    **LOAN_ADVICE,
}
"""What to do about a refusal, by its code."""

_OBJECTIONS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), zh)
    for pattern, zh in (
        (r"there is no settlement file", "缺少渠道清算文件"),
        (r"there is no settlement file of (\w+)", r"缺少渠道 \1 的清算文件"),
        (r"there is no bank file", "缺少银行对账单"),
        (r"there is no bank file of (\w+)", r"缺少渠道 \1 结算账户的银行对账单"),
        (r"breaks that nobody has explained: (\d+)", r"有 \1 笔差异尚无说明"),
        (r"undecided payouts that are no breaks: (\d+)", r"有 \1 笔结果未知的付款未列入差异"),
        (r"undecided collections that are no breaks: (\d+)", r"有 \1 笔结果未知的扣款未列入差异"),
        (r"it was never reconciled", "尚未对账"),
        (r"its files changed after it was reconciled", "对账之后文件有变化，须重新对账"),
    )
)


def objection(sentence: str) -> str:
    """Say in the language of the page what stands against signing a day."""
    for pattern, zh in _OBJECTIONS:
        found = pattern.fullmatch(sentence)
        if found is not None:
            return say(found.expand(zh), sentence[:1].upper() + sentence[1:])
    return sentence


def reason(code: str) -> str:
    """Say why a transfer was posted."""
    return say(*REASONS[code]) if code in REASONS else code


def subject(text: str) -> str:
    """Name what a break is about when it is a file; else give it as it is."""
    first = text.partition(" ")[0]
    return say(*WORDS[FileKind][FileKind(first)]) if first in set(FileKind) else text


def tone(member: StrEnum) -> str:
    """Give the colour of a status."""
    return TONES.get(member, "")


def options(kind: type[StrEnum], first: Words) -> list[tuple[str, str]]:
    """List the members of a kind for a pick list, after a first entry that means all of them."""
    return [("", say(*first)), *((m.value, say(*WORDS[kind][m])) for m in kind)]
