"""Yuan on the wire, integer fen inside."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

_YUAN: Final = re.compile(r"(0|[1-9][0-9]{0,12})\.([0-9]{2})", re.ASCII)


def read_yuan(text: str) -> int:
    """Read `"1234.50"` as 123450 fen.

    Raises:
        ValueError: it is not a plain amount with two decimals.
    """
    found = _YUAN.fullmatch(text)
    if found is None:
        raise ValueError("an amount is a string of yuan with two decimals")
    return int(found[1]) * 100 + int(found[2])


def write_yuan(fen: int) -> str:
    """Write 123450 fen as `"1234.50"`."""
    sign = "-" if fen < 0 else ""
    yuan, rest = divmod(abs(fen), 100)
    return f"{sign}{yuan}.{rest:02d}"


def share(fen: int, rate: Decimal) -> int:
    """Tell `fen` × `rate`, rounded half up to the fen."""
    return int((fen * rate).quantize(Decimal(1), rounding=ROUND_HALF_UP))
