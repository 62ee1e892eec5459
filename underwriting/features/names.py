"""What figures and their units are called in Chinese; the English stands with each feature. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from underwriting.features.declaration import Unit

UNITS: Final[Mapping[Unit, tuple[str, str]]] = {
    Unit.COUNT: ("个", "count"),
    Unit.DAYS: ("天", "days"),
    Unit.MONTHS: ("月", "months"),
    Unit.YEARS: ("年", "years"),
    Unit.YUAN: ("元", "yuan"),
    Unit.AMOUNT: ("金额", "amount"),
    Unit.PERCENT: ("%", "%"),
    Unit.RATIO: ("比值", "ratio"),
    Unit.SCORE: ("分", "score"),
    Unit.FLAG: ("是/否", "yes or no"),
}

FEATURES: Final[Mapping[str, str]] = {
    "accounts_opened_24m": "近 24 个月新开账户",
    "inquiries_12m": "近 12 个月信用查询",
    "card_balance_max": "单卡最高余额",
    "card_open_to_buy": "信用卡可用额度",
    "card_utilisation_pct": "信用卡额度使用率",
    "all_utilisation_pct": "全部额度使用率",
    "card_limit_total": "信用卡额度合计",
    "revolving_balance": "循环账户余额合计",
    "average_balance": "账户平均余额",
    "months_since_oldest_instalment": "最早分期账户开立至今",
    "months_since_oldest_revolving": "最早循环账户开立至今",
    "months_since_newest_revolving": "最近循环账户开立至今",
    "months_since_newest_account": "最近账户开立至今",
    "mortgage_accounts": "住房贷款账户",
    "instalment_accounts": "分期账户",
    "revolving_accounts": "循环账户",
    "accounts_90dpd_24m": "近 24 个月逾期 90 天的账户",
    "never_delinquent_pct": "从未逾期账户占比",
    "cards_over_75_pct": "使用率超过 75% 的信用卡占比",
    "total_balance": "全部余额合计",
    "total_credit_limit": "全部额度合计",
    "accounts_total": "历史账户总数",
    "balance_excluding_mortgage": "房贷以外余额合计",
    "instalment_limit_total": "分期授信合计",
    "finance_accounts": "消费金融公司账户",
    "debt_to_income_pct": "月债务支出占收入（不含房贷）",
    "annual_income": "计入的年收入",
    "employment_years": "现职工作年数（最多 10）",
    "merges_debts": "是否合并多笔债务",
    "lender_inquiries_7d": "近 7 天查询的贷款机构",
    "lender_inquiries_30d": "近 30 天查询的贷款机构",
    "ring_size": "关联人数（含本人）",
    "ring_agencies": "关联人员的推荐机构数",
    "ring_late_pct": "关联人员逾期占比",
    "ring_late_1hop_pct": "直接关联人员逾期占比",
    "ring_late_2hop_pct": "间接关联人员逾期占比",
    "ring_card_shared": "是否与他人共用银行卡",
    "ring_device_shared": "是否与他人共用设备",
    "ring_text_people": "困难说明几乎相同的人数",
    "ring_velocity_7d": "近 7 天共用同一关键信息的人数",
    "ring_velocity_30d": "近 30 天共用同一关键信息的人数",
    "ring_age_days": "关联群体首次出现至今",
}
