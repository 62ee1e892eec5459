"""The code book of reasons: why an application was declined, cut or put before a person.

A code is stable and is what is stored; the sentences are for the debtor. At most four are given,
and only factors that were really used (Regulation B's practice, CFPB circulars 2022-03 and
2023-03; 个人信息保护法 24 for the right to an explanation).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

REASONS_MAX: Final = 4


class Reason(StrEnum):
    """One reason by its stable code."""

    # what the rules found
    TOO_YOUNG = "too_young"
    TOO_OLD = "too_old"
    IDENTITY_MISMATCH = "identity_mismatch"
    CHECKS_NOT_PASSED = "checks_not_passed"
    NO_INCOME = "no_income"
    INCOME_INCONSISTENT = "income_inconsistent"
    EMPLOYMENT_INCONSISTENT = "employment_inconsistent"
    FIGURES_INCONSISTENT = "figures_inconsistent"
    NO_BUREAU_FILE = "no_bureau_file"
    # what a rule against fraud found
    MANY_LENDERS_AT_ONCE = "many_lenders_at_once"
    BALANCE_INCONSISTENT = "balance_inconsistent"
    DETAILS_SHARED = "details_shared"
    # what was wrong with a card
    CARD_UNKNOWN = "card_unknown"
    CARD_NOT_CREDIT = "card_not_credit"
    CARD_NOT_PAYABLE = "card_not_payable"
    CARD_NAME_MISMATCH = "card_name_mismatch"
    CARD_OF_FUNDER = "card_of_funder"
    CARD_WITHOUT_DEBT = "card_without_debt"
    CARD_QUOTE_EXPIRED = "card_quote_expired"
    CARD_ONE_TOO_MANY = "card_one_too_many"
    # what the limit and the comparison found
    NO_PRICE_UNDER_CAP = "no_price_under_cap"
    NO_CARD_FITS = "no_card_fits"
    NOT_AFFORDABLE = "not_affordable"
    RISK_LIMIT = "risk_limit"
    PRICE_LIMIT = "price_limit"
    PRODUCT_LIMIT = "product_limit"
    BELOW_PRODUCT_MINIMUM = "below_product_minimum"
    NOT_CHEAPER_EACH_MONTH = "not_cheaper_each_month"
    NOT_CHEAPER_IN_TOTAL = "not_cheaper_in_total"
    TAKES_TOO_LONG = "takes_too_long"
    # what weighed in the score
    RISK_TOO_HIGH = "risk_too_high"
    MANY_NEW_ACCOUNTS = "many_new_accounts"
    MANY_INQUIRIES = "many_inquiries"
    CARDS_NEARLY_FULL = "cards_nearly_full"
    LITTLE_OPEN_CREDIT = "little_open_credit"
    SHORT_HISTORY = "short_history"
    PAST_DELINQUENCY = "past_delinquency"
    DEBTS_HIGH_FOR_INCOME = "debts_high_for_income"
    DEBTS_HIGH = "debts_high"
    INCOME_LOW = "income_low"
    SHORT_EMPLOYMENT = "short_employment"
    FEW_LONG_TERM_DEBTS = "few_long_term_debts"
    MANY_ACCOUNTS = "many_accounts"
    SEVERAL_DEBTS_TO_MERGE = "several_debts_to_merge"
    RECENT_ACCOUNT = "recent_account"
    DEBT_BALANCES = "debt_balances"
    PAYMENT_RECORD = "payment_record"
    INFORMATION_MISSING = "information_missing"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A reason in plain words."""

    zh: str
    en: str


