"""Which payments of the demo go wrong, and how: enough of each that the sums prove something."""

from __future__ import annotations

from collections.abc import Sequence
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


def choose(cards: Sequence[Card], random: Random) -> dict[Card, tuple[str, int]]:
    """Choose a fault, and after how many days a return comes, for some of the cards.

    At least two payments are unknown at first and one is returned, however few there are.
    """
    order = random.sample(list(cards), len(cards))
    plan: dict[Card, tuple[str, int]] = {}
    for faults, share, least in (
        (UNKNOWN_FIRST, UNKNOWN_SHARE, 2),
        (RETURNED, RETURNED_SHARE, 1),
        (REFUSED, REFUSED_SHARE, 1),
        (OTHER, OTHER_SHARE, 1),
    ):
        for position in range(max(least, round(share * len(cards)))):
            if not order:
                return plan
            fault = faults[position % len(faults)]
            plan[order.pop()] = (fault, random.randint(1, RETURN_AFTER_DAYS_MAX))
    return plan
