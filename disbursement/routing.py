"""Through which channel a payout goes, by a dated table."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Final

from kernel import law
from kernel.money import Money

POLICIES: Final = Path(__file__).parent / "policies"

_NAMED: Final = ("funder", "product", "issuer")


class NoChannel(LookupError):
    """No row of the table fits; the table ends with one that fits everything."""


def choose(
    *,
    funder: str,
    product: str,
    issuer: str,
    amount: Money,
    on: date,
    folder: Path | None = None,
) -> str:
    """Name the channel of a payout of at most this amount, planned on a day.

    Raises:
        NoChannel: no row fits.
    """
    asked = {"funder": funder, "product": product, "issuer": issuer}
    for row in law.rule("payout_channels", on=on, folder=folder or POLICIES).values["choice"]:
        if _fits(row, asked, amount):
            return str(row["channel"])
    raise NoChannel(f"no channel for a payout to {issuer} by {funder}")


def _fits(row: dict[str, Any], asked: dict[str, str], amount: Money) -> bool:
    if any(name in row and row[name] != asked[name] for name in _NAMED):
        return False
    return "up_to" not in row or amount <= Money.yuan(row["up_to"])
