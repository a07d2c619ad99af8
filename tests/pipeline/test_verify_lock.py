from __future__ import annotations

from lumier_analysis.pipeline.plan_lock import lock_study
from lumier_analysis.pipeline.verify_lock import checks, verify
from lumier_analysis.study import Study


def test_every_check_is_listed(lockable: Study) -> None:
    lock_study(lockable)
    names = ["lock", "replaced locks", "signature", "clinical model", "deviations", "opening log", "study as locked"]
    assert [line for c in checks(lockable) for line in c.lines()] == [f"ok     {name}" for name in names]
    assert verify(lockable) == []


def test_without_a_lock_what_needs_none_is_checked_all_the_same(lockable: Study) -> None:
    found = {c.name: c.problems for c in checks(lockable)}
    assert set(found) == {"lock", "signature", "clinical model", "opening log"}
    assert "not locked" in found["lock"][0] and not found["signature"]


def test_several_wrongs_are_all_said(lockable: Study) -> None:
    lock_study(lockable)
    lockable.clinical_model_path.write_text("{}")
    (lockable.root / "lumier_analysis" / "estimate.py").write_text("")
    (lockable.raw / "new.csv").write_text("")  # no file of the plan
    found = verify(lockable)
    assert {p.partition(":")[0] for p in found} == {"clinical model", "study as locked"}
    assert "study as locked: package module estimate.py" in "\n".join(found) and "new.csv" not in "\n".join(found)


def test_absent_raw_files_are_said_and_stop_no_other_check(lockable: Study) -> None:
    lock_study(lockable)
    (lockable.raw / "ecrf_visites.csv").unlink()
    found = {c.name: c.problems for c in checks(lockable)}
    assert len(found) == 7 and "ecrf_visites.csv" in found["study as locked"][0]
    assert not any(found[name] for name in found if name != "study as locked")
