"""An offer as its page shows it, read from the very bytes that are kept and signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from kernel import rates
from kernel.money import ZERO, Money
from kernel.rates import Rate
from kernel.web.around import say
from origination.web.card_pages import bank_name

LICENCES: Final[Mapping[str, tuple[str, str]]] = {
    "bank": ("银行", "bank"),
    "consumer_finance": ("消费金融公司", "consumer finance company"),
    "micro_lender": ("小额贷款公司", "micro-lender"),
}
ITEMS: Final[Mapping[str, tuple[str, str]]] = {"interest": ("贷款利息", "Interest")}
WHEN: Final[Mapping[str, tuple[str, str]]] = {
    "with each instalment": ("随每期月供收取", "with each instalment")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CardLine:
    """One card that would be cleared."""

    bank: str
    last4: str
    quoted: Money
    ceiling: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """One cost of a loan paid as agreed."""

    item: str
    collector: str
    rate: Rate
    when: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class LateCost:
    """What paying late costs."""

    rate: Rate
    grace_days: int
    overdue: Money
    days: int
    cost: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """One instalment of the shown plan."""

    number: int
    due_on: date
    principal: Money
    interest: Money
    total: Money
    balance: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of paying the debt, for the comparison."""

    monthly: Money
    total: Money
    months: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferView:
    """Everything that stands on the page of an offer."""

    lender: str
    licence: str
    principal: Money
    quoted: Money
    """What the issuers ask for today, together."""
    months: int
    rate: Rate
    simple_apr: Decimal
    irr: Decimal
    instalment: Money
    last_instalment: Money
    interest: Money
    payments: Money
    cards: tuple[CardLine, ...]
    costs: tuple[CostLine, ...]
    late: LateCost
    plan: tuple[PlanLine, ...]
    loan: Way
    staying: Way
    issuers: Way | None
    """With the issuers' own offers; None when no issuer makes one."""
    worse: tuple[str, ...]
    valid_until: datetime

    @property
    def issuers_rate(self) -> Decimal | None:
        """The simple annual rate that the issuers' own plan really costs."""
        return None if self.issuers is None else real_rate(self.quoted, self.issuers)

    @property
    def saved_each_month(self) -> Money:
        """How much less the first month asks than staying does."""
        return self.staying.monthly - self.loan.monthly

    @property
    def saved_in_total(self) -> Money:
        """How much less the whole costs than staying does."""
        return self.staying.total - self.loan.total


def real_rate(amount: Money, way: Way) -> Decimal | None:
    """Give the simple annual rate of paying an amount off in level instalments.

    Issuers name a flat charge on the first amount (等本等息), which looks like half of what it costs.
    None where plans of different lengths make no level one together.
    """
    last = way.total - way.monthly.times(way.months - 1)
    # What rounding left, at most a fen a month, is in the last one.
    if not ZERO < last <= way.monthly + Money(way.months):
        return None
    try:
        return rates.nominal_apr((amount, *[-way.monthly] * (way.months - 1), -last))
    except rates.NoRate:
        return None


def of(shown: Mapping[str, Any]) -> OfferView:
    """Read the page's figures from a kept disclosure."""
    comparison = shown["comparison"]
    ways = {name: _way(comparison[name]) for name in ("loan", "staying")}
    issuers = None if comparison["offers"] is None else _way(comparison["offers"])
    cards = tuple(_card(card) for card in shown["cards"])
    return OfferView(
        lender=shown["lender"]["name"],
        licence=say(*LICENCES[shown["lender"]["licence"]]),
        principal=Money.yuan(shown["principal"]),
        quoted=Money.total(card.quoted for card in cards),
        months=shown["months"],
        rate=Rate.percent(shown["annual_rate_percent"]),
        simple_apr=Decimal(shown["annual_cost"]["simple"]),
        irr=Decimal(shown["annual_cost"]["irr"]),
        instalment=Money.yuan(shown["instalment"]),
        last_instalment=Money.yuan(shown["last_instalment"]),
        interest=Money.yuan(shown["total_interest"]),
        payments=Money.yuan(shown["total_payments"]),
        cards=cards,
        costs=tuple(_cost(cost) for cost in shown["costs"]),
        late=_late(shown["if_late"]),
        plan=tuple(_row(row) for row in shown["plan"]),
        loan=ways["loan"],
        staying=ways["staying"],
        issuers=issuers,
        worse=tuple(
            _worse(point, ways, issuers, cheaper_from=comparison.get("cheaper_from"))
            for point in comparison["worse"]
        ),
        valid_until=datetime.fromisoformat(shown["valid_until"]),
    )


