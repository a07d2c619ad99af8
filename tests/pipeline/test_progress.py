from __future__ import annotations

import io
import os
import time
from pathlib import Path

from lumier_analysis.pipeline.progress import Progress, TerminalProgress, followed, make_progress
from lumier_analysis.study.work import PROGRESS


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_one_plain_line_a_stage() -> None:
    stream = io.StringIO()
    progress = make_progress(stream)
    assert type(progress) is Progress
    with progress.running("clean", "the plan changed"):
        pass
    progress.ended("clean", "done", 12.34, "(the plan changed)")
    progress.ended("derive", "fresh")
    assert stream.getvalue() == "clean         done           12.3 s  (the plan changed)\nderive        fresh\n"


def test_a_terminal_gets_the_same_words() -> None:
    stream = Terminal()
    progress = make_progress(stream)
    assert isinstance(progress, TerminalProgress)
    with progress.running("clean", "raw file [x].csv changed"):
        pass
    progress.ended("clean", "failed", 1.0, "(raw file [x].csv changed)")
    progress.line("Nothing to do: [all] fresh.")
    assert "raw file [x].csv changed" in stream.getvalue()
    assert "clean" in stream.getvalue() and "failed" in stream.getvalue() and "1.0 s" in stream.getvalue()
    assert "Nothing to do: [all] fresh." in stream.getvalue()


def test_what_a_step_writes_is_said_once_and_the_variable_is_taken_back(monkeypatch):
    monkeypatch.delenv(PROGRESS, raising=False)
    said = []
    with followed(said.append, 0.01):
        for text in ("fits: 1 of 2", "fits: 1 of 2", "fits: 2 of 2"):
            Path(os.environ[PROGRESS]).write_text(text, encoding="utf-8")
            time.sleep(0.1)
    assert said == ["fits: 1 of 2", "fits: 2 of 2"] and PROGRESS not in os.environ
