"""Serve the sandbox over HTTP: one process, because its memory is the process's own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from sandbox.app import DEFAULT_KEY, create_app

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8901
THREADS: Final = 8
STOP_SECONDS: Final = 1
"""How long a stop waits for requests under way."""


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn is not typed
    """Gunicorn with its settings given here and from nowhere else."""

    def __init__(self, settings: dict[str, Any], key: str, journal: Path | None) -> None:
        self._settings = settings
        self._key = key
        self._journal = journal
        super().__init__()

    def load_config(self) -> None:
        """Take the settings."""
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Build the application, in the one worker."""
        return create_app(key=self._key, journal_path=self._journal)


def main(
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    *,
    key: str = DEFAULT_KEY,
    journal: Path | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then stop within two seconds; must run in the main thread.

    With a journal, a later start goes on where a killed one was.

    Raises:
        SystemExit: when it has stopped; with a code other than 0 when it could not serve.
    """
    settings = {
        "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "worker_class": "gthread",
        "workers": 1,
        "threads": THREADS,
        "graceful_timeout": STOP_SECONDS,
        "keepalive": 30,
        "accesslog": None,
        "loglevel": "warning",
        "control_socket_disable": True,
        "proc_name": "daichang-sandbox",
        "post_fork": _refuse_second_life,
        "when_ready": _announce,
    }
    _Server(settings, key, journal).run()


def _refuse_second_life(_arbiter: Arbiter, worker: Any) -> None:  # noqa: ANN401  # not typed
    """Stop the server rather than go on with an empty memory after the worker died."""
    if worker.age > 1:
        sys.stderr.write("sandbox: the worker died and its memory with it; stopping\n")
        sys.exit(Arbiter.WORKER_BOOT_ERROR)


def _announce(arbiter: Arbiter) -> None:
    addresses = ", ".join(str(listener) for listener in arbiter.LISTENERS)
    sys.stderr.write(f"sandbox: listening at {addresses}\n")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.serve", description=__doc__)
    parser.add_argument("--host", default=DEFAULT_HOST, help="address to listen at")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="port to listen at")
    parser.add_argument("--journal", type=Path, help="file to remember in, and to wake up from")
    return parser.parse_args()


if __name__ == "__main__":
    arguments = _parse()
    main(arguments.host, arguments.port, journal=arguments.journal)
