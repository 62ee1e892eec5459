"""The risk console's words, Chinese and English side by side."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from kernel.web.around import say
from kernel.web.consoles import Words
from underwriting.decisions import Outcome
from underwriting.dossier import AccountType, Purpose
from underwriting.features import catalogue
from underwriting.features.declaration import Unit
from underwriting.features.names import FEATURES, UNITS
from underwriting.limits import Constraint
from underwriting.lots import Part, Why
from underwriting.obstacles import Cause
from underwriting.records.models import ModelStatus
from underwriting.records.service import PromotionKind, ReviewCause
from underwriting.replays import Verdict
from underwriting.reversals import Reversal
from underwriting.watched import AgeBand, Sex
from underwriting.watched import Mark as LoanMark
from underwriting.watched import Verdict as WatchVerdict
from underwriting.watching import fairness

WORDS: Final[Mapping[type[StrEnum], Mapping[Any, Words]]] = {
    Outcome: {
        Outcome.APPROVE: ("通过", "Approved"),
        Outcome.DECLINE: ("拒绝", "Declined"),
        Outcome.REVIEW: ("人工审核", "For review"),
    },
    Constraint: {
        Constraint.DEBTS: ("已核实欠款合计（含缓冲）", "Verified debts with their buffer"),
        Constraint.PRODUCT: ("产品与法定上限", "Product and law"),
        Constraint.RISK: ("风险等级 × 收入倍数", "Risk band times income"),
        Constraint.AFFORDABILITY: ("还款能力", "Affordability"),
        Constraint.PROFIT: ("预期收益最高的金额", "Amount of the largest expected profit"),
    },
    AccountType: {
        AccountType.CREDIT: ("信用卡", "Credit card"),
        AccountType.DEBIT: ("借记卡", "Debit card"),
        AccountType.PREPAID: ("预付卡", "Prepaid card"),
        AccountType.UNKNOWN: ("查无此卡", "Unknown"),
    },
    Purpose: {
        Purpose.CARD_DEBT: ("偿还信用卡", "Card debt"),
        Purpose.CONSOLIDATION: ("合并多笔债务", "Consolidation"),
    },
    ModelStatus: {
        ModelStatus.CANDIDATE: ("候选", "Candidate"),
        ModelStatus.CHALLENGER: ("挑战者", "Challenger"),
        ModelStatus.SERVING: ("在用", "Serving"),
        ModelStatus.RETIRED: ("已退役", "Retired"),
    },
    Verdict: {
        Verdict.SAME: ("一致：评分与决策逐字节相同", "Same: score and decision, byte for byte"),
        Verdict.SAME_FROM_STORED_PD: (
            "一致（评分库版本不同）：以存档的违约概率重算，其后全部相同",
            "Same from the stored probability: this library scores otherwise",
        ),
        Verdict.SAME_WITHOUT_MODEL: (
            "一致（模型无法加载）：以存档的违约概率重算，其后全部相同",
            "Same from the stored probability: the model cannot be used here",
        ),
        Verdict.DIFFERS: (
            "不一致：重算的决策与存档不同",
            "Differs: the decision comes out otherwise",
        ),
        Verdict.TAMPERED: (
            "不一致：存档内容与其哈希不符，可能被改动",
            "Differs: what is stored does not have its stored hash",
        ),
    },
    ReviewCause: {
        ReviewCause.RULES: ("规则转人工", "The rules"),
        ReviewCause.DEBTOR: ("债务人申请", "The debtor asked"),
    },
    Cause: {
        Cause.SOURCE_SILENT: ("来源无应答", "A source does not answer"),
        Cause.SOURCE_REFUSED: ("来源拒绝查询", "A source refuses the question"),
        Cause.CONSENT_MISSING: ("授权缺失或已过期", "A consent is missing or too old"),
        Cause.NO_LENDER: ("没有放款产品", "No lender has a product"),
        Cause.QUOTES_EXPIRED: ("结清报价已过期", "The payoff quotes ran out"),
        Cause.FAULT: ("系统故障，见日志", "A fault of ours; see the log"),
        Cause.UNTOLD: ("未记录", "Not on record"),
    },
    Reversal: {
        Reversal.DECLINED: ("此前的评估为拒绝", "an earlier assessment declined"),
        Reversal.FRAUD: ("此前的评估命中欺诈规则", "an earlier one met a rule against fraud"),
        Reversal.TERMS: ("此前的评估得出过方案", "an earlier one found terms"),
        Reversal.POLICY: ("适用的政策不同", "another policy decided"),
        Reversal.MODEL: ("评分的模型不同", "another model scored"),
        Reversal.LENDER: ("放款机构不同", "another lender would lend"),
    },
    PromotionKind: {
        PromotionKind.FIRST: ("首个模型", "First"),
        PromotionKind.GATE: ("通过评审", "By the gate"),
        PromotionKind.OVERRIDE: ("双人决定", "By two officers"),
        PromotionKind.ROLL_BACK: ("回退", "Rolled back"),
    },
    Part: {
        Part.CHAMPION: ("在用模型", "Champion"),
        Part.CHALLENGER: ("挑战者", "Challenger"),
    },
    Why: {
        Why.LOT: ("抽签", "by lot"),
        Why.BEFORE: ("沿用此前的模型", "as at an earlier assessment"),
        Why.UNUSABLE: ("挑战者不可用", "the challenger could not be used"),
    },
    WatchVerdict: {
        WatchVerdict.QUIET: ("正常", "Quiet"),
        WatchVerdict.NOTICE: ("提示", "Notice"),
        WatchVerdict.ALARM: ("报警", "Alarm"),
        WatchVerdict.TOO_FEW: ("样本不足", "Too few"),
    },
    LoanMark: {
        LoanMark.LATE_30: ("逾期 30 天", "30 days late"),
        LoanMark.LATE_90: ("逾期 90 天", "90 days late"),
        LoanMark.WRITTEN_OFF: ("核销", "Written off"),
    },
    Unit: UNITS,
}

TONES: Final[Mapping[str, str]] = {
    Outcome.APPROVE: "good",
    Outcome.DECLINE: "bad",
    Outcome.REVIEW: "warning",
    ModelStatus.SERVING: "good",
    WatchVerdict.QUIET: "good",
    WatchVerdict.NOTICE: "warning",
    WatchVerdict.ALARM: "bad",
}

GROUPS: Final[Mapping[str, Words]] = {
    Sex.FEMALE: ("女", "Women"),
    Sex.MALE: ("男", "Men"),
    AgeBand.TO_24: ("24 岁及以下", "To 24"),
    AgeBand.FROM_25: ("25–34 岁", "25 to 34"),
    AgeBand.FROM_35: ("35–44 岁", "35 to 44"),
    AgeBand.FROM_45: ("45–54 岁", "45 to 54"),
    AgeBand.FROM_55: ("55 岁及以上", "From 55"),
    fairness.GOOD_HELD_BAD: ("好户被看差", "goods held for bad"),
    fairness.BAD_HELD_GOOD: ("坏户被看好", "bads held for good"),
}
"""Groups and errors of the tests of fairness."""

ADVICE: Final[Mapping[str, Words]] = {
    "four_eyes": (
        "您已提出该结论，须由另一名风控人员给出相同结论。",
        "You proposed it yourself: another risk officer has to say the same.",
    ),
    "already_reviewed": (
        "另一位风控人员已作出结论，见下方。",
        "Another officer decided already; see below.",
    ),
    "nothing_to_approve": (
        "评估没有得出可提供的方案。请更正资料后重新评估，或拒绝。",
        "The assessment found no terms. Assess anew with corrected data, or decline.",
    ),
    "being_assessed_anew": (
        "请打开该申请最新的评估后再作结论。",
        "Open the newest assessment of the application and decide there.",
    ),
    "not_before_a_person": (
        "该评估已有结论，或该申请已结束。",
        "It was decided on, or the application has ended.",
    ),
    "asked_too_often": (
        "请按现有评估作出结论。",
        "Decide on the assessment that there is.",
    ),
    "review_faulty": (
        "请选择结论并写明理由，不超过 2,000 字。",
        "Choose the outcome and give a reason of at most 2,000 characters.",
    ),
}

PARTS: Final[Mapping[str, Words]] = {
    "outcome": ("结论", "outcome"),
    "reasons": ("理由", "reasons"),
    "pd": ("违约概率", "probability of default"),
    "band": ("风险等级", "band"),
    "limit": ("额度", "limit"),
    "binding": ("约束条件", "binding constraint"),
    "ceilings": ("各项上限", "ceilings"),
    "chosen": ("代偿的卡", "chosen cards"),
    "left_out": ("未代偿的卡", "cards left out"),
    "principal": ("本金", "principal"),
    "months": ("期数", "months"),
    "annual_rate": ("年化利率", "annual rate"),
    "instalment": ("月供", "instalment"),
    "total_interest": ("利息合计", "total interest"),
    "comparison": ("与现状比较", "comparison"),
    "contributions": ("评分构成", "contributions"),
    "counted_income": ("计入收入", "counted income"),
    "workings": ("额度依据", "what the limit rests on"),
    "route": ("分流", "route"),
    "grant": ("随机批准", "approval at random"),
}
"""The parts of a decision that a replay may find otherwise."""


def feature(name: str) -> str:
    """Say what a figure is."""
    known = catalogue.CATALOGUE.get(name)
    return say(FEATURES.get(name, name), known.meaning if known is not None else name)


def part(name: str) -> str:
    """Name a part of a decision."""
    return say(*PARTS[name]) if name in PARTS else name


def tone(member: StrEnum) -> str:
    """Give the colour of a status."""
    return TONES.get(member, "")
