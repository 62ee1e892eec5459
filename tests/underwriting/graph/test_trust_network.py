"""The walk on a real network: who is tied to distrusted traders is distrusted more often later.

Bitcoin-OTC traders rate each other. A rating below zero ties two traders; the graph sees the ties
before a day, and who had been distrusted by then; the label is a mean below zero of at least three
ratings afterwards. It tests the walk in time and bounds and says nothing about borrowers.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from underwriting.graph import figures, linking, walk
from underwriting.graph.walk import Life, Sight
from underwriting.inquiries import LinkKind, SharedKey
from underwriting.models import metrics

RATED_LATER_MIN = 3
RULES = replace(linking.in_force(date(2026, 11, 20)), rounds_max=1)


class Ratings:
    """A store in which each rating is a key that two traders share."""

    def __init__(self, edges: Sequence[tuple[int, int, int, datetime]]) -> None:
        self._of: dict[UUID, list[Sight]] = defaultdict(list)
        self._users: dict[SharedKey, list[Sight]] = defaultdict(list)
        self._received: dict[UUID, list[tuple[datetime, int]]] = defaultdict(list)
        for source, target, rating, at in edges:
            key = SharedKey(kind=LinkKind.CARD, digest=f"{source}-{target}")
            for trader in (source, target) if rating < 0 else ():
                sight = Sight(UUID(int=trader), key, at)
                self._of[sight.application_ref].append(sight)
                self._users[key].append(sight)
            self._received[UUID(int=target)].append((at, rating))

    def own(self, application_ref, *, until):
        return [sight for sight in self._of[application_ref] if sight.seen_at <= until]

    def of_applications(self, applications, *, before):
        return [s for each in applications for s in self._of[each] if s.seen_at < before]

    def of_keys(self, keys, *, before):
        return {key: [s for s in self._users[key] if s.seen_at < before][:most]
                for key, most in keys.items()}  # fmt: skip

    def signatures(self, applications):
        return {}

    def lives(self, applications, *, before):
        told = {each: [r for at, r in self._received[each] if at < before] for each in applications}
        return {
            each: Life(was_lent=True, was_late=min(ratings) < 0)
            for each, ratings in told.items()
            if ratings
        }

    def later(self, as_of: datetime) -> dict[UUID, float]:
        """Give the mean later rating of traders who were rated before and often afterwards."""
        found = {}
        for trader, received in self._received.items():
            after = [rating for at, rating in received if at >= as_of]
            if len(after) >= RATED_LATER_MIN and len(after) < len(received):
                found[trader] = float(np.mean(after))
        return found


@pytest.fixture(scope="module")
def ratings(shared: Callable[[str], Path]) -> Ratings:
    with gzip.open(shared("data/bitcoin_otc/edges.csv.gz"), "rt", encoding="ascii") as opened:
        return Ratings(
            [
                (int(source), int(target), int(rating), datetime.fromtimestamp(int(at), UTC))
                for source, target, rating, at in csv.reader(opened)
            ]
        )


@pytest.mark.parametrize(
    "as_of", [datetime(2012, 10, 1, tzinfo=UTC), datetime(2013, 3, 1, tzinfo=UTC)]
)
def test_traders_tied_to_distrusted_ones_are_distrusted_more_often_later(ratings, as_of):
    later = ratings.later(as_of)
    bads = np.array([float(rating < 0) for rating in later.values()])

    told = [
        figures.of(walk.around(ratings, trader, as_of=as_of, linking=RULES), RULES)
        for trader in later
    ]

    for name in ("ring_late_1hop_pct", "ring_late_2hop_pct"):
        scores = np.array([float(each[name]) / 100.0 for each in told])
        found = metrics.measure(scores, bads)
        low, high = found.intervals["auc"]
        sys.stdout.write(
            f"{as_of:%Y-%m-%d} {name}: AUC {found.auc:.3f} ({low:.3f} to {high:.3f}), "
            f"{found.loans} traders, {found.bads} distrusted\n"
        )
        assert low > 0.5
