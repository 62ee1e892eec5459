"""Who shares an account, in the tables of a real bank (Berka, PKDD'99): a test of joins alone."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

from tests.underwriting.graph.store import sight
from underwriting.graph import linking, walk

RULES = linking.in_force(date(2026, 11, 20))


def rows(path: Path) -> Sequence[Mapping[str, str]]:
    with gzip.open(path, "rt", encoding="ascii") as opened:
        return list(csv.DictReader(opened, delimiter=";"))


def test_two_clients_of_one_account_are_a_ring_and_a_district_is_a_hub(
    shared: Callable[[str], Path],
):
    disponents = rows(shared("data/berka_partial/disp.asc.gz"))
    clients = rows(shared("data/berka_partial/client.asc.gz"))

    found = walk.rings(
        [
            *(sight(int(row["client_id"]), "card", row["account_id"], 1) for row in disponents),
            *(sight(int(row["client_id"]), "device", row["district_id"], 1) for row in clients),
        ],
        RULES,
    )

    # 5,369 clients of 4,500 accounts: 869 may dispose of an account that is another's. The 77
    # districts have some 70 clients each, far beyond what a device may have.
    assert (len(disponents), len(clients)) == (5_369, 5_369)
    assert [len(ring) for ring in found] == [2] * 869
