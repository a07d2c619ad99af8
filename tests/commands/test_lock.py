from __future__ import annotations

import argparse
import importlib.metadata
import shutil
from pathlib import Path

import pandas as pd
import pytest

from lumier_analysis.commands import lock
from lumier_analysis.errors import LockError, LumierError
from lumier_analysis.pipeline import fresh, plan_lock, verify_lock
from lumier_analysis.study import Study, open_study
from lumier_analysis.study.lockfile import amendments, lock_hash

ROOT = Path(__file__).resolve().parents[2]


def run(*typed: str) -> int:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    commands = parser.add_subparsers()

    def command(name, function, text):
        sub = commands.add_parser(name, help=text)
        sub.set_defaults(function=function)
        return sub

    lock.register(command)
    arguments = parser.parse_args(typed)
    return arguments.function(arguments)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study without notebooks or signature: what is locked of them is tested elsewhere."""
    root = tmp_path / "project"
    (root / "lumier_analysis").mkdir(parents=True)
    (root / "pyproject.toml").write_text("[project]\n")
    (root / "requirements.lock").write_text(f"numpy=={importlib.metadata.version('numpy')}\n")
    folder = root / "data" / "tiny"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "data" / "synthetic" / "plan.yml", folder / "plan.yml")
    monkeypatch.chdir(root)
    monkeypatch.setenv("LUMIER_WHO", "AB")
    study = open_study("data/tiny")
    for spec in study.plan.files.values():
        file = study.raw / spec.path.replace("*", "chip_1")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x\n")
    monkeypatch.setattr(plan_lock, "check_models", lambda study: None)
    for name in ("lock_study", "amend", "differences"):
        function = getattr(plan_lock, name)
        monkeypatch.setattr(plan_lock, name, lambda *a, f=function, **k: f(*a, **(k | {"stages": ()})))
    monkeypatch.setattr(fresh, "of_an_earlier_run", lambda study: ["stage clean: it has no complete run"])
    checks, made = verify_lock.checks, ("signature", "clinical model")
    monkeypatch.setattr(
        verify_lock, "checks", lambda study: [c for c in checks(study, stages=()) if c.name not in made]
    )
    return study


def test_lock_amend_and_verify(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("lock", "data/tiny") == 0
    said = capsys.readouterr().out
    assert "Locked: data/tiny/plan.lock.json" in said and lock_hash(study) in said and "Note" not in said
    assert run("verify", "tiny") == 0
    assert "ok     study as locked" in capsys.readouterr().out
    plan = study.folder / "plan.yml"
    plan.write_text(plan.read_text("utf-8").replace("cap_days: 112", "cap_days: 105"), "utf-8")
    with pytest.raises(LockError, match="1 thing is wrong with data/tiny") as caught:
        run("verify", "tiny")
    assert caught.value.exit_code == 18
    assert "wrong  study as locked: plan landmarks.cap_days (line 187): was 112, is 105" in capsys.readouterr().out
    assert run("amend", "tiny", "--reason", "a misprint") == 0
    said = capsys.readouterr().out
    assert "was 112, is 105" in said and "Entry 1 of data/tiny/deviations.md" in said
    assert "Note: tables and signature are from before the change. Next: lumier run data/tiny" in said
    assert [a.reason for a in amendments(study)] == ["a misprint"]
    assert not (study.analysis / "run" / "lock").exists()


def test_raw_files_that_stand_elsewhere(study: Study, tmp_path: Path) -> None:
    shutil.move(study.raw, tmp_path / "elsewhere")
    with pytest.raises(LumierError, match="raw files of tiny are not there"):
        run("lock", "tiny")
    assert run("lock", "tiny", "--raw", str(tmp_path / "elsewhere")) == 0
    assert run("verify", "tiny", "--raw", str(tmp_path / "elsewhere")) == 0


def test_a_machine_that_differs_is_a_note_at_locking(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    (study.root / "requirements.lock").write_text("numpy==1.0\n")
    assert run("lock", "tiny") == 0
    assert "Note: `lumier run --frozen` will stop on this machine; installed package numpy" in capsys.readouterr().out


def test_an_amendment_without_reason_is_not_understood(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("amend", "tiny")
    assert "--reason" in capsys.readouterr().err


def test_tables_that_a_run_has_not_made_again_are_not_amended_away(
    study: Study, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    study.write("patients", "test", pd.DataFrame({"patient_id": ["P1"]}))
    assert run("lock", "tiny") == 0
    study.table_path("patients", "test").unlink()
    with pytest.raises(LockError, match=r"input analysis/tables/test/patients.parquet is gone.*lumier run data/tiny"):
        run("amend", "tiny", "--reason", "a table less")
    assert not (study.folder / "deviations.md").exists()
    monkeypatch.setattr(fresh, "of_an_earlier_run", lambda study: [])
    capsys.readouterr()
    assert run("amend", "tiny", "--reason", "a table less") == 0
    assert "Note" not in capsys.readouterr().out
