"""The stages of a study one after the other, on the tiny project."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from lumier_analysis.errors import DisclosureError, NotebookError, PlanError, RawDataError, UsageError
from lumier_analysis.pipeline.progress import Progress
from lumier_analysis.pipeline.run import StudyRun, run_study
from lumier_analysis.pipeline.stages import Stage

Stages = tuple[Stage, ...]


class Log(Progress):
    def __init__(self) -> None:
        super().__init__(io.StringIO())

    @property
    def lines(self) -> list[str]:
        assert isinstance(self.stream, io.StringIO)
        return self.stream.getvalue().splitlines()


def run(stages: Stages, **options: object) -> tuple[StudyRun, list[str]]:
    log = Log()
    return run_study("tiny", progress=log, stages=stages, **options), log.lines  # type: ignore[arg-type]


def results(root: Path) -> dict[str, bytes]:
    """Return every result file but run records."""
    folders = (root / "data" / "tiny" / "analysis", root / "reports" / "tiny")
    files = [
        p
        for folder in folders
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not p.is_relative_to(folders[0] / "run")
    ]
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in files}


@pytest.mark.pipeline
def test_a_study_runs_once_then_rests_and_says_so(project: Path, tiny_stages: Stages) -> None:
    prepared: list[str] = []
    done, lines = run(tiny_stages, prepare=lambda: prepared.append("kernels"))
    assert done.ran == ("first", "second", "report") and prepared == ["kernels"]
    assert done.report == project / "reports" / "tiny" / "report.html"
    assert [line.split()[:2] for line in lines] == [[s, "done"] for s in done.ran]
    made = results(project)
    assert sorted(made) == [
        "data/tiny/analysis/results/01_first.json",
        "data/tiny/analysis/tables/test/patients.csv",
        "reports/tiny/figures/one.svg",
        "reports/tiny/notebooks/01_first.ipynb",
        "reports/tiny/notebooks/02_second.ipynb",
        "reports/tiny/report.html",
    ]
    record = json.loads((project / "data/tiny/analysis/run/first.json").read_text())
    assert list(record["outputs"])[-1] == "reports/notebooks/01_first.ipynb"
    assert record["packages"]["numpy"] and record["seconds"] > 0 and record["finished"] >= record["started"]
    assert record["peak_memory_bytes"] > 1e7 and record["who"] and record["processor"]
    assert not (project / "data/tiny/analysis/run/lock").exists()

    again, lines = run(tiny_stages, prepare=lambda: prepared.append("again"))
    assert prepared == ["kernels"]
    assert again.ran == () and again.report == done.report
    assert lines == ["Nothing to do: all stages are fresh."]

    fresh, _ = run(tiny_stages, fresh=True)
    assert fresh.ran == done.ran
    assert results(project) == made

    # The first stage runs again; its table does not change, so nothing after it has to.
    (project / "data/tiny/raw/ecrf_visites.csv").write_text("other")
    partly, lines = run(tiny_stages)
    assert partly.ran == ("first",)
    assert "(raw file ecrf_visites.csv changed)" in lines[0]
    assert [line.split() for line in lines[1:]] == [["second", "fresh"], ["report", "fresh"]]

    # A stage alone, and a raw folder that moves; it is remembered, and moving it makes nothing stale.
    (project / "data/tiny/raw").rename(project / "exports")
    alone, lines = run(tiny_stages, only="second")
    assert alone.ran == () and lines == ["Nothing to do: the stage second is fresh."]
    assert run(tiny_stages, raw="exports")[0].ran == ()


@pytest.mark.pipeline
def test_a_failing_stage_leaves_nothing_of_itself(project: Path, tiny_stages: Stages) -> None:
    run(tiny_stages)
    notebook = project / "notebooks" / "02_second.ipynb"
    sound = notebook.read_text()
    notebook.write_text(sound.replace("write_text(text)", "write_text(text); 1 / 0"))
    log = Log()
    with pytest.raises(NotebookError) as caught:
        run_study("tiny", progress=log, stages=tiny_stages)
    assert "02_second, In [3] (from pathlib import Path) stopped with ZeroDivisionError" in str(caught.value)
    assert caught.value.__notes__ == [
        "It happened in notebooks/02_second.ipynb, In [3]: from pathlib import Path",
        "The notebook as far as it came: data/tiny/analysis/run/02_second.failed.ipynb",
        "To go through this stage cell by cell: jupyter lab notebooks/02_second.ipynb"
        "  (in its parameters cell: study = 'data/tiny')",
    ]
    assert [line.split()[:2] for line in log.lines] == [["first", "fresh"], ["second", "failed"]]
    assert not (project / "reports/tiny/figures/one.svg").exists()
    assert not (project / "reports/tiny/notebooks/02_second.ipynb").exists()
    assert not (project / "data/tiny/analysis/run/second.json").exists()
    assert (project / "data/tiny/analysis/tables/test/patients.csv").exists()
    notebook.write_text(sound)
    assert run(tiny_stages)[0].ran == ("second",)
    assert not (project / "data/tiny/analysis/run/02_second.failed.ipynb").exists()


@pytest.mark.pipeline
def test_a_stage_that_does_not_write_what_it_must_has_failed(project: Path, tiny_stages: Stages) -> None:
    first = tiny_stages[0]
    wanting = Stage("first", notebook=first.notebook, reads_raw=True, writes=(*first.writes, "analysis/flow.json"))
    with pytest.raises(NotebookError, match=r"did not write data/tiny/analysis/flow\.json"):
        run((wanting,))
    assert results(project) == {}


@pytest.mark.pipeline
def test_a_killed_kernel_leaves_no_half_written_result(project: Path, tiny_stages: Stages) -> None:
    notebook = project / "notebooks" / "01_first.ipynb"
    notebook.write_text(notebook.read_text().replace("str(len(text))", "str(len(text))); __import__('os')._exit(1"))
    with pytest.raises(NotebookError, match="The kernel died in 01_first"):
        run(tiny_stages)
    assert results(project) == {}


def build_stage(body: str, project: Path) -> Stages:
    lines = f"from lumier_analysis.errors import DisclosureError\ndef build(study):\n    {body}\n"
    (project / "tiny_report.py").write_text(lines)
    return (Stage("report", builder="tiny_report:build", writes=("reports/report.html",)),)


def test_an_error_of_the_report_keeps_its_family(project: Path) -> None:
    half = "study.reports.mkdir(parents=True); (study.reports / 'report.html').write_text('half'); "
    stages = build_stage(f"{half}raise DisclosureError('a small cell', fix='suppress it')", project)
    with pytest.raises(DisclosureError, match=r"a small cell\. To mend it: suppress it"):
        run(stages)
    assert results(project) == {}


def test_an_unexpected_error_of_the_report_is_a_sentence_and_a_log(project: Path) -> None:
    with pytest.raises(NotebookError, match=r"The stage report stopped: KeyError: 'x'\. .*analysis/run/report\.log"):
        run(build_stage("{}['x']", project))
    assert "Traceback" in (project / "data/tiny/analysis/run/report.log").read_text()


def test_nothing_starts_without_its_inputs(project: Path, tiny_stages: Stages) -> None:
    (project / "data/tiny/raw/ecrf_flares.csv").unlink(missing_ok=True)
    (project / "data/tiny/raw/ecrf_poussees.csv").unlink()
    with pytest.raises(RawDataError, match=r"ecrf_poussees\.csv"):
        run(tiny_stages)
    with pytest.raises(UsageError, match="use one of first, second, report"):
        run(tiny_stages, only="third")
    plan = project / "data/tiny/plan.yml"
    plan.write_text(plan.read_text().replace("landmarks:", "landmark:"))
    with pytest.raises(PlanError, match="landmark"):
        run(tiny_stages)
    assert results(project) == {}


def test_two_runs_at_once_are_refused(project: Path, tiny_stages: Stages) -> None:
    from lumier_analysis.pipeline.studylock import study_lock

    with (
        study_lock(project / "data/tiny/analysis/run/lock"),
        pytest.raises(UsageError, match="Another run of this study is going on"),
    ):
        run(tiny_stages)
