"""The words for what happens to a loan after its payout, Chinese and English side by side."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from disbursement.commission_statements import LineKind
from disbursement.credit_file import Period, State
from disbursement.delinquency import Bucket, Grade
from disbursement.records.commissions import CommissionStatus
from disbursement.records.credit import DisputeOutcome, HoldReason, ReportStatus
from disbursement.records.debits import DebitPurpose, DebitStatus
from disbursement.records.life import AmendmentStatus, EventKind
from kernel.web.consoles import Words

LOAN_WORDS: Final[Mapping[type[StrEnum], Mapping[Any, Words]]] = {
    Bucket: {bucket: (bucket.value, bucket.value) for bucket in Bucket},
    Grade: {
        Grade.NORMAL: ("正常", "Normal"),
        Grade.SPECIAL_MENTION: ("关注", "Special mention"),
        Grade.SUBSTANDARD: ("次级", "Substandard"),
        Grade.DOUBTFUL: ("可疑", "Doubtful"),
        Grade.LOSS: ("损失", "Loss"),
    },
    EventKind: {
        EventKind.BEGUN: ("起息", "Begun"),
        EventKind.DISBURSED: ("追加放款", "Further payout"),
        EventKind.RETURNED: ("付款退回", "Payout returned"),
        EventKind.RATE_CHANGED: ("调整利率", "Rate changed"),
        EventKind.PAUSED: ("暂停计息", "Interest paused"),
        EventKind.CHARGED: ("收取费用", "Charged"),
        EventKind.WAIVED: ("减免", "Waived"),
        EventKind.REPAID: ("还款", "Repaid"),
        EventKind.PREPAID: ("提前还款", "Prepaid"),
        EventKind.RE_AGED: ("重新安排还款", "Re-aged"),
        EventKind.PAID_OFF: ("结清", "Paid off"),
        EventKind.REVERSED: ("冲正", "Taken back"),
        EventKind.WRITTEN_OFF: ("核销", "Written off"),
        EventKind.RECOVERED: ("核销后收回", "Recovered"),
    },
    AmendmentStatus: {
        AmendmentStatus.REQUESTED: ("待复核", "To be confirmed"),
        AmendmentStatus.CONFIRMED: ("已复核入账", "Confirmed"),
        AmendmentStatus.DECLINED: ("已驳回", "Declined"),
    },
    DebitStatus: {
        DebitStatus.PLANNED: ("待发送", "To be sent"),
        DebitStatus.SUBMITTED: ("已发出", "Sent"),
        DebitStatus.ACCEPTED: ("渠道处理中", "In the channel's hands"),
        DebitStatus.UNKNOWN: ("结果未知，查询中", "Unknown, being asked about"),
        DebitStatus.PAID: ("已扣收", "Collected"),
        DebitStatus.FAILED: ("扣款失败", "Failed"),
        DebitStatus.CANCELLED: ("已取消", "Cancelled"),
        DebitStatus.RETURNED: ("已退回", "Returned"),
    },
    DebitPurpose: {
        DebitPurpose.INSTALMENT: ("应还款项", "What is due"),
        DebitPurpose.PREPAY_SHORTEN: ("提前还款，缩短期限", "Prepayment, shorter term"),
        DebitPurpose.PREPAY_LOWER: ("提前还款，减少月供", "Prepayment, lower instalments"),
        DebitPurpose.PAYOFF: ("结清", "Payoff"),
    },
    CommissionStatus: {
        CommissionStatus.EARNED: ("已计提", "Earned"),
        CommissionStatus.CLAWED_BACK: ("首期违约，已追回", "Clawed back, first default"),
        CommissionStatus.TAKEN_BACK: ("付款退回，已冲回", "Taken back, payout returned"),
    },
    LineKind: {
        LineKind.EARNED: ("计提", "Earned"),
        LineKind.CLAWED_BACK: ("首期违约追回", "Clawed back"),
        LineKind.TAKEN_BACK: ("付款退回冲回", "Taken back"),
    },
    ReportStatus: {
        ReportStatus.PREPARED: ("待复核", "To be released"),
        ReportStatus.RELEASED: ("已放行", "Released"),
        ReportStatus.REJECTED: ("已驳回", "Rejected"),
    },
    HoldReason: {
        HoldReason.NOT_TOLD: ("未按时告知本人", "The person was not told in time"),
        HoldReason.NOT_IDENTIFIED: ("缺少身份信息", "Name and number are not kept"),
    },
    DisputeOutcome: {
        DisputeOutcome.OPEN: ("处理中", "Open"),
        DisputeOutcome.UPHELD: ("异议成立", "Upheld"),
        DisputeOutcome.REJECTED: ("异议不成立", "Rejected"),
    },
    Period: {Period.DAY: ("日", "Day"), Period.MONTH: ("月", "Month")},
    State: {
        State.NORMAL: ("正常", "Normal"),
        State.OVERDUE: ("逾期", "Overdue"),
        State.SETTLED: ("结清", "Settled"),
        State.WRITTEN_OFF: ("核销", "Written off"),
        State.UNDONE: ("已撤销", "Undone"),
    },
}

LOAN_TONES: Final[Mapping[str, str]] = {
    Bucket.M1: "warning",
    **dict.fromkeys((b for b in Bucket if b not in {Bucket.M0, Bucket.M1}), "bad"),
    Grade.SPECIAL_MENTION: "warning",
    **dict.fromkeys((Grade.SUBSTANDARD, Grade.DOUBTFUL, Grade.LOSS), "bad"),
    AmendmentStatus.REQUESTED: "warning",
    AmendmentStatus.CONFIRMED: "good",
    DebitStatus.UNKNOWN: "warning",
    DebitStatus.PAID: "good",
    DebitStatus.RETURNED: "bad",
    CommissionStatus.CLAWED_BACK: "bad",
    CommissionStatus.TAKEN_BACK: "bad",
    ReportStatus.PREPARED: "warning",
    ReportStatus.RELEASED: "good",
}

LOAN_REASONS: Final[Mapping[str, Words]] = {
    "commission": ("机构佣金", "Commission"),
    "commission_clawed_back": ("首期违约追回佣金", "Commission clawed back"),
    "commission_taken_back": ("付款退回冲回佣金", "Commission taken back"),
}

LOAN_ADVICE: Final[Mapping[str, Words]] = {
    "not_an_amender": (
        "申请须由另一位财务复核人员复核，申请人本人不能复核。",
        "Another finance checker confirms it; whoever asked does not.",
    ),
    "not_an_amendment": (
        "请核对申请内容：贷款须在贷、日期不晚于今天、利率不超上限，并写明原因。",
        "Check it: the loan runs, the day is not later than today, the rate within the cap, and a "
        "reason is given.",
    ),
    "event_not_applicable": (
        "按还款计划无法入账，请核对金额与日期。",
        "The schedule has no room for it; check amount and day.",
    ),
    "credit_report_waits": (
        "请先放行或驳回该期间待复核的报送。",
        "Release or reject the report that waits first.",
    ),
    "letter_unprintable": (
        "请人工出具证明并随贷款存档。",
        "Write it by hand and keep a copy with the loan.",
    ),
}
