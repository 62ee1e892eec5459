"""Leave the four doors open: web and scheduler as processes of their own, until Ctrl-C."""

from __future__ import annotations

import time
from typing import Final

from rich.console import Console
from rich.table import Table

from demo.staff import AGENCY, PASSWORD
from demo.stage import Stage

WATCH_SECONDS: Final = 1.0


def open_until_ctrl_c(console: Console, stage: Stage) -> None:
    """Start web and scheduler, print where the doors are, and wait.

    Raises:
        DidNotStart: a process ended by itself.
    """
    url = stage.settings.public_url
    stage.processes.start(
        "web",
        ["-m", "wsgi", "run", "--port", str(stage.web_port)],
        environment=stage.environment,
        ready=f"{url}/healthz",
    )
    stage.processes.start("scheduler", ["-m", "wsgi", "scheduler"], environment=stage.environment)
    _print_doors(console, stage)
    while (ended := stage.processes.ended()) is None:
        time.sleep(WATCH_SECONDS)
    console.print(f"[bold]{ended} has ended[/bold]; stopping the rest")


def _print_doors(console: Console, stage: Stage) -> None:
    url = stage.settings.public_url
    table = Table(title="The doors are open (Ctrl-C ends everything)")
    table.add_column("door")
    table.add_column("where")
    table.add_column("sign in with")
    table.add_row("agencies", f"{url}/docs", f"agency {AGENCY}: keys by `daichang agency key`")
    table.add_row("debtors", f"{url}/", "the link in the SMS inbox below")
    for login in ("maker", "checker"):
        table.add_row("finance", f"{url}/finance/breaks", f"{login} / {PASSWORD}")
    table.add_row("risk", f"{url}/risk/assessments", f"risk / {PASSWORD}")
    table.add_row("operators", f"{url}/readyz", f"operator / {PASSWORD}")
    table.add_row("the sandbox's SMS inbox", f"{stage.sandbox_url}/sms/inbox/19900000001", "")
    console.print(table)
