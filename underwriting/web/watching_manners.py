"""How each measure of the watch is shown: its words, its unit, and what is said when it is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from underwriting.plates import Kind
from underwriting.watched import Measure

Words = tuple[str, str]


class Topic(StrEnum):
    """The pages of the watch."""

    DRIFT = "drift"
    MATURED = "matured"
    VINTAGES = "vintages"
    AGENCIES = "agencies"
    COLLUSION = "collusion"
    FAIRNESS = "fairness"


TOPICS: Final[Mapping[Topic, tuple[Measure, ...]]] = {
    Topic.DRIFT: (Measure.SCORE_DRIFT, Measure.FIGURE_DRIFT),
    Topic.MATURED: (Measure.CALIBRATION, Measure.DISCRIMINATION, Measure.SEPARATION),
    Topic.VINTAGES: (Measure.VINTAGE,),
    Topic.AGENCIES: (Measure.APPROVAL, Measure.LIMIT),
    Topic.COLLUSION: (
        Measure.ALIKE_TEXTS,
        Measure.SHARED_DEVICES,
        Measure.INFLATED_BALANCES,
        Measure.RING,
    ),
    Topic.FAIRNESS: (Measure.FAIR_APPROVAL, Measure.FAIR_LIMIT, Measure.FAIR_ERROR),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How one measure is shown."""

    words: Words
    what: Words
    """What the figure is, and what it is held against."""
    kind: Kind
    least: float = 0.0
    """The picture reaches at least so far."""
    suffix: str = ""
    """Of the plate's name, where one measure has two."""
    at: float | None = None
    """Where nothing would be out of order."""
    nothing: Words = (
        "当日没有这一项读数：还没有足够的决策或到期贷款。",
        "No reading of this on the day: there are not enough decisions or matured loans yet.",
    )


