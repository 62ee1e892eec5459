"""pgbench with the very SQL that the ledger sends: overheard, not written down a second time."""

from __future__ import annotations

import hashlib
import re
import resource
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import event
from sqlalchemy.engine import Engine

from benchmarks import ledger_books, server
from benchmarks.ledger_books import ACCOUNTS_A_SIDE, HOT
from benchmarks.ledger_clients import Spell
from disbursement import accounts, ledger
from disbursement.ledger import Posting
from kernel import db, embedded

VARIANTS: Final = 8
"""Sets of random accounts that the transactions of a hundred take by turns."""
SALT_MAX: Final = 2**48 - 1
GAP: Final = "zzzzzzzzzzzz"
"""Where in an identity's text the salt of the transaction goes: twelve hexadecimal digits."""
END_WAIT_SECONDS: Final = 60

_PLACE: Final = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Files for pgbench and the variables they name."""

    files: tuple[Path, ...]
    variables: Mapping[str, str]


def overhear(engine: Engine, postings: Sequence[Posting]) -> list[tuple[str, Mapping[str, Any]]]:
    """Post once without keeping it, and give every statement with its parameters."""
    heard: list[tuple[str, Mapping[str, Any]]] = []

    def listen(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        heard.append((statement, dict(parameters)))

    db.bind(engine)
    event.listen(engine, "before_cursor_execute", listen)
    try:
        with db.transaction() as session:
            if len(postings) == 1:
                ledger.post(session, postings[0], at=datetime.now(UTC))
            else:
                ledger.post_many(session, postings, at=datetime.now(UTC))
            session.rollback()
    finally:
        event.remove(engine, "before_cursor_execute", listen)
    return heard


def write(engine: Engine, folder: Path, *, batch: int, is_hot: bool, random: Random) -> Script:
    """Write scripts that send what the ledger sends for `batch` postings a transaction."""
    postings = ledger_books.postings(
        batch, is_hot=is_hot, on=datetime.now(UTC).date(), random=random
    )
    heard = overhear(engine, postings)
    variables: dict[str, str] = {}
    files = []
    for variant in range(1 if batch == 1 else VARIANTS):
        if batch == 1:
            made = _one(variables, is_hot=is_hot)
        else:
            made = _many(variables, variant, batch=batch, is_hot=is_hot, random=random)
        hand = _Hand(postings, made, variables)
        body = "".join(f"{hand.rewrite(statement, given)};\n" for statement, given in heard)
        path = folder / f"post-{batch}-{'hot' if is_hot else 'random'}-{variant}.sql"
        path.write_text(_SETTINGS + f"BEGIN;\n{body}COMMIT;\n")
        files.append(path)
    return Script(files=tuple(files), variables=variables)


def run(url: str, script: Script, *, clients: int, seconds: int, jobs: int) -> Spell:
    """Run pgbench.

    Raises:
        RuntimeError: it met an error; its own words are in the text.
    """
    command = [
        str(embedded.binaries() / "pgbench"),
        "--no-vacuum",
        "--protocol=prepared",
        f"--client={clients}",
        f"--jobs={jobs}",
        f"--time={seconds}",
        *(f"--file={path}" for path in script.files),
        *(f"--define={name}={value}" for name, value in script.variables.items()),
    ]
    cpu_before = _cpu_seconds_of_ended_children()
    done = subprocess.run(
        command,
        env=server.client_environment(url),
        capture_output=True,
        text=True,
        timeout=seconds + END_WAIT_SECONDS,
        check=False,
    )
    rate = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    count = re.search(r"transactions actually processed: (\d+)", done.stdout)
    if done.returncode != 0 or rate is None or count is None:
        raise RuntimeError(f"pgbench failed: {done.stderr.strip()[:1000]}")
    return Spell(
        rate=float(rate.group(1)),
        transactions=int(count.group(1)),
        cpu_seconds=_cpu_seconds_of_ended_children() - cpu_before,
    )


def _cpu_seconds_of_ended_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


_SETTINGS: Final = (
    f"\\set salt random(1, {SALT_MAX})\n"
    f"\\set debit random(0, {ACCOUNTS_A_SIDE - 1})\n"
    f"\\set credit random(0, {ACCOUNTS_A_SIDE - 1})\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """SQL that stands for what differs from one transaction to the next.

    Of a single posting the text of each value, of many the text of an array.
    """

    ids: str
    events: str
    debits: str
    credits: str
    first_id: str


class _Hand:
    """Rewrites an overheard statement for pgbench: values become variables and expressions."""

    def __init__(self, postings: Sequence[Posting], made: _Made, variables: dict[str, str]) -> None:
        self._variables = variables
        self._lists = [
            ([posting.id for posting in postings], made.ids),
            ([posting.event_ref for posting in postings], made.events),
            ([accounts.identity(posting.debit) for posting in postings], made.debits),
            ([accounts.identity(posting.credit) for posting in postings], made.credits),
        ]
        self._first = (postings[0].id, made.first_id)

    def rewrite(self, statement: str, given: Mapping[str, Any]) -> str:
        return _PLACE.sub(lambda found: self._stand_in(found.group(1), given), statement)

    def _stand_in(self, name: str, given: Mapping[str, Any]) -> str:
        value = given[name]
        if value is None:
            return "NULL"
        if value == self._first[0]:
            return f"({self._first[1]})"
        for known, array_text in self._lists:
            if value == known:
                return f"(CAST({array_text} AS uuid[]))"
            if isinstance(value, str) and _identities(value) == known:
                return f"({array_text})"
        self._variables[name] = _spelled(value)
        return f"CAST(:{name} AS timestamptz)" if isinstance(value, datetime) else f":{name}"


def _identities(spelled: str) -> list[UUID]:
    """Read the text of an array of identities; the text of anything else gives none."""
    try:
        return [UUID(item) for item in spelled.strip("{}").split(",")]
    except ValueError:
        return []


def _one(variables: dict[str, str], *, is_hot: bool) -> _Made:
    def derived(kind: str, number: str) -> str:
        return f"md5('{kind}/' || :{number})"

    variables["hot"] = _spelled(accounts.identity(HOT))
    return _Made(
        ids=derived("id", "salt"),
        events=derived("event", "salt"),
        debits=derived("debit", "debit"),
        credits=":hot" if is_hot else derived("credit", "credit"),
        first_id=f"CAST({derived('id', 'salt')} AS uuid)",
    )


def _many(
    variables: dict[str, str], variant: int, *, batch: int, is_hot: bool, random: Random
) -> _Made:
    """Stand-ins for arrays: texts given to pgbench, the identities with a gap for the salt.

    Making two hundred identities one by one was measured to cost pgbench a fifth of its speed;
    one replacement in their joined text costs it nothing that can be seen.
    """

    def numbered(side: str) -> list[UUID]:
        drawn = (random.randrange(ACCOUNTS_A_SIDE) for _ in range(batch))
        return [_from_number(side, number) for number in drawn]

    hot = [accounts.identity(HOT)] * batch
    variables[f"debits{variant}"] = _spelled(numbered("debit"))
    variables[f"credits{variant}"] = _spelled(hot if is_hot else numbered("credit"))
    for column in ("ids", "events"):
        gapped = [str(uuid4())[: -len(GAP)] + GAP for _ in range(batch)]
        variables[f"{column}{variant}"] = _spelled(gapped)

    def salted(column: str) -> str:
        salt = "lpad(to_hex(CAST(:salt AS bigint)), 12, '0')"
        return f"replace(:{column}{variant}, '{GAP}', {salt})"

    return _Made(
        ids=salted("ids"),
        events=salted("events"),
        debits=f":debits{variant}",
        credits=f":credits{variant}",
        first_id=f"(CAST({salted('ids')} AS uuid[]))[1]",
    )


def _from_number(side: str, number: int) -> UUID:
    return UUID(hashlib.md5(f"{side}/{number}".encode(), usedforsecurity=False).hexdigest())


def _spelled(value: object) -> str:
    """Spell a value as PostgreSQL reads it."""
    if isinstance(value, list):
        return "{" + ",".join(_spelled(item) for item in value) + "}"
    if value is None:
        return "NULL"
    return value.isoformat() if isinstance(value, date) else str(value)
