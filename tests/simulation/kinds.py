"""What a run has to have seen: every point of death, every kind of fault, every invariant."""

from __future__ import annotations

from collections import Counter
from typing import Final

from tests.simulation.outside import FAULTS
from tests.simulation.plan import CARD_FAULTS, DEBIT_FAULTS

POINTS: Final = tuple(f"K{number}" for number in range(1, 13))
INVARIANTS: Final = (*(f"I{number}" for number in range(1, 9)), "F23", "F25", "books")
_OF_CARDS: Final = {fault for fault in (*CARD_FAULTS, *DEBIT_FAULTS) if fault is not None}
_OF_THE_NETWORK: Final = {fault for faults in FAULTS.values() for fault in faults}
_OTHERS: Final = (
    *("outage of channel", "outage of issuers", "outage of bank", "forged notice"),
    *("notice lost", "notice doubled", "card altered or spoilt in the database"),
    *("connection cut before the commit", "connection cut after the commit"),
    "lock timeout",
)
KINDS: Final = (*sorted(_OF_CARDS), *sorted(_OF_THE_NETWORK), *_OTHERS)


def by_point(counts: Counter[str]) -> dict[str, int]:
    """Count the deaths at each of K1 to K12, those that never came too."""
    found = dict.fromkeys(POINTS, 0)
    for what, count in counts.items():
        if what.startswith("death at K"):
            found[what.split()[2]] += count
    return found


def by_kind(counts: Counter[str]) -> dict[str, int]:
    """Count each kind of fault, whatever it was about, those that never came too."""
    found = dict.fromkeys(KINDS, 0)
    for what, count in counts.items():
        name = what if what in found else what.rpartition(": ")[2]
        if name in found:
            found[name] += count
    return found


def by_invariant(counts: Counter[str]) -> dict[str, int]:
    """Count how often each invariant was compared with what there is."""
    return {name: counts[f"checked {name}"] for name in INVARIANTS}
