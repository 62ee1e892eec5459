"""What a feature is: a figure with its unit, the direction of its risk and its bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import IntEnum, StrEnum

from underwriting.features.cells import Plain
from underwriting.features.expressions import Expression, IsCode, Number, column
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
    GRAPH = "graph"
    """What an application shares with those before it."""
    DATA_SET = "data_set"
    """A file for training, none of our sources."""


class Unit(StrEnum):
    """What the figure counts in."""

    COUNT = "count"
    DAYS = "days"
    MONTHS = "months"
    YEARS = "years"
    YUAN = "yuan"
    AMOUNT = "amount"
    """Of a currency that the data set names."""
    PERCENT = "percent"
    RATIO = "ratio"
    SCORE = "score"
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
    of: Expression | None = None
    """What it is worked out from; None: the column of its own name."""

    @property
    def expression(self) -> Expression:
        """What it is worked out from."""
        return column(self.name) if self.of is None else self.of

    @property
    def special(self) -> Mapping[str, str]:
        """The codes of its column, as they are written, and what each means."""
        found = self.expression
        return dict(found.column.special) if isinstance(found, Number) else {}

    def indicators(self) -> tuple[Feature, ...]:
        """Give a feature for each meaning of a code: 1 where the column is coded so, else 0."""
        found = self.expression
        if not isinstance(found, Number):
            return ()
        return tuple(
            replace(
                self,
                name=f"{self.name}__is_{meaning}",
                meaning=f"1 when {self.meaning}: {meaning}",
                unit=Unit.FLAG,
                sign=Sign.FREE,
                low=Decimal(0),
                high=Decimal(1),
                of=IsCode(found.column, meaning),
            )
            for meaning in found.column.codes
        )

    def value(self, figures: Figures) -> Decimal | None:
        """Give the figure when there is one within bounds."""
        return self.bounded(figures.get(self.name))

    def bounded(self, figure: Decimal | None) -> Decimal | None:
        """Give a figure back when it is within bounds."""
        return figure if figure is not None and self.low <= figure <= self.high else None

    def is_out_of_bounds(self, figures: Figures) -> bool:
        """Tell whether there is a figure that cannot be right."""
        figure = figures.get(self.name)
        return figure is not None and not self.low <= figure <= self.high

    def plain(self) -> dict[str, Plain]:
        """Spell what a model learns from; words for people are left out.

        A feature without an expression is spelled as it was before there were any, so that models
        made then keep their hash.
        """
        told: dict[str, Plain] = {
            "name": self.name,
            "unit": self.unit.value,
            "source": self.source.value,
            "sign": int(self.sign),
            "low": str(self.low),
            "high": str(self.high),
        }
        return told if self.of is None else {**told, "of": self.of.plain()}
