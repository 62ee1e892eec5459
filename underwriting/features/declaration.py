"""What a feature is: a figure with its unit, the direction of its risk and its bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, StrEnum

from underwriting.reasons import Reason

Figures = Mapping[str, Decimal | None]


class Sign(IntEnum):
    """How the probability of default moves when the feature rises, all else equal."""

    FALLS = -1
    FREE = 0
    RISES = 1


class Source(StrEnum):
    """Who tells the figure."""

    BUREAU = "bureau"
    INCOME = "income"
    APPLICATION = "application"


class Unit(StrEnum):
    """What the figure counts in."""

    COUNT = "count"
    MONTHS = "months"
    YEARS = "years"
    YUAN = "yuan"
    PERCENT = "percent"
    FLAG = "flag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One feature of the score, by the name of its figure.

    >>> inquiries = Feature(name="inquiries_12m", meaning="credit inquiries in the last 12 months",
    ...                     unit=Unit.COUNT, source=Source.BUREAU, sign=Sign.RISES,
    ...                     reason=Reason.MANY_INQUIRIES, high=Decimal(100))
    >>> inquiries.value({"inquiries_12m": Decimal(3)}), inquiries.value({})
    (Decimal('3'), None)
    """

    name: str
    meaning: str
    unit: Unit
    source: Source
    sign: Sign
    reason: Reason
    low: Decimal = Decimal(0)
    high: Decimal
    """A figure outside of low..high is no figure: it counts as missing and is looked at."""

    def value(self, figures: Figures) -> Decimal | None:
        """Give the figure when there is one within bounds."""
        figure = figures.get(self.name)
        return figure if figure is not None and self.low <= figure <= self.high else None

    def is_out_of_bounds(self, figures: Figures) -> bool:
        """Tell whether there is a figure that cannot be right."""
        figure = figures.get(self.name)
        return figure is not None and not self.low <= figure <= self.high
