"""Every ceiling of a limit from what it rests on, and what would have to change. Pure, in fen.

A ceiling is a function of the income and of the debts to be cleared, so it can be asked what it
would be if one of them were another. The change that is named is the smallest one at which another
constraint holds the limit down, worked out on the same functions and not on an estimate of them;
everything else of the dossier, the score included, stays as it is, debts elsewhere as an amount.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from kernel.money import Money
from kernel.rates import Rate
from underwriting import limits, profit
from underwriting.limits import Constraint, Limit
from underwriting.policy_rules import Band, BudgetRules, RiskCell
from underwriting.profit import Prospect

INCOME_MAX_FEN: Final = 10**12
"""An income that nobody has: where even this changes nothing, no income does."""

CLIMBS_MAX: Final = 200
"""The lines weigh less the larger the debts are, so the steps shrink fast; product ends them."""

GUESSES_MAX: Final = 24
"""Where the gap crosses is found in five; beyond so many the search halves."""

_ORDER: Final = {constraint: place for place, constraint in enumerate(Constraint)}


class Input(StrEnum):
    """What might be another, and the limit with it."""

    VERIFIED_INCOME = "verified_income"
    STATED_INCOME = "stated_income"
    DEBTS = "debts"
    """The verified payoff amounts with their buffer."""
    PRODUCT = "product"
    """The largest amount of product and law."""
    PD_BOUND = "pd_bound"
    PD = "pd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The value of one input that would change what holds the limit down, at the same term."""

    input: Input
    now: Money | Decimal
    value: Money | Decimal
    """From here on, or down to here for a probability."""
    limit: Money
    """The limit with it."""
    binding: Constraint
    """What would hold the limit down then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Footing:
    """What the ceilings of every term rest on."""

    product_max: Money
    step: Money
    stated_income: Money | None
    """The income as stated, where nobody verified it."""
    haircut: Decimal
    """The part of a stated income that counts; of a verified one all does."""
    costs: Money
    """Living costs a month, as they count."""
    budget: BudgetRules
    annual_rate: Rate
    pd_bound: Decimal
    cell: RiskCell | None
    """None above the last one: nothing is lent."""
    widest: RiskCell
    """The last cell."""
    bands: Sequence[Band]
    """From the lowest probability of default on."""
    prospect: Prospect
    """With the income that counts, the debts elsewhere and the debts to be cleared."""

    @property
    def room(self) -> Money:
        """What is left for the new instalment each month when every card is cleared."""
        return Money(_room(self, self.prospect.income.fen))


def find(footing: Footing, months: int) -> Limit:
    """Give the limit of one term with every ceiling."""
    held = _At(footing, months).ceilings()
    return limits.find({name: Money(fen) for name, fen in held.items()}, step=footing.step)


def change(footing: Footing, months: int, limit: Limit) -> Change | None:
    """Name what would change the constraint that holds a term's limit down; None if nothing would.

    Where no cell carries anything, or no amount is worth lending, more income helps nobody: then
    the probability of default is named at which there would be an amount.
    """
    at = _At(footing, months)
    match limit.binding:
        case Constraint.DEBTS:
            return _by_debts(at)
        case Constraint.PRODUCT:
            return _by_product(at)
        case Constraint.RISK if footing.cell is None:
            return _by_bound(footing, months)
        case Constraint.PROFIT if at.headroom <= profit.MILLION:
            return _by_pd(footing, months, limit)
        case _:
            return _by_income(at, limit.binding)


class _At:
    """The ceilings of one term, as functions of income and debts in fen."""

    def __init__(self, footing: Footing, months: int) -> None:
        self.footing = footing
        self.months = months
        self.top, self.bottom = limits.level(footing.annual_rate, months)
        self.headroom = profit.headroom(
            footing.prospect, annual_rate=footing.annual_rate, months=months
        )

    def ceilings(
        self, *, income: int | None = None, debts: int | None = None
    ) -> dict[Constraint, int]:
        footing, prospect = self.footing, self.footing.prospect
        income = prospect.income.fen if income is None else income
        step, headroom = footing.step.fen, self.headroom
        if debts is None:
            debts = prospect.debts.fen
        else:
            headroom = profit.headroom(
                prospect, annual_rate=footing.annual_rate, months=self.months, debts=debts
            )
        found = {
            Constraint.DEBTS: -(-debts // step) * step,
            Constraint.PRODUCT: footing.product_max.fen,
            Constraint.RISK: 0
            if footing.cell is None
            else _part(income, footing.cell.income_multiple),
            Constraint.AFFORDABILITY: self._principal(_room(footing, income)),
        }
        best = profit.best_fen(prospect, headroom, income=income)
        if best is not None:
            found[Constraint.PROFIT] = self._principal(best)
        return found

    def _principal(self, instalment: int) -> int:
        return max(0, instalment) * self.bottom // self.top

    def counted(self, income: int) -> int:
        """Give what of an income, stated or verified, counts."""
        if self.footing.stated_income is None:
            return income
        return _part(income, self.footing.haircut)

    def told(self, input_: Input, value: Money | Decimal, held: Mapping[Constraint, int]) -> Change:
        """Describe the change of an input with the ceilings that follow from it."""
        binding = _binding(held)
        footing = self.footing
        now = {
            Input.VERIFIED_INCOME: footing.prospect.income,
            Input.STATED_INCOME: footing.stated_income,
            Input.DEBTS: footing.prospect.debts,
            Input.PRODUCT: footing.product_max,
            Input.PD_BOUND: footing.pd_bound,
            Input.PD: footing.prospect.pd,
        }[input_]
        assert now is not None, "an input that may change is known"
        amount = Money(max(0, held[binding])).floor_to(footing.step)
        return Change(input=input_, now=now, value=value, limit=amount, binding=binding)


def _by_debts(at: _At) -> Change | None:
    """Climb to the smallest debts that another ceiling holds down.

    The other ceilings never fall as the debts rise, so each step goes to the first debts above
    them, and the first at which they are still below is the smallest there is.
    """
    held, step = at.ceilings(), at.footing.step.fen
    for _ in range(CLIMBS_MAX):
        others = min(fen for name, fen in held.items() if name is not Constraint.DEBTS)
        # Debts round up to a step, so from here on they are above what holds them down.
        value = others // step * step + 1
        held = at.ceilings(debts=value)
        if _gap(held, Constraint.DEBTS) > 0:
            return at.told(Input.DEBTS, Money(value), held)
    return None


def _by_product(at: _At) -> Change:
    held = at.ceilings()
    del held[Constraint.PRODUCT]
    following = _binding(held)
    # The first of two alike is named, so against an earlier one a tie is enough.
    more = int(_ORDER[following] > _ORDER[Constraint.PRODUCT])
    value = held[following] + more
    return at.told(Input.PRODUCT, Money(value), {**held, Constraint.PRODUCT: value})


def _by_bound(footing: Footing, months: int) -> Change:
    lower = replace(footing, cell=footing.widest)
    at = _At(footing, months)
    return at.told(Input.PD_BOUND, footing.widest.bound_max, _At(lower, months).ceilings())


def _by_pd(footing: Footing, months: int, limit: Limit) -> Change | None:
    """Look for the highest probability of default, from the present band down, that is lent to."""
    at, prospect = _At(footing, months), footing.prospect
    for band in reversed(
        [each for each in footing.bands if each.annual_rate <= footing.annual_rate]
    ):
        most = profit.pd_max(prospect, annual_rate=band.annual_rate, months=months)
        value = min(most, band.pd_max, prospect.pd)
        lower = replace(footing, annual_rate=band.annual_rate, prospect=replace(prospect, pd=value))
        held = _At(lower, months).ceilings()
        if _priced(footing.bands, value) is band and _binding_amount(held, footing) > limit.amount:
            return at.told(Input.PD, value, held)
    return None


def _by_income(at: _At, binding: Constraint) -> Change | None:
    footing = at.footing
    income = footing.prospect.income if footing.stated_income is None else footing.stated_income

    def gap(value: int) -> int:
        return _gap(at.ceilings(income=at.counted(value)), binding)

    low = income.fen
    for high in _breaks(at, low):
        if gap(high) > 0:
            value = _first(gap, low, high)
            input_ = Input.VERIFIED_INCOME if footing.stated_income is None else Input.STATED_INCOME
            return at.told(input_, Money(value), at.ceilings(income=at.counted(value)))
        low = high
    return None


def _breaks(at: _At, income: int) -> list[int]:
    """List the incomes between which every ceiling is a straight line, then ever larger ones."""
    footing, prospect = at.footing, at.footing.prospect
    rules, profits = footing.budget, prospect.rules
    bends = []
    slack = 1 - rules.cushion - rules.debt_to_income_max
    if slack > 0:
        bends.append(footing.costs.fen / slack)
    tilt = profits.burden_gain * profits.burden_free + 1 - Decimal(at.headroom).scaleb(-6)
    if tilt > 0:
        bends.append(profits.burden_gain * prospect.elsewhere.fen / tilt)
    share = 1 if footing.stated_income is None else footing.haircut
    found = sorted(int(bend / share) for bend in bends) if share else []
    found = [bend for bend in found if income < bend < INCOME_MAX_FEN]
    last = found[-1] if found else max(income, 1)
    while last < INCOME_MAX_FEN:
        last *= 2
        found.append(last)
    return found


def _first(gap: Callable[[int], int], low: int, high: int) -> int:
    """Find the value where the gap rises above zero: not yet at `low`, already at `high`.

    The gap consists of few straight lines, so the place where the line between the ends crosses is
    tried again and again; steps that grow keep it from creeping, and halving ends it at the latest.
    """
    at_low, at_high, step = gap(low), gap(high), 1
    assert at_low <= 0 < at_high, "it rises above zero in between"
    for tried in range(high.bit_length() + GUESSES_MAX):
        if high - low <= 1:
            break
        crossing = low - at_low * (high - low) // (at_high - at_low)
        guess = min(high - 1, max(low + step, crossing))
        if tried >= GUESSES_MAX:
            guess = (low + high) // 2
        found = gap(guess)
        if found > 0:
            high, at_high, step = guess, found, 1
        else:
            low, at_low, step = guess, found, 2 * step
    return high


def _gap(held: Mapping[Constraint, int], binding: Constraint) -> int:
    """Give by how much a ceiling is above the next one; above zero it holds nothing down any more."""
    own = held[binding]
    return max(
        own - fen + (1 if _ORDER[name] < _ORDER[binding] else 0)
        for name, fen in held.items()
        if name is not binding
    )


def _binding(held: Mapping[Constraint, int]) -> Constraint:
    return min(held, key=lambda name: (held[name], _ORDER[name]))


def _binding_amount(held: Mapping[Constraint, int], footing: Footing) -> Money:
    return Money(max(0, held[_binding(held)])).floor_to(footing.step)


def _priced(bands: Sequence[Band], pd: Decimal) -> Band | None:
    return next((band for band in bands if pd <= band.pd_max), None)


def _room(footing: Footing, income: int) -> int:
    """Give `budget.room` for another income; both are held equal by a test."""
    rules = footing.budget
    for_debts = min(
        _part(income, rules.debt_to_income_max),
        income - footing.costs.fen - _part(income, rules.cushion),
    )
    return for_debts - footing.prospect.elsewhere.fen


def _part(fen: int, share: Decimal) -> int:
    """Multiply an amount of zero and more, rounding half-up to the fen."""
    num, den = share.as_integer_ratio()
    return (2 * fen * num + den) // (2 * den)
