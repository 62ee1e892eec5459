"""Look the installation over and say, for each thing that is wrong, what to do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from kernel import browser, migrations
from kernel.config import Settings
from kernel.database import open_database
from kernel.db import transaction

SKEW_SECONDS_MAX: Final = 5
CONTRACT_FONT: Final = Path(__file__).parent / "fonts" / "NotoSansSC-subset.otf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at settings, folders, database, migrations, clock and fonts, in that order."""
    yield Finding(name="settings", ok=True, detail=f"environment {settings.environment}")
    yield _home(settings)
    try:
        engine = open_database(settings)
    except Exception as fault:  # noqa: BLE001 - whatever it is, the operator must read it
        yield Finding(
            name="database",
            ok=False,
            detail=f"{type(fault).__name__}: {fault}",
            remedy="set DATABASE_URL, or leave it unset for the embedded PostgreSQL",
        )
    else:
        yield from _database(engine)
        engine.dispose()
    yield _font()


def examine_for_tests(*, install: bool) -> Iterator[Finding]:
    """Look for, and if asked install, what the page tests need."""
    chromium = (
        browser.install_chromium(os.environ) if install else browser.find_chromium(os.environ)
    )
    yield Finding(
        name="chromium",
        ok=chromium is not None,
        detail=chromium or "none found",
        remedy="name one in CHROMIUM, put one on the PATH, run `playwright install chromium`, "
        "or as root `apt-get install chromium`",
    )
    font = browser.install_chinese_font() if install else browser.has_chinese_font()
    yield Finding(
        name="chinese font",
        ok=font,
        detail="found" if font else "none found: pages would show empty boxes",
        remedy="install a Chinese font, as root `apt-get install fonts-noto-cjk`",
    )


def examine_books(check: Callable[[Session], Iterable[str]]) -> Iterator[Finding]:
    """Have the books worked out anew, as of one instant, and name every difference.

    It may take minutes, and whoever posts meanwhile is neither held up nor half seen.
    """
    with transaction() as session:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        session.execute(text("SET LOCAL statement_timeout = 0"))
        differences = list(check(session))
    yield Finding(
        name="books",
        ok=not differences,
        detail=f"differences: {len(differences)}"
        if differences
        else "agree with all that happened",
        remedy="look into each difference below before the next payout is sent",
    )
    for difference in differences:
        yield Finding(
            name="difference",
            ok=False,
            detail=difference,
            remedy="see the runbook, books that differ",
        )


def _home(settings: Settings) -> Finding:
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        writable = os.access(settings.home, os.W_OK)
    except OSError:
        writable = False
    return Finding(
        name="home folder",
        ok=writable,
        detail="writable" if writable else f"{settings.home} cannot be written",
        remedy="set DAICHANG_HOME to a folder of yours",
    )


def _database(engine: Engine) -> Iterator[Finding]:
    with engine.connect() as connection:
        version = connection.execute(text("SHOW server_version")).scalar_one()
        theirs = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    yield Finding(name="database", ok=True, detail=f"PostgreSQL {version}")
    present, heads = migrations.present(engine), migrations.heads()
    yield Finding(
        name="migrations",
        ok=(present,) == heads,
        detail=f"at {present}, head {', '.join(heads)}",
        remedy="run `daichang db upgrade`",
    )
    skew = abs((datetime.now(UTC) - theirs).total_seconds())
    yield Finding(
        name="clock",
        ok=skew <= SKEW_SECONDS_MAX,
        detail=f"{skew:.1f} s apart from the database's",
        remedy="keep both machines on network time",
    )


def _font() -> Finding:
    there = CONTRACT_FONT.is_file()
    return Finding(
        name="contract font",
        ok=there,
        detail=CONTRACT_FONT.name if there else "missing",
        remedy="restore kernel/fonts from the repository",
    )