def _card(plain: Mapping[str, str]) -> CardLine:
    return CardLine(
        bank=bank_name(plain["issuer_code"]),
        last4=plain["last4"],
        quoted=Money.yuan(plain["quoted"]),
        ceiling=Money.yuan(plain["ceiling"]),
    )


def _cost(plain: Mapping[str, str]) -> CostLine:
    return CostLine(
        item=say(*ITEMS[plain["item"]]),
        collector=plain["collector"],
        rate=Rate.percent(plain["rate_percent"]),
        when=say(*WHEN[plain["when"]]),
        amount=Money.yuan(plain["amount"]),
    )


def _late(plain: Mapping[str, Any]) -> LateCost:
    return LateCost(
        rate=Rate.percent(plain["rate_percent"]),
        grace_days=plain["grace_days"],
        overdue=Money.yuan(plain["example"]["overdue"]),
        days=plain["example"]["days"],
        cost=Money.yuan(plain["example"]["cost"]),
    )


def _row(plain: Mapping[str, Any]) -> PlanLine:
    return PlanLine(
        number=plain["number"],
        due_on=date.fromisoformat(plain["due_on"]),
        principal=Money.yuan(plain["principal"]),
        interest=Money.yuan(plain["interest"]),
        total=Money.yuan(plain["total"]),
        balance=Money.yuan(plain["balance"]),
    )


def _way(plain: Mapping[str, Any]) -> Way:
    return Way(
        monthly=Money.yuan(plain["monthly"]),
        total=Money.yuan(plain["total"]),
        months=plain["months"],
    )


def _worse(
    point: str, ways: Mapping[str, Way], issuers: Way | None, *, cheaper_from: int | None
) -> str:
    """Say in words where the new loan is worse."""
    if point == "whole_instalment":
        return say(
            "信用卡手头紧时可以只还最低还款额；新贷款每期都须足额还月供，否则产生罚息。",
            "A card lets you pay only the minimum in a hard month; the loan asks for the whole "
            "instalment every month, or penalty interest is charged.",
        )
    kind, _, name = point.partition("_against_")
    other = issuers if name == "offers" else ways["staying"]
    assert other is not None, "a point against the issuers' offer needs one"
    against = (
        say("发卡行分期", "the issuer's plan") if name == "offers" else say("维持现状", "staying")
    )
    loan = ways["loan"]
    match kind:
        case "monthly":
            return say(
                f"每月还款更多：新贷款 ¥{loan.monthly.grouped}，{against} ¥{other.monthly.grouped}。",
                f"You pay more a month: ¥{loan.monthly.grouped} against ¥{other.monthly.grouped} "
                f"with {against}.",
            )
        case "total":
            return say(
                f"总共还得更多：新贷款 ¥{loan.total.grouped}，{against} ¥{other.total.grouped}。",
                f"You pay more in total: ¥{loan.total.grouped} against ¥{other.total.grouped} "
                f"with {against}.",
            )
        case "later":
            return say(
                f"最低还款额会随欠款减少：从第 {cheaper_from} 个月起，{against}每月要求还的比新贷款的月供少"
                "（但总共还得更多）。",
                f"The minimum falls with the debt: from month {cheaper_from} on, {against} asks for "
                "less a month than the instalment (though in all it costs more).",
            )
        case _:
            return say(
                f"还款时间更长：新贷款 {loan.months} 个月，{against} {other.months} 个月。",
                f"It takes longer: {loan.months} months against {other.months} with {against}.",
            )
