from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from lumier_analysis.errors import NotebookError, RawDataError
from lumier_analysis.pipeline.lock_differences import compare_parts
from lumier_analysis.pipeline.lock_parts import (
    json_parts,
    lock_parts,
    predictor_parts,
    requirement_parts,
    table_parts,
    whole_of,
)
from lumier_analysis.study import Study


def test_every_kind_is_there_and_two_looks_agree(lockable: Study) -> None:
    parts = lock_parts(lockable)
    kinds = {p.partition(":")[0] for p in parts}
    assert kinds == {
        "plan", "raw", "notebook", "package", "lock", "python", "input", "signature", "clinical_model", "parameter",
    }  # fmt: skip
    assert all(isinstance(v, str) for v in parts.values()) and lock_parts(lockable) == parts


def test_no_outcome_of_the_validation_cohort_is_read(lockable: Study) -> None:
    before = lock_parts(lockable)
    for name in ("patients", "visits", "flares", "landmarks"):
        lockable.write(name, "validation", pd.DataFrame({"patient_id": ["P1"], "event": [1]}))
    assert lock_parts(lockable) == before
    read = {p.split("/")[-1].partition(".")[0] for p in before if p.startswith("input:analysis/tables/validation")}
    assert read == {"samples", "expression"}


def test_tubes_of_flare_visits_play_no_part(lockable: Study) -> None:
    before = predictor_parts(lockable)
    samples = lockable.read("samples", "validation")
    lockable.write("samples", "validation", samples[samples["visit"] != "flare"].assign(source_row=0))
    assert predictor_parts(lockable) == before
    lockable.write("samples", "validation", samples.assign(visit="M0"))
    assert predictor_parts(lockable) != before


def test_paths_are_those_of_the_project_alone(lockable: Study) -> None:
    text = "\n".join(f"{k} {v}" for k, v in lock_parts(lockable).items())
    assert str(lockable.root) not in text


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        ("plan:a.b", "plan"),
        ("notebook:01:cell", "notebook:01"),
        ("input:analysis/t.parquet:c", "input:analysis/t.parquet"),
        ("lock:numpy", "lock"),
        ("raw:a:b.csv", "raw:a:b.csv"),
        ("package:a.py", "package:a.py"),
        ("python", "python"),
    ],
)
def test_a_detail_belongs_to_a_whole(part: str, whole: str) -> None:
    assert whole_of(part) == whole


def test_pins_with_markers_are_packages_of_their_own(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("A_b==1 ; python_version < '3.12' \\\n    --hash=sha256:1\na-b==2 ; python_version >= '3.12'\n")
    parts = requirement_parts(lock)
    assert parts["lock:a-b (python_version < '3.12')"] == "1" and parts["lock:a-b (python_version >= '3.12')"] == "2"
    assert sum("its files" in p for p in parts) == 1
    assert requirement_parts(tmp_path / "none") == {"lock": "absent"}


def test_what_is_no_table_and_no_json_has_a_hash_alone(tmp_path: Path) -> None:
    broken = tmp_path / "t.parquet"
    broken.write_text("no table")
    assert list(table_parts("t", broken)) == ["input:t"]
    assert list(json_parts("signature", broken)) == ["signature"] and json_parts("signature", tmp_path / "none") == {}


def test_a_missing_input_is_named(lockable: Study) -> None:
    (lockable.raw / "ecrf_visites.csv").unlink()
    with pytest.raises(RawDataError, match=r"ecrf_visites\.csv"):
        lock_parts(lockable)
    (lockable.raw / "ecrf_visites.csv").write_text("x")
    (lockable.root / "notebooks" / "02_signature_derivation.ipynb").unlink()
    with pytest.raises(NotebookError, match="02_signature_derivation"):
        lock_parts(lockable)


def test_counts_of_a_model_stand_in_no_lock(lockable: Study) -> None:
    parts = json_parts("clinical_model", lockable.clinical_model_path)
    assert "clinical_model:coefficients.sledai" in parts
    assert not [name for name in parts if name.startswith("clinical_model:n_")]
    text = lockable.clinical_model_path.read_text("utf-8")
    assert '"n_events": 12' in text
    lockable.clinical_model_path.write_text(text.replace('"n_events": 12', '"n_events": 13'), "utf-8")
    moved = compare_parts(parts, json_parts("clinical_model", lockable.clinical_model_path))
    assert [d.what for d in moved] == ["the clinical model"]
