"""The books that both sides post to: the same accounts, the same two tables."""

from __future__ import annotations

from datetime import UTC, date, datetime
from random import Random
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import Engine

from disbursement import accounts
from disbursement.ledger import Posting
from disbursement.records.ledger import Account, Transfer
from kernel import db, ids
from kernel.money import Money

TABLES: Final = (Account, Transfer)
ACCOUNTS_A_SIDE: Final = 2_000
HOT: Final = accounts.in_transit("hot")
AMOUNT_FEN_MAX: Final = 5_000_000

_LOANS: Final = tuple(
    accounts.loan_principal(ids.derived(accounts.identity(HOT), number))
    for number in range(ACCOUNTS_A_SIDE)
)
_CHANNELS: Final = tuple(accounts.in_transit(f"c{number}") for number in range(ACCOUNTS_A_SIDE))

# pgbench makes numbers and no names, so its accounts have identities that come from numbers.
_NUMBERED: Final = """
    INSERT INTO account (id, code, kind, floor, opened_at)
    SELECT CAST(md5(:side || '/' || n) AS uuid), :first || '/numbered-' || n, :kind, :floor, now()
    FROM generate_series(0, :last) AS n ON CONFLICT DO NOTHING
"""


def open_accounts(engine: Engine) -> None:
    """Open the accounts of both sides."""
    db.bind(engine)
    with db.transaction() as session:
        accounts.open_all(session, (HOT, *_LOANS, *_CHANNELS), at=datetime.now(UTC))
        for side, first in (("debit", "loan_principal"), ("credit", "in_transit")):
            kind, floor = accounts.CHART[first]
            facts = {"side": side, "first": first, "kind": kind.value, "floor": floor.value}
            session.execute(text(_NUMBERED), {**facts, "last": ACCOUNTS_A_SIDE - 1})


def empty(engine: Engine) -> None:
    """Forget the transfers and start from a clean checkpoint."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("TRUNCATE transfer"))
        connection.execute(text("CHECKPOINT"))


def count(engine: Engine) -> int:
    """Count the transfers."""
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM transfer")).scalar_one())


def postings(many: int, *, is_hot: bool, on: date, random: Random) -> tuple[Posting, ...]:
    """Make postings from random loans to random channels, or all to the one hot channel."""
    return tuple(
        Posting(
            id=UUID(int=random.getrandbits(128)),
            debit=random.choice(_LOANS),
            credit=HOT if is_hot else random.choice(_CHANNELS),
            amount=Money(random.randrange(1, AMOUNT_FEN_MAX)),
            reason="payout",
            event_ref=UUID(int=random.getrandbits(128)),
            value_date=on,
        )
        for _ in range(many)
    )
