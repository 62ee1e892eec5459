"""Show how far the story has come: moving bars on a terminal, a line a chapter elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class Chapters:
    """The chapters told so far."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description:<28}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, int] = {}
        self._printed: set[str] = set()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def told(self, chapter: str, done: int, of: int) -> None:
        """Show a chapter at `done` of `of`."""
        if self._console.is_terminal:
            if chapter not in self._tasks:
                self._tasks[chapter] = self._bars.add_task(chapter, total=of)
            self._bars.update(self._tasks[chapter], completed=done, total=of)  # type: ignore[arg-type]
        elif done >= of and chapter not in self._printed:
            self._printed.add(chapter)
            self._console.print(f"{chapter}: {done} of {of}")
