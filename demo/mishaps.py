"""Which payments of the demo go wrong, and how: enough of each that the sums prove something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from demo.people import Card

UNKNOWN_FIRST: Final = (
    "silent_paid", "http_500_paid", "garbage_paid", "silent_lost", "empty_paid",
    "bad_signature_paid",
)  # fmt: skip
"""Payments whose first answer leaves open whether the money went."""
REFUSED: Final = ("refuse_61", "refuse_66", "refuse_late")
RETURNED: Final = ("return_later", "return_in_file")
OTHER: Final = ("duplicate_notice", "late", "query_lags", "forged_notice")

UNKNOWN_SHARE: Final = 0.02
RETURNED_SHARE: Final = 0.005
REFUSED_SHARE: Final = 0.01
OTHER_SHARE: Final = 0.01
RETURN_AFTER_DAYS_MAX: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishap:
    """One payment that will go wrong."""

    card: Card
    fault: str
    return_after_days: int


def choose(cards: Sequence[Card], random: Random) -> list[Mishap]:
    """Choose a fault, and after how many days a return comes, for some of the cards.

    At least two payments are unknown at first and one is returned, however few there are.
    """
    order = random.sample(list(cards), len(cards))
    plan: list[Mishap] = []
    for faults, share, least in (
        (UNKNOWN_FIRST, UNKNOWN_SHARE, 2),
        (RETURNED, RETURNED_SHARE, 1),
        (REFUSED, REFUSED_SHARE, 1),
        (OTHER, OTHER_SHARE, 1),
    ):
        count = min(len(order), max(least, round(share * len(cards))))
        plan += [
            Mishap(
                card=order.pop(),
                fault=faults[position % len(faults)],
                return_after_days=random.randint(1, RETURN_AFTER_DAYS_MAX),
            )
            for position in range(count)
        ]
    return plan
