"""What a lending policy consists of: one frozen value for each section of its file. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from kernel.money import ZERO, Money
from kernel.rates import Rate
from underwriting.limits import CardOrder
from underwriting.reasons import Reason


class Action(StrEnum):
    """What a finding leads to."""

    DECLINE = "decline"
    REVIEW = "review"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRules:
    """What follows when the debtor is not who he says, or not alive."""

    mismatch: Action
    deceased: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchlistRules:
    """What follows from an entry on a list, by the list's name."""

    lists: Mapping[str, Action]
    otherwise: Action
    """For a list the policy does not name."""

    def action(self, name: str) -> Action:
        """Tell what an entry on the named list leads to."""
        return self.lists.get(name, self.otherwise)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeRules:
    """How income counts."""

    monthly_min: Money
    """Below it a debtor counts as one without income."""
    haircut_stated: Decimal
    """The part of an unverified income that counts."""
    stated_over_verified_max: Decimal
    working_age_min: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRules:
    """What may go to debts each month."""

    debt_to_income_max: Decimal
    cushion: Decimal
    """The part of income that stays after costs and every instalment."""
    debt_to_income_when_unknown: Decimal
    """Counted for debts elsewhere when the bureau gives no ratio."""
    essential_costs_min: Money = ZERO
    """A month; a lower statement counts as this. Nothing where [costs] has a guideline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRules:
    """How the limit is rounded and what is set aside for interest until the payout posts."""

    step: Money
    buffer_days: int
    cards_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StayingRules:
    """What the debtor's life looks like if he stays and pays the minimum."""

    months_max: int
    minimum_payment_floor: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A range of the probability of default with its price and, in the first form, its multiple."""

    name: str
    pd_max: Decimal
    """The highest probability of default that still belongs to the band."""
    annual_rate: Rate
    income_multiple: Decimal | None
    """The loan is at most this many counted monthly incomes; None where [risk] says it."""


class Figure(StrEnum):
    """What a fraud rule may look at; a rule on a figure the dossier lacks finds nothing."""

    LENDER_INQUIRIES_7D = "lender_inquiries_7d"
    """Lenders that asked the bureau within seven days."""
    LENDER_INQUIRIES_30D = "lender_inquiries_30d"
    BALANCE_OVER_VERIFIED_PCT = "balance_over_verified_pct"
    """What the agency said is owed above what the issuers quote, in percent of the quotes."""
    STATED_OVER_VERIFIED = "stated_over_verified"
    """The stated income over the verified one: worked out from the dossier."""
    RING_SIZE = "ring_size"
    """People joined by an ID number, mobile, device or card, the debtor among them."""
    RING_AGENCIES = "ring_agencies"
    RING_LATE_PCT = "ring_late_pct"
    RING_LATE_1HOP_PCT = "ring_late_1hop_pct"
    RING_LATE_2HOP_PCT = "ring_late_2hop_pct"
    RING_CARD_SHARED = "ring_card_shared"
    RING_DEVICE_SHARED = "ring_device_shared"
    RING_TEXT_PEOPLE = "ring_text_people"
    RING_VELOCITY_7D = "ring_velocity_7d"
    RING_VELOCITY_30D = "ring_velocity_30d"
    RING_AGE_DAYS = "ring_age_days"


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudRule:
    """One bound on one figure, and what follows above it."""

    name: str
    figure: Figure
    more_than: Decimal
    action: Action
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRules:
    """What living costs at least, by a published guideline."""

    head_month: Money
    """What one head consumes a month."""
    essential_share: Decimal
    """The part of it that cannot be saved."""
    dependant_share: Decimal
    """The part of one head's essential costs that each dependant adds."""
    dependants_max: int
    city_factors: tuple[Decimal, ...]
    """From the first tier on; an unknown tier counts as 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskCell:
    """One row of the risk matrix, read at the upper bound of the probability of default."""

    name: str
    bound_max: Decimal
    income_multiple: Decimal
    """The loan is at most this many counted monthly incomes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfitRules:
    """What a loan earns and costs the lender; shares are fractions."""

    funding_rate: Rate
    """What the lent money costs a year."""
    horizon_months: int
    """Within which a loan that defaults does so; a shorter one has less time for it."""
    loss_given_default: Decimal
    operating_cost: Money
    """A loan, once."""
    operating_cost_month: Money
    reload: Decimal
    """The probability that a cleared card's line is drawn again."""
    burden_free: Decimal
    """The part of income that debts may take before the probability of default rises."""
    burden_gain: Decimal
    """How much the probability rises, as a multiple of itself, per whole income of burden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BetterOffRules:
    """How much longer than an alternative the loan may take."""

    longer_max: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """The sections that a policy of the second form has beyond the first."""

    fraud: tuple[FraudRule, ...]
    costs: CostRules
    cells: tuple[RiskCell, ...]
    profit: ProfitRules
    cards: CardOrder
    better_off: BetterOffRules

    def cell(self, bound: Decimal) -> RiskCell | None:
        """Find the cell of an upper bound; above the last one there is none."""
        return next((cell for cell in self.cells if bound <= cell.bound_max), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplorationRules:
    """How many applicants above the last band may be approved at random, and at what cost."""

    share: Decimal = Decimal(0)
    """Of those above the last band; 0 approves nobody."""
    pd_max: Decimal = Decimal(0)
    """Above it nobody is approved, whatever the dice say."""
    principal_max: Money = ZERO
    loss_max_month: Money = ZERO
    """What the approvals of one calendar month may lose if every one of them defaults at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRules:
    """Within what time a person answers a debtor who asked for one."""

    hours: int
    """From the request to the answer."""
    warn_after_hours: int
    """From then on the request stands out in the queue."""
