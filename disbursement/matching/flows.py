"""The two ways money goes by a channel: what each is called in its file and on the bank's statement.

Matching is the same for both: an order of ours, a row of the file, a sum at the bank. What differs
is which way the principal moves our account.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from disbursement.statements.lines import Direction, LineKind


class Purpose(StrEnum):
    """What the reference of a bank line says the money moved for."""

    SETTLE = "SETTLE"
    FEE = "FEE"
    RETURN = "RETURN"
    FUND = "FUND"
    COLLECT = "COLLECT"
    COLLECTION_FEE = "COLLFEE"
    CHARGE_BACK = "CHARGEBACK"


DIRECTIONS: Final = {
    Purpose.SETTLE: Direction.OUT,
    Purpose.FEE: Direction.OUT,
    Purpose.RETURN: Direction.IN,
    Purpose.FUND: Direction.IN,
    Purpose.COLLECT: Direction.IN,
    Purpose.COLLECTION_FEE: Direction.OUT,
    Purpose.CHARGE_BACK: Direction.OUT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One way of the money."""

    name: str
    went: LineKind
    """The kind of a file's row that moves the principal."""
    came_back: LineKind
    principal: Purpose
    fee: Purpose
    back: Purpose
    sign: int
    """How the principal moves our account: -1 when it leaves, 1 when it comes in."""

    def purposes(self) -> tuple[Purpose, Purpose, Purpose]:
        """Give the purposes of its bank lines: principal, fees, what came back."""
        return self.principal, self.fee, self.back


PAYOUT: Final = Flow(
    name="payout",
    went=LineKind.PAID,
    came_back=LineKind.RETURNED,
    principal=Purpose.SETTLE,
    fee=Purpose.FEE,
    back=Purpose.RETURN,
    sign=-1,
)
COLLECTION: Final = Flow(
    name="collection",
    went=LineKind.COLLECTED,
    came_back=LineKind.CHARGED_BACK,
    principal=Purpose.COLLECT,
    fee=Purpose.COLLECTION_FEE,
    back=Purpose.CHARGE_BACK,
    sign=1,
)
FLOWS: Final = (PAYOUT, COLLECTION)
