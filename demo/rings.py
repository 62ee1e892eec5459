"""What simulated debtors have in common: nothing, or, in a planted ring, a device, a card, a text.

Honest texts are put together from parts like those people write; a ring's members hand in one text
with a word changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from demo import identities

REASONS: Final = (
    "单位去年年底裁员，我在名单里", "厂里订单少了，工资降了一半", "门店生意亏损，已经关门",
    "家里老人住院，花了很多钱", "孩子生病做手术，借了不少", "离婚后一个人还房贷",
    "合伙做工程，款项没有收回来", "前年被骗，刷卡投了一个项目", "怀孕以后没有收入",
    "跑运输出了事故，车也修了几个月", "公司拖欠工资，一直没有发", "果园遭了冰雹，没有收成",
)  # fmt: skip
NOW: Final = (
    "现在在工地做零工", "目前送外卖维持生活", "最近找到一份保安的工作", "在老家种地，偶尔打零工",
    "开网约车，每天出车十几个小时", "在超市理货，按小时算钱", "刚进一家电子厂上班",
    "帮亲戚看店", "做家政，收入不固定", "在学校食堂帮忙",
)  # fmt: skip
WISHES: Final = (
    "想每个月按时还一点", "愿意慢慢把欠款还清", "不想再逾期，请给个机会", "希望利息能低一些",
    "承诺发了工资马上还款", "先把最急的一张还上", "能分两年还就没有问题", "家人也答应一起还",
    "欠的钱一定会还，只是需要时间", "盼望能重新开始",
)  # fmt: skip
DEBTS: Final = (
    "三张信用卡一共欠了八万多", "只有这一张卡逾期", "最早是装修刷的卡", "学费和生活费都是刷卡",
    "以前一直按时还款，从来没有逾期过", "最低还款也还不上了", "利息越滚越多", "账单看不太明白",
    "借了朋友的钱先还了一部分", "手机欠费停机过一段时间",
)  # fmt: skip
HOMES: Final = (
    "妻子没有工作", "丈夫在外地打工", "两个孩子都在上学", "和父母住在一起", "一个人租房子住",
    "母亲常年吃药", "房子还在还贷", "老人帮着带孩子", "弟弟刚考上大学", "户口在农村，有几亩地",
)  # fmt: skip
CALLS: Final = (
    "接到电话才知道可以办理", "同事介绍过类似的办法", "催收的人说得很清楚", "之前打客服没有谈成",
    "材料都可以提供", "有离职证明", "有住院的单据", "工资流水可以打印", "随时可以联系我",
    "白天上班不方便接电话",
)  # fmt: skip
PARTS: Final = (REASONS, NOW, WISHES, DEBTS, HOMES, CALLS)
SENTENCES: Final = 5
SHARED_WORDS: Final = ("老人", "孩子", "妻子", "父母", "家人")
SHARED_TEXT: Final = (
    "本人因受疫情影响收入中断，家中{}需要照顾，目前暂无能力一次性结清全部欠款，"
    "现主动与贵行协商，恳请给予分期偿还，保证按期履行还款义务"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What one application leaves behind that another may share, by made-up values."""

    number: int
    agency: str
    device: str
    cards: tuple[str, ...]
    text: str


def words(random: Random) -> str:
    """Put together what one honest debtor says of his hardship."""
    return "，".join(random.choice(told) for told in random.sample(PARTS, SENTENCES))


def honest(seed: int, numbers: Sequence[int], *, agencies: Sequence[str]) -> Iterator[Trace]:
    """Draw people who share nothing but the agency that referred them."""
    for number in numbers:
        random = Random(f"{seed}/trace/{number}")
        yield Trace(
            number=number,
            agency=random.choice(agencies),
            device=f"device of {number}",
            cards=(identities.card_number(random, "CMB").plain,),
            text=words(random),
        )


def planted(seed: int, numbers: Sequence[int], *, agency: str) -> Iterator[Trace]:
    """Draw a ring that came through one agency: one device, one card, one text."""
    random = Random(f"{seed}/ring")
    shared = identities.card_number(random, "CMB").plain
    for number in numbers:
        own = identities.card_number(random, "CMB").plain
        yield Trace(
            number=number,
            agency=agency,
            device=f"device of ring {seed}",
            cards=(own, shared),
            text=SHARED_TEXT.format(random.choice(SHARED_WORDS)),
        )
