"""One line a stage, and how far a long step is: with colour and a spinner on a terminal, plain in a log."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from lumier_analysis.study.work import PROGRESS

#: Seconds between two looks at how far a step is: on a terminal, and in a log.
LOOK, LOG = 0.5, 30.0


@contextmanager
def followed(say: Callable[[str], None], seconds: float) -> Iterator[None]:
    """Call `say` with what the stage's steps write of themselves, whenever it has changed, while the body runs."""
    with tempfile.TemporaryDirectory(prefix="lumier-progress-") as folder:
        place, over = Path(folder) / "step", threading.Event()

        def look() -> None:
            last = ""
            while not over.wait(seconds):
                text = place.read_text(encoding="utf-8") if place.is_file() else ""
                if text and text != last:
                    say(text)
                    last = text

        watcher = threading.Thread(target=look, daemon=True)
        before = os.environ.get(PROGRESS)
        os.environ[PROGRESS] = str(place)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
            os.environ.pop(PROGRESS)
            if before is not None:
                os.environ[PROGRESS] = before


class Progress:
    """Plain lines, for logs and pipes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout

    def line(self, text: str) -> None:
        """Print one line."""
        print(text, file=self.stream, flush=True)

    @contextmanager
    def running(self, stage: str, why: str) -> Iterator[None]:
        """Enclose the run of a stage; how far a long step is stands in the log every half minute."""
        with followed(lambda text: self.line(f"{stage:<13} running       {text}"), LOG):
            yield

    def ended(self, stage: str, word: str, seconds: float | None = None, note: str = "") -> None:
        """Say how a stage ended: its name, one word, its duration in seconds, and a note."""
        duration = f"{seconds:6.1f} s" if seconds is not None else " " * 8
        self.line(f"{stage:<13} {word:<12} {duration}  {note}".rstrip())


class TerminalProgress(Progress):
    """A spinner while a stage runs, then its line in colour."""

    COLOURS = {"done": "green", "fresh": "dim"}

    def __init__(self, stream: TextIO | None = None) -> None:
        from rich.console import Console

        super().__init__(stream)
        self.console = Console(file=self.stream, highlight=False)

    def line(self, text: str) -> None:
        """Print one line."""
        self.console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def running(self, stage: str, why: str) -> Iterator[None]:
        """Show a spinner while a stage runs."""
        from rich.markup import escape

        status = self.console.status(f"{stage}  [dim]{escape(why)}[/dim]")
        with status, followed(lambda text: status.update(f"{stage}  [dim]{escape(text)}[/dim]"), LOOK):
            yield

    def ended(self, stage: str, word: str, seconds: float | None = None, note: str = "") -> None:
        """Say how a stage ended, in colour."""
        from rich.text import Text

        duration = f"{seconds:6.1f} s" if seconds is not None else " " * 8
        text = Text(f"{stage:<13} ") + Text(f"{word:<12} ", style=self.COLOURS.get(word, "red")) + Text(duration)
        self.console.print(text + Text(f"  {note}".rstrip(), style="dim"), soft_wrap=True)


def make_progress(stream: TextIO | None = None) -> Progress:
    """Return what fits the stream: a terminal, or anything else."""
    stream = stream or sys.stdout
    return TerminalProgress(stream) if stream.isatty() else Progress(stream)
