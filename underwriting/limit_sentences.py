"""What holds a limit down, and what would change it, in plain words. Pure.

For staff: a debtor who is told which income would do may be tempted to state it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from kernel.money import Money
from underwriting.ceilings import Change, Input
from underwriting.limits import Constraint
from underwriting.reasons import Sentence

CONSTRAINTS: Final[Mapping[Constraint, Sentence]] = {
    Constraint.DEBTS: Sentence("已核实的欠款", "the verified debts"),
    Constraint.PRODUCT: Sentence("产品与法定上限", "the largest amount of product and law"),
    Constraint.RISK: Sentence("风险矩阵", "the risk matrix"),
    Constraint.AFFORDABILITY: Sentence("还款能力", "affordability"),
    Constraint.PROFIT: Sentence("预期收益最高的金额", "the amount of the largest expected profit"),
}

INPUTS: Final[Mapping[Input, Sentence]] = {
    Input.VERIFIED_INCOME: Sentence("核实的月收入", "a verified income a month"),
    Input.STATED_INCOME: Sentence("申报的月收入", "a stated income a month"),
    Input.DEBTS: Sentence("已核实的欠款（含缓冲）", "verified debts with their buffer"),
    Input.PRODUCT: Sentence("产品与法定上限", "a largest amount of product and law"),
    Input.PD_BOUND: Sentence("违约概率的上界", "an upper bound of the probability of default"),
    Input.PD: Sentence("违约概率", "a probability of default"),
}


def of_change(change: Change) -> Sentence:
    """Say what would change a limit, such as an income of 9,200.00 instead of 8,000.00."""
    what, then = INPUTS[change.input], CONSTRAINTS[change.binding]
    value, now, limit = _told(change.value), _told(change.now), change.limit.grouped
    return Sentence(
        zh=f"若{what.zh}为 {value}（现为 {now}），额度为 {limit} 元，受限于{then.zh}。",
        en=f"With {what.en} of {value} instead of {now} the limit would be {limit}, "
        f"held down by {then.en}.",
    )


def _told(value: Money | Decimal) -> str:
    return value.grouped if isinstance(value, Money) else f"{value * 100:.2f} %"
