"""Serve a web application with gunicorn, its settings given here and from nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication

THREADS: Final = 8
STOP_SECONDS: Final = 5
REQUEST_SECONDS_MAX: Final = 60


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn is not typed
    """Gunicorn that makes its application in each worker, so that no connection is shared."""

    def __init__(self, make: Callable[[], Flask], settings: dict[str, Any]) -> None:
        self._make = make
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Take the settings."""
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Make the application."""
        return self._make()


def serve(make: Callable[[], Flask], *, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT; must run in the main thread."""
    _Server(
        make,
        {
            "bind": f"{host}:{port}",
            "worker_class": "gthread",
            "workers": workers,
            "threads": THREADS,
            "timeout": REQUEST_SECONDS_MAX,
            "graceful_timeout": STOP_SECONDS,
            "accesslog": None,
            "loglevel": "warning",
            "control_socket_disable": True,
            "proc_name": "daichang-web",
        },
    ).run()
