import os

import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.study import work


def test_jobs_are_the_processors_unless_said(monkeypatch):
    monkeypatch.delenv(work.JOBS, raising=False)
    assert 1 <= work.jobs() <= (os.cpu_count() or 1)
    monkeypatch.setenv(work.JOBS, "3")
    assert work.jobs() == 3


@pytest.mark.parametrize("said", ["0", "-1", "two", "1.5"])
def test_jobs_that_are_no_number_are_refused(monkeypatch, said):
    monkeypatch.setenv(work.JOBS, said)
    with pytest.raises(UsageError, match=rf"whole number of at least 1.*Found: {said}"):
        work.jobs()


def test_the_runner_reads_how_far_a_step_is(monkeypatch, tmp_path):
    monkeypatch.setenv(work.PROGRESS, str(tmp_path / "p"))
    progress = work.step("elastic net")
    progress(3, 10)
    assert (tmp_path / "p").read_text(encoding="utf-8") == "elastic net: 3 of 10"


def test_in_a_notebook_one_line_is_updated_and_taken_away(monkeypatch):
    shown = []

    class Handle:
        def update(self, content, raw):
            shown.append(content["text/plain"])

    def display(content, raw, display_id):
        shown.append(content["text/plain"])
        return Handle()

    monkeypatch.delenv(work.PROGRESS, raising=False)
    monkeypatch.setattr(work, "_shell", lambda: object())
    monkeypatch.setattr("IPython.display.display", display)
    progress = work.step("fits")
    progress(1, 2)
    progress(2, 2)
    assert shown == ["fits: 1 of 2", ""]


def test_elsewhere_nothing_is_shown(monkeypatch, capsys):
    monkeypatch.delenv(work.PROGRESS, raising=False)
    monkeypatch.setattr(work, "_shell", lambda: None)
    work.step("fits")(1, 2)
    assert capsys.readouterr().out == ""