BOOK: Final[Mapping[Reason, Sentence]] = {
    Reason.TOO_YOUNG: Sentence(
        "您未满法定借款年龄。", "You are below the age at which we may lend."
    ),
    Reason.TOO_OLD: Sentence(
        "您已超过本产品的年龄上限。", "You are above the age up to which this product is offered."
    ),
    Reason.IDENTITY_MISMATCH: Sentence(
        "姓名、身份证号、手机号与核验结果不一致。",
        "Your name, ID number and mobile do not match the identity check.",
    ),
    Reason.CHECKS_NOT_PASSED: Sentence(
        "未能通过法律要求的核查。", "A check that the law requires of us could not be passed."
    ),
    Reason.NO_INCOME: Sentence(
        "没有可计入的收入来源。法规不允许向无收入来源者放款。",
        "There is no income we can count; we may not lend to somebody without an income.",
    ),
    Reason.INCOME_INCONSISTENT: Sentence(
        "填写的收入远高于核实的收入，需要人工核对。",
        "The income you stated is far above the verified one, so a person must look at it.",
    ),
    Reason.EMPLOYMENT_INCONSISTENT: Sentence(
        "工作年限与年龄不符，需要人工核对。",
        "The time in work does not fit your age, so a person must look at it.",
    ),
    Reason.FIGURES_INCONSISTENT: Sentence(
        "征信报告中的部分数据自相矛盾，需要人工核对。",
        "Some figures of the credit report cannot be right, so a person must look at them.",
    ),
    Reason.NO_BUREAU_FILE: Sentence(
        "征信机构没有您的信用档案，需要人工审核。",
        "The credit bureau has no file on you, so a person must decide.",
    ),
    Reason.MANY_LENDERS_AT_ONCE: Sentence(
        "近期有多家机构为您查询信用，可能同时申请了多笔贷款。",
        "Several lenders asked about you within days, as when many loans are applied for at once.",
    ),
    Reason.BALANCE_INCONSISTENT: Sentence(
        "推荐机构所报的欠款远高于发卡行核实的欠款，需要人工核对。",
        "The debt your agency named is far above what the issuer confirms, "
        "so a person must look at it.",
    ),
    Reason.DETAILS_SHARED: Sentence(
        "您的部分资料（如手机、设备或卡）与其他申请相同，需要人工核对。",
        "Some of your details, such as mobile, device or card, also stand in other applications, "
        "so a person must look at them.",
    ),
    Reason.CARD_UNKNOWN: Sentence("发卡行查无此卡。", "The issuer knows no such card."),
    Reason.CARD_NOT_CREDIT: Sentence("该卡不是信用卡。", "The card is not a credit card."),
    Reason.CARD_NOT_PAYABLE: Sentence(
        "该卡已销户或被冻结，无法还款。", "The card is closed or frozen and cannot be paid."
    ),
    Reason.CARD_NAME_MISMATCH: Sentence(
        "持卡人姓名与您的姓名不一致。", "The card is not in your name."
    ),
    Reason.CARD_OF_FUNDER: Sentence(
        "该卡由本产品的放款机构发行，不能用其贷款偿还。",
        "The card was issued by the lender itself, which may not pay its own card.",
    ),
    Reason.CARD_WITHOUT_DEBT: Sentence("该卡没有欠款。", "Nothing is owed on the card."),
    Reason.CARD_QUOTE_EXPIRED: Sentence(
        "发卡行的结清报价已过期。", "The issuer's payoff quote has expired."
    ),
    Reason.CARD_ONE_TOO_MANY: Sentence(
        "卡片数量超过一次可处理的上限。", "There are more cards than can be handled at once."
    ),
    Reason.NO_PRICE_UNDER_CAP: Sentence(
        "在法定利率上限之内无法定价。", "No price for this risk lies below the cap set by law."
    ),
    Reason.NO_CARD_FITS: Sentence(
        "可借额度不足以结清任何一张卡；我们不做部分代偿。",
        "The amount we can lend does not clear any one card, and we do not pay cards in part.",
    ),
    Reason.NOT_AFFORDABLE: Sentence(
        "扣除生活支出与其他债务后，每月剩余收入不足以偿还月供。",
        "After living costs and other debts, too little income is left for the instalment.",
    ),
    Reason.RISK_LIMIT: Sentence(
        "按您的信用状况与收入，可借额度有限。",
        "Your credit standing and income bound the amount we can lend.",
    ),
    Reason.PRICE_LIMIT: Sentence(
        "按您的信用状况与每月负担，以该利率可借的额度有限。",
        "Your credit standing and monthly burden bound the amount we can lend at this rate.",
    ),
    Reason.PRODUCT_LIMIT: Sentence(
        "欠款超过本产品的最高额度。", "The debt is above the product's largest amount."
    ),
    Reason.BELOW_PRODUCT_MINIMUM: Sentence(
        "欠款低于本产品的最低额度。", "The debt is below the product's smallest amount."
    ),
    Reason.NOT_CHEAPER_EACH_MONTH: Sentence(
        "新贷款的月供不会低于您现在的月还款额，或发卡行分期的月还款额。",
        "The new instalment would not be below what you pay now or the issuer's own plan.",
    ),
    Reason.NOT_CHEAPER_IN_TOTAL: Sentence(
        "新贷款的总成本不会低于维持现状，或发卡行分期的总成本。",
        "The new loan would not cost less in total than staying or the issuer's own plan.",
    ),
    Reason.TAKES_TOO_LONG: Sentence(
        "新贷款的还款时间会比维持现状或发卡行分期长得多。",
        "The new loan would take far longer than staying or the issuer's own plan.",
    ),
    Reason.RISK_TOO_HIGH: Sentence(
        "综合评估的违约风险高于可接受水平。",
        "The assessed risk of default is above what we accept.",
    ),
    Reason.MANY_NEW_ACCOUNTS: Sentence(
        "近期新开的信贷账户较多。", "Many credit accounts were opened recently."
    ),
    Reason.MANY_INQUIRIES: Sentence(
        "近一年信用查询次数较多。", "Your credit was inquired about often in the last year."
    ),
    Reason.CARDS_NEARLY_FULL: Sentence(
        "信用卡及其他额度的使用率较高。", "Your cards and credit lines are used to a high degree."
    ),
    Reason.LITTLE_OPEN_CREDIT: Sentence(
        "信用额度或可用额度较低。", "Your credit lines, or what is open on them, are small."
    ),
    Reason.SHORT_HISTORY: Sentence("信用记录时间较短。", "Your credit history is short."),
    Reason.PAST_DELINQUENCY: Sentence("近期有逾期记录。", "There are late payments on record."),
    Reason.DEBTS_HIGH_FOR_INCOME: Sentence(
        "每月债务支出占收入的比例较高。", "Your monthly debt payments are high for your income."
    ),
    Reason.DEBTS_HIGH: Sentence("现有债务余额较高。", "The balances of your debts are high."),
    Reason.INCOME_LOW: Sentence("收入较低。", "Your income is low."),
    Reason.SHORT_EMPLOYMENT: Sentence("工作年限较短。", "Your time in work is short."),
    Reason.FEW_LONG_TERM_DEBTS: Sentence(
        "住房贷款等长期信用记录较少。",
        "There is little record of long-term credit such as a mortgage.",
    ),
    Reason.MANY_ACCOUNTS: Sentence(
        "信贷账户的数量与构成。", "The number and mix of your credit accounts."
    ),
    Reason.SEVERAL_DEBTS_TO_MERGE: Sentence(
        "申请合并多笔债务。", "The loan is to merge several debts."
    ),
    Reason.RECENT_ACCOUNT: Sentence(
        "最近新开了信贷账户。", "A credit account was opened recently."
    ),
    Reason.DEBT_BALANCES: Sentence(
        "现有债务余额的高低与构成。", "The level and mix of your debt balances."
    ),
    Reason.PAYMENT_RECORD: Sentence(
        "账户还款记录的整体情况。", "The record of payments on your accounts as a whole."
    ),
    Reason.INFORMATION_MISSING: Sentence(
        "征信报告或申请资料中缺少部分信息。",
        "Some information is missing from the credit report or the application.",
    ),
}


def first_few(found: Iterable[Reason]) -> tuple[Reason, ...]:
    """Keep the first four reasons, each once."""
    return tuple(dict.fromkeys(found))[:REASONS_MAX]


def by_weight(
    contributions: Iterable[tuple[str, Decimal]], codes: Mapping[str, Reason]
) -> tuple[Reason, ...]:
    """Rank the reasons that raised a score, the heaviest first, at most four.

    Features that say the same share a code, and their contributions are added before ranking.
    """
    weights: dict[Reason, Decimal] = {}
    for feature, weight in contributions:
        code = codes[feature]
        weights[code] = weights.get(code, Decimal(0)) + weight
    raising = [code for code, weight in weights.items() if weight > 0]
    return tuple(sorted(raising, key=lambda code: (-weights[code], code.value))[:REASONS_MAX])