MANNERS: Final[Mapping[Measure, Manner]] = {
    Measure.SCORE_DRIFT: Manner(
        words=("评分漂移（PSI）", "Drift of the score (PSI)"),
        what=(
            "近 30 天与模型最初 90 天的评分分布之差；短竖线为报警线（样本量算出，不低于 0.10）。",
            "The newest 30 days against the model's first 90; the tick is the alarm's bar, from "
            "the sample sizes and never below 0.10.",
        ),
        kind=Kind.NUMBER,
        least=0.12,
        nothing=(
            "模型在用未满 90 天，或近期决策太少，还没有可比的两段时间。",
            "No model has served its first 90 days, or too little was decided, to compare.",
        ),
    ),
    Measure.FIGURE_DRIFT: Manner(
        words=("特征漂移（CSI）", "Drift of figures (CSI)"),
        what=("各特征分布之差，最大者在前。", "The same of each figure, the largest first."),
        kind=Kind.NUMBER,
        least=0.12,
    ),
    Measure.CALIBRATION: Manner(
        words=("总体校准（实际 ÷ 预计）", "Calibration in the large (observed ÷ expected)"),
        what=(
            "到期贷款中违约的实际笔数除以预计笔数，按放款月与机构；1 为准确。",
            "Bad loans observed over those expected, on matured loans, by month and agency; 1 is "
            "right.",
        ),
        kind=Kind.NUMBER,
        least=1.5,
        at=1.0,
        nothing=(
            "还没有到期满 3 个月的贷款。",
            "No loan is three months past the end of its term yet.",
        ),
    ),
    Measure.DISCRIMINATION: Manner(
        words=("区分能力（AUC）", "Discrimination (AUC)"),
        what=("到期贷款的排序能力；0.5 为随机。", "Ranking on matured loans; 0.5 is chance."),
        kind=Kind.NUMBER,
        least=1.0,
        at=0.5,
    ),
    Measure.SEPARATION: Manner(
        words=("区分能力（KS）", "Separation (KS)"),
        what=("好坏两群评分的最大差距。", "The largest gap between goods and bads."),
        kind=Kind.NUMBER,
        least=1.0,
    ),
    Measure.VINTAGE: Manner(
        words=("账龄曲线", "Vintages"),
        what=("各放款月在同一账龄的不良占比。", "Share gone bad by months on book."),
        kind=Kind.SHARE,
        nothing=(
            "还没有放满一个月的贷款，或每月放款不足 100 笔。",
            "No loan is a month on book yet, or fewer than 100 a month were booked.",
        ),
    ),
    Measure.APPROVAL: Manner(
        words=("通过率", "Approvals"),
        what=(
            "近 30 天各机构案件的通过率与 95% 区间；与该机构此前 90 天相比而报警。",
            "Share approved of each agency's cases in 30 days; rings against its own 90 days "
            "before.",
        ),
        kind=Kind.SHARE,
        least=1.0,
    ),
    Measure.LIMIT: Manner(
        words=("平均额度", "Mean limit"),
        what=("获批者的平均额度（元）与 95% 区间。", "Mean limit of the approved, in yuan."),
        kind=Kind.MONEY,
    ),
    Measure.ALIKE_TEXTS: Manner(
        words=("雷同的困难说明", "Near-duplicate hardship texts"),
        what=(
            "与他人说明几乎相同的案件占比；竖线为容许的占比。",
            "Share of cases whose text nearly equals another's; the tick is what is tolerated.",
        ),
        kind=Kind.SHARE,
        least=0.1,
    ),
    Measure.SHARED_DEVICES: Manner(
        words=("共用设备", "Shared devices"),
        what=(
            "与他人共用设备的案件占比；竖线为容许的占比。",
            "Share of cases that share a device; the tick is what is tolerated.",
        ),
        kind=Kind.SHARE,
        least=0.1,
    ),
    Measure.INFLATED_BALANCES: Manner(
        words=("虚高的欠款", "Inflated balances"),
        what=(
            "机构申报的欠款高出发卡行数字 5% 以上的案件占比。",
            "Share of cases whose balance is stated over 5 % above the issuer's figure.",
        ),
        kind=Kind.SHARE,
        least=0.1,
    ),
    Measure.RING: Manner(
        words=("关联团伙", "Rings"),
        what=(
            "由电话、设备或银行卡相连、含新申请的人群；数字为人数。",
            "People linked by a phone, a device or a card, one of them new; the figure counts "
            "people.",
        ),
        kind=Kind.NUMBER,
        least=5.0,
        nothing=(
            "当日没有三人以上的关联人群。",
            "No group of three linked people or more on the day.",
        ),
    ),
    Measure.FAIR_APPROVAL: Manner(
        words=("各组通过率之比", "Approvals of groups"),
        what=(
            "通过率与同类最高组之比；竖线为五分之四。差异不等于歧视，须由人查看。",
            "Share approved over the best group's; the tick is four fifths. A difference is no "
            "proof: a person has to look.",
        ),
        kind=Kind.NUMBER,
        least=1.2,
        at=1.0,
    ),
    Measure.FAIR_LIMIT: Manner(
        words=("各组平均额度", "Mean limit of groups"),
        what=("获批者的平均额度（元）。", "Mean limit of the approved, in yuan."),
        kind=Kind.MONEY,
    ),
    Measure.FAIR_ERROR: Manner(
        words=("各组校准", "Calibration of groups"),
        what=(
            "各组到期贷款违约的实际笔数除以预计笔数；1 为准确。",
            "Bad loans observed over those expected, of each group's matured loans; 1 is right.",
        ),
        at=1.0,
        kind=Kind.NUMBER,
        least=1.5,
        nothing=(
            "各组到期贷款不足 100 笔。",
            "No group has a hundred matured loans yet.",
        ),
    ),
}

SHARES_OF_ERRORS: Final = Manner(
    words=("各组错判占比", "Wrong judgements of groups"),
    what=(
        "好户被看差、坏户被看好的占比；竖线为其余各组的占比乘以容许倍数。",
        "Shares of goods held for bad and of bads held for good; the tick is what the others have, "
        "times what is tolerated.",
    ),
    kind=Kind.SHARE,
    least=0.5,
    suffix="_shares",
    nothing=MANNERS[Measure.FAIR_ERROR].nothing,
)
"""The readings of errors on groups that are shares."""

assert set(MANNERS) == set(Measure), "every measure has its manner"
