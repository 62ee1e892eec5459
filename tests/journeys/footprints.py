"""What something left in the database, row by row, so that a test can say that it left nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import text

from kernel.db import Base, transaction

Rows = dict[str, Counter[str]]


@dataclass(frozen=True)
class Footprints:
    """Every row of every table at one moment."""

    rows: Rows

    @classmethod
    def taken(cls) -> Footprints:
        """Look at every row there is."""
        with transaction() as session:
            return cls(
                {
                    table.name: Counter(
                        session.execute(text(f'SELECT t::text FROM "{table.name}" t')).scalars()
                    )
                    for table in Base.metadata.sorted_tables
                }
            )

    def since(self) -> dict[str, tuple[int, int]]:
        """Count by table the rows that came and the rows that went; a changed row is one of each."""
        now = Footprints.taken().rows
        found = {
            name: ((now[name] - before).total(), (before - now[name]).total())
            for name, before in self.rows.items()
        }
        return {name: counts for name, counts in found.items() if any(counts)}

    def grown(self, *, but: Iterable[str] = ()) -> dict[str, int]:
        """Count the rows that came, where nothing may have changed or gone but in some tables."""
        since = self.since()
        assert all(gone == 0 for name, (_, gone) in since.items() if name not in set(but)), since
        return {name: came for name, (came, _) in since.items() if name not in set(but)}
