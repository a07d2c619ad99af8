from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from lumier_analysis import cli
from lumier_analysis.errors import PlanError

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project folder with one study, which has a plan and nothing else; it is the working folder."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "lumier_analysis").mkdir()
    study = tmp_path / "data" / "tiny"
    study.mkdir(parents=True)
    (study / "plan.yml").write_bytes((ROOT / "data" / "synthetic" / "plan.yml").read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_help_answers_at_once_and_lists_the_commands() -> None:
    # The interpreter alone takes some tens of milliseconds; pandas would add half a second or more.
    code = "import sys, lumier_analysis.cli as c\ntry: c.main(['--help'])\nexcept SystemExit: pass\n"
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code + "assert 'pandas' not in sys.modules"], capture_output=True, text=True, check=True
    )
    assert time.monotonic() - began < 2
    for command in ("run", "status", "simulate", "score", "doctor"):
        assert f"\n    {command} " in done.stdout


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    assert "usage: lumier" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "synthetik"], 2, "No study 'synthetik'. Found: studies tiny."),
        (["status", "data"], 10, "The study folder data has no plan.yml"),
        (["run", "tiny"], 11, "Found: no folder data/tiny/raw. To mend it: type: lumier simulate data/tiny."),
        (["run", "data/tiny", "--raw", "nowhere"], 2, "The raw folder nowhere does not exist"),
        (["run", "tiny", "--only", "cleen"], 2, "There is no stage 'cleen'. To mend it: use one of clean, derive"),
    ],
)
def test_a_users_mistake_is_one_line_and_an_exit_code(
    work: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    # As on a new machine: a mistake is told before the kernels are compiled.
    monkeypatch.setattr("lumier_analysis.pipeline.compile_kernels.is_compiled", lambda: False)
    assert cli.main(arguments) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("lumier: ") and said.err.count("\n") == 1
    assert message in said.err


@pytest.mark.parametrize("arguments", [["runn"], ["run"], ["run", "tiny", "--fres"], ["simulate", "--seed", "x"]])
def test_a_mistyped_command_shows_its_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: lumier" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["tiny", "data/tiny"])
def test_status_says_why_each_stage_is_stale(work: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert cli.main(["status", name]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "clean",
        "derive",
        "validate",
        "longitudinal",
        "manuscript",
        "report",
    ]
    assert lines[0] == "clean         stale  The raw files of tiny are not there"
    assert lines[-1] == "report        stale  it follows clean; it has no complete run"


def test_run_passes_its_options_on_and_names_the_report(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, object] = {}

    def run_study(study: str, raw: str | None, **options: object) -> SimpleNamespace:
        asked.update(study=study, raw=raw, **options)
        opened = SimpleNamespace(root=work, folder=work / "data" / "tiny")
        return SimpleNamespace(report=work / "reports" / "tiny" / "report.html", study=opened)

    monkeypatch.setattr("lumier_analysis.pipeline.run.run_study", run_study)
    assert cli.main(["run", "tiny", "--raw", "x", "--fresh", "--frozen", "--only", "derive"]) == 0
    asked.pop("progress")
    assert callable(asked.pop("prepare"))
    assert asked == {"study": "tiny", "raw": "x", "fresh": True, "frozen": True, "only": "derive"}
    assert capsys.readouterr().out == "Report: reports/tiny/report.html\n"


def test_notes_of_an_error_follow_its_sentence(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*args: object, **options: object) -> None:
        error = PlanError("It is wrong")
        error.add_note("To look at it: jupyter lab")
        raise error

    monkeypatch.setattr("lumier_analysis.pipeline.run.run_study", fail)
    assert cli.main(["run", "tiny"]) == 10
    assert capsys.readouterr().err == "lumier: It is wrong.\n  To look at it: jupyter lab\n"


@pytest.mark.parametrize(("study", "place"), [("tiny", "data/tiny/analysis/run/traceback.txt"), ("other", None)])
def test_the_unexpected_is_one_line_and_a_kept_traceback(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], study: str, place: str | None
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("lumier_analysis.pipeline.run.run_study", fail)
    monkeypatch.setattr("lumier_analysis.study.open_study", fail)
    monkeypatch.setattr("tempfile.tempdir", str(work))
    assert cli.main(["run", study]) == 70
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "An unexpected ZeroDivisionError stopped the command" in said
    kept = Path(said.rpartition(" is in ")[2].strip().rstrip("."))
    assert "secret detail" in kept.read_text()
    assert place is None or kept.as_posix() == place


def test_a_module_in_place_of_an_installed_one_is_named(work: Path) -> None:
    other = work / "mine" / "yaml.py"
    other.parent.mkdir()
    other.write_text("raise ImportError('not the one')\n")
    paths = f"{other.parent}{os.pathsep}{ROOT}"
    done = subprocess.run(
        [sys.executable, "-m", "lumier_analysis", "status", "tiny"],
        cwd=work, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    first, *rest = done.stderr.splitlines()
    assert done.returncode == 70 and "An unexpected ImportError stopped the command" in first
    assert rest == [f"  {other} is imported in place of the installed yaml; if that is not meant: unset PYTHONPATH"]


def test_an_interrupt_has_its_own_exit_code(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lumier_analysis.pipeline.run.run_study", interrupt)
    assert cli.main(["run", "tiny"]) == 130
    assert capsys.readouterr().err.startswith("lumier: The run was interrupted.")


def test_simulate_passes_only_what_was_given(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[dict[str, object]] = []
    monkeypatch.setattr(
        "lumier_analysis.simulation.simulate_study", lambda folder, **given: asked.append({"folder": folder, **given})
    )
    assert cli.main(["simulate", "tiny"]) == 0
    assert cli.main(["simulate", "data/tiny", "--overwrite", "--seed", "7", "--patients", "40"]) == 0
    folder = work / "data" / "tiny"
    assert asked == [
        {"folder": folder, "overwrite": False},
        {"folder": folder, "overwrite": True, "seed": 7, "n_patients": 40},
    ]
    assert capsys.readouterr().out == "Raw files: data/tiny/raw\n" * 2


@pytest.mark.parametrize("differs", [False, True])
def test_doctor_exits_with_what_it_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], differs: bool
) -> None:
    from lumier_analysis.pipeline import doctor

    monkeypatch.setattr(doctor, "examine", lambda root: [doctor.Finding("package", "numpy 1, the lock has 2", differs)])
    assert cli.main(["doctor"]) == (15 if differs else 0)
    said = capsys.readouterr()
    assert said.out.startswith("differs" if differs else "ok")
    assert ("in 1 point." in said.err) is differs


def test_explain_prints_the_lines_and_refuses_before_the_first_run(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["explain", "P1", "tiny"]) == 16
    assert "no landmarks yet. To mend it: run `lumier run data/tiny`" in capsys.readouterr().err
    place = "lumier_analysis.pipeline.explain.explain_patient"
    monkeypatch.setattr(place, lambda study, patient: [study.name, patient])
    assert cli.main(["explain", "P1", "tiny"]) == 0
    assert capsys.readouterr().out == "tiny\nP1\n"


def test_export_check_without_a_validation_cohort_is_one_line(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["export-check", "tiny"]) == 16
    assert "The table landmarks of the validation cohort does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(("difference", "code"), [(0.0, 0), (1e-6, 16), (None, 0)])
def test_export_check_says_whether_the_programs_agree(
    work: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    difference: float | None,
    code: int,
) -> None:
    import pandas as pd

    from lumier_analysis.pipeline.double import DoubleProgramming

    line = {"quantity": ["value"], "python": [0.7], "r": [0.7], "difference": [difference]}
    table = None if difference is None else pd.DataFrame(line)
    folder = work / "data" / "tiny" / "analysis" / "double_programming"
    found = DoubleProgramming(folder, "Rscript primary.R landmarks.csv 0.95", table)
    monkeypatch.setattr("lumier_analysis.pipeline.double.double_program", lambda study: found)
    assert cli.main(["export-check", "tiny"]) == code
    said = capsys.readouterr()
    assert "data/tiny/analysis/double_programming" in said.out
    wanted = {0: "Both programs agree" if table is not None else "R is not installed here", 16: "do not agree"}[code]
    assert wanted in said.out + said.err


def test_dry_run_says_that_it_was_a_rehearsal(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import pandas as pd

    from lumier_analysis.cleaning.permute import Permuted
    from lumier_analysis.pipeline.rehearsal import Rehearsal

    assert cli.main(["dry-run", "tiny"]) == 16
    assert "no tables yet" in capsys.readouterr().err
    asked = []
    none = pd.DataFrame()
    done = Rehearsal(Permuted(none, none, none, none, 10, 1), 99, 0, 12.3)
    monkeypatch.setattr(
        "lumier_analysis.pipeline.rehearsal.rehearse", lambda study, *, seed: asked.append((study.name, seed)) or done
    )
    assert cli.main(["dry-run", "tiny", "--seed", "7"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("This was a rehearsal") and "99 numbers" in said and asked == [("tiny", 7)]
    with pytest.raises(SystemExit):
        cli.main(["dry-run", "--help"])
    assert "While the outcomes are sealed they are borrowed" in " ".join(capsys.readouterr().out.split())


def test_packages_that_are_not_the_locks_are_told_of_a_locked_study_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = [SimpleNamespace(what=f"installed package p{i}", was="1.0", now=None) for i in range(6)]
    moved[1] = SimpleNamespace(what="module numpy on PYTHONPATH", was=None, now="own/numpy.py")
    monkeypatch.setattr("lumier_analysis.pipeline.plan_lock.environment_differences", lambda study: moved)
    study = SimpleNamespace(folder=tmp_path)
    cli._warn_of_environment(study)
    assert capsys.readouterr().err == ""
    (tmp_path / "plan.lock.json").write_text("{}", encoding="utf-8")
    cli._warn_of_environment(study)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "Warning: installed package p0: the lock has 1.0, here is none"
    assert said[1] == "Warning: module numpy on PYTHONPATH: own/numpy.py"
    assert said[-1] == "Warning: and 2 more; `lumier doctor` names them all"


def test_results_that_depart_from_the_lock_are_told_at_the_end_of_a_run(monkeypatch, capsys):
    study, moved = SimpleNamespace(name="tiny"), ["plan", "package module a.py", "b", "c", "d"]
    monkeypatch.setattr("lumier_analysis.reporting.frozen.departures", lambda study: tuple(moved))
    cli._warn_of_departures(study)
    said = capsys.readouterr().err
    assert "these results depart from the lock in plan, package module a.py, b, c, ...;" in said
    assert 'lumier amend data/tiny --reason "why"' in said
    moved.clear()
    cli._warn_of_departures(study)
    assert capsys.readouterr().err == ""
