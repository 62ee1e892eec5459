"""Leave the four doors open: web and scheduler as processes of their own, until Ctrl-C."""

from __future__ import annotations

import time
from typing import Final

from rich.console import Console

from demo.staff import PASSWORD
from demo.stage import LOG_NAME, Stage
from demo.story import Story

WATCH_SECONDS: Final = 1.0


def open_until_ctrl_c(console: Console, stage: Stage, story: Story) -> None:
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
    _print_doors(console, stage, story)
    while (ended := stage.processes.ended()) is None:
        time.sleep(WATCH_SECONDS)
    console.print(f"[bold]{ended} has ended[/bold]; stopping the rest")


def _print_doors(console: Console, stage: Stage, story: Story) -> None:
    url = stage.settings.public_url
    key = story.team.agency_key
    mobile = story.applicants[-1].person.mobile.plain
    doors = (
        ("agencies", f"{url}/v1/openapi.json", f"key {key.name}, secret {key.secret}"),
        ("debtors", f"{url}/resume", f"mobile {mobile}, the code comes by SMS:"),
        ("", f"{stage.sandbox_url}/sms/inbox/{mobile}", "the sandbox's SMS inbox"),
        ("finance", f"{url}/finance/", f"maker / {PASSWORD}, checker / {PASSWORD}"),
        ("risk", f"{url}/risk/", f"risk / {PASSWORD}"),
        ("operators", f"{url}/readyz", "no sign-in"),
    )
    console.print("\n[bold]The doors are open; Ctrl-C ends everything[/bold]")
    for door, where, sign_in in doors:
        console.print(f"  {door:<10} {where:<46} {sign_in}", soft_wrap=True, highlight=False)
    console.print(f"  the log is {stage.settings.home / LOG_NAME}", soft_wrap=True)
