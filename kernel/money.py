"""Money as an integer number of fen, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

CURRENCY: Final = "CNY"
FEN_MAX: Final = 2**63 - 1
"""What a BIGINT column holds: an amount beyond it is a mistake, not money."""

_YUAN_PATTERN: Final = re.compile(r"-?(?:0|[1-9]\d{0,16})(?:\.\d{1,2})?")
"""As many digits as the largest amount has, so that every amount can be read back."""


class NotAnAmount(ValueError):
    """The text is not an amount in yuan with at most two decimals."""


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount of Chinese yuan, held as integer fen (1/100 yuan); may be negative.

    >>> Money.yuan("1234.50") + Money(50)
    Money('1235.00')
    """

    fen: int

    def __post_init__(self) -> None:
        if type(self.fen) is not int:
            raise TypeError(f"fen must be int, not {type(self.fen).__name__}")
        if abs(self.fen) > FEN_MAX:
            raise NotAnAmount("the amount is larger than any account can hold")

    @classmethod
    def yuan(cls, text: str) -> Money:
        """Read an amount in yuan written as text, such as ``"1234.50"``.

        Raises:
            NotAnAmount: the text is not digits with at most two decimals.
        """
        if not _YUAN_PATTERN.fullmatch(text):
            raise NotAnAmount(f"not an amount in yuan: {text!r}")
        return cls(int(Decimal(text) * 100))

    @classmethod
    def rounded(cls, yuan: Decimal) -> Money:
        """Round a Decimal number of yuan half-up to the fen."""
        return cls(int((yuan * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)))

    @classmethod
    def total(cls, amounts: Iterable[Money]) -> Money:
        """Add amounts; nothing adds up to zero."""
        return cls(sum(amount.fen for amount in amounts))

    def times(self, factor: Decimal | int) -> Money:
        """Multiply, rounding half-up to the fen.

        >>> Money.yuan("10000.00").times(Decimal("0.0005"))
        Money('5.00')
        """
        product = Decimal(self.fen) * factor
        return Money(int(product.quantize(Decimal(1), rounding=ROUND_HALF_UP)))

    def floor_to(self, step: Money) -> Money:
        """Round down to a multiple of `step`, toward minus infinity."""
        return Money(self.fen // step.fen * step.fen)

    def ratio_to(self, other: Money) -> Decimal:
        """Divide by another amount, giving a pure number.

        Raises:
            ZeroDivisionError: the other amount is zero.
        """
        if other.fen == 0:
            raise ZeroDivisionError("the other amount is zero")
        return Decimal(self.fen) / Decimal(other.fen)

    def __add__(self, other: Money) -> Money:
        return Money(self.fen + other.fen)

    def __sub__(self, other: Money) -> Money:
        return Money(self.fen - other.fen)

    def __neg__(self) -> Money:
        return Money(-self.fen)

    def __abs__(self) -> Money:
        return Money(abs(self.fen))

    def __bool__(self) -> bool:
        return self.fen != 0

    def __str__(self) -> str:
        whole, part = divmod(abs(self.fen), 100)
        return f"{'-' if self.fen < 0 else ''}{whole}.{part:02d}"

    def __repr__(self) -> str:
        return f"Money('{self}')"

    @property
    def grouped(self) -> str:
        """The amount with thousands separators, for people: ``1,234.50``."""
        whole, part = divmod(abs(self.fen), 100)
        return f"{'-' if self.fen < 0 else ''}{whole:,}.{part:02d}"

    @property
    def as_yuan(self) -> Decimal:
        """The amount in yuan as a Decimal with two places."""
        return Decimal(self.fen).scaleb(-2)


ZERO: Final = Money(0)
