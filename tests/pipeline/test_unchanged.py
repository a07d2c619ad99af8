from __future__ import annotations

from pathlib import Path

import pytest

from lumier_analysis.errors import EnvironmentMismatch, LockError
from lumier_analysis.pipeline import doctor
from lumier_analysis.pipeline.fresh import output_hashes, record_path, stage_key
from lumier_analysis.pipeline.plan_lock import lock_study
from lumier_analysis.pipeline.stages import STAGES
from lumier_analysis.pipeline.unchanged import NAMED, require_derived, require_unchanged
from lumier_analysis.study import Study
from lumier_analysis.study.io import write_json


def test_what_stages_make_may_be_absent_before_a_run_and_not_after(lockable: Study) -> None:
    lock_study(lockable)
    lockable.table_path("samples", "validation").unlink()
    lockable.signature_path.unlink()
    require_unchanged(lockable, absent_made=True)
    with pytest.raises(LockError, match=r"is gone.*lumier run data/tiny --fresh"):
        require_unchanged(lockable)


def test_opening_the_outcomes_moves_nothing_of_what_was_locked(lockable: Study) -> None:
    samples, expression = (lockable.read(t, "validation") for t in ("samples", "expression"))
    scheduled = samples["visit"] != "flare"
    lockable.write("samples", "validation", samples[scheduled].reset_index(drop=True))
    lockable.write("expression", "validation", expression[scheduled.to_numpy()])
    lock_study(lockable)
    lockable.write("samples", "validation", samples.assign(source_row=range(len(samples))))
    lockable.write("expression", "validation", expression)
    lockable.write("landmarks", "validation", samples)  # an outcome table
    require_unchanged(lockable)


def test_another_environment_stops_a_frozen_run(lockable: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    lock_study(lockable)
    with monkeypatch.context() as patch:
        patch.setattr(doctor, "installed_versions", lambda: {"numpy": "1.0"})
        with pytest.raises(EnvironmentMismatch, match=r"installed package numpy: was .*, is 1\.0"):
            require_unchanged(lockable)
        patch.setattr(doctor, "installed_versions", lambda: {})
        with pytest.raises(EnvironmentMismatch, match="installed package numpy is gone"):
            require_unchanged(lockable)
    monkeypatch.setattr("platform.python_version", lambda: "3.13.9")
    with pytest.raises(EnvironmentMismatch, match=r"Python: was .*, is 3\.13\.9.*use Python 3"):
        require_unchanged(lockable)


def test_the_first_of_many_are_named_and_the_others_counted(lockable: Study) -> None:
    lock_study(lockable)
    for n in range(NAMED + 2):
        (lockable.root / "lumier_analysis" / f"extra_{n}.py").write_text("")
    with pytest.raises(
        LockError, match=r"7 things moved.*extra_4\.py is new.*; and 2 more.*remove lumier_analysis/extra_0\.py"
    ):
        require_unchanged(lockable)


def test_a_plan_that_no_run_has_seen_is_not_locked(lockable: Study) -> None:
    match = r"signature of tiny are not those.*stage clean: it has no complete run.*lumier run data/tiny, then"
    with pytest.raises(LockError, match=match):
        require_derived(lockable)
    with pytest.raises(LockError, match=match):
        lock_study(lockable, derived=True)
    assert not (lockable.folder / "plan.lock.json").exists()
    for stage in STAGES[:2]:
        outputs = ["analysis/locked_signature.json"] if stage.staged else []
        record = {"key": stage_key(stage, lockable), "outputs": output_hashes(lockable, outputs)}
        write_json(record_path(lockable, stage), record)
    require_derived(lockable)
    plan = lockable.folder / "plan.yml"
    plan.write_text(plan.read_text("utf-8").replace("cap_days: 112", "cap_days: 105"), "utf-8")
    with pytest.raises(LockError, match=r"stage clean: the plan changed; stage derive: the plan changed"):
        lock_study(lockable, derived=True)


def test_a_module_in_the_place_of_an_installed_one_stops_a_frozen_run(
    lockable: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock_study(lockable)
    require_unchanged(lockable)
    (tmp_path / "numpy.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(EnvironmentMismatch, match=r"module numpy on PYTHONPATH.*numpy\.py.*unset PYTHONPATH"):
        require_unchanged(lockable)


def test_a_module_beside_the_package_is_no_part_of_what_was_locked(lockable: Study) -> None:
    lock_study(lockable)
    (lockable.root / "helper.py").write_text("")
    with pytest.raises(LockError, match=r"package module \.\./helper\.py is new.*\(remove helper\.py\)"):
        require_unchanged(lockable)
