"""One line a stage: with colour and a spinner on a terminal, plain in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class Progress:
    """Plain lines, for logs and pipes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout

    def line(self, text: str) -> None:
        """Print one line."""
        print(text, file=self.stream, flush=True)

    @contextmanager
    def running(self, stage: str, why: str) -> Iterator[None]:
        """Enclose the run of a stage."""
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

        with self.console.status(f"{stage}  [dim]{escape(why)}[/dim]"):
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
