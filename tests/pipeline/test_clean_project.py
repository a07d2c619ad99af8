from __future__ import annotations

from pathlib import Path

from lumier_analysis.pipeline.clean_project import clean_project, stages_to_replay
from lumier_analysis.pipeline.stages import STAGES, Stage
from lumier_analysis.study import open_study
from lumier_analysis.study.seal import RECIPIENT, new_identity


def made(project: Path, root: Path, stages: tuple[Stage, ...], sealed: bool) -> set[str]:
    root.mkdir()
    study = clean_project(open_study("tiny"), root, stages, sealed=sealed)
    assert study.root == root and study.raw.resolve() == (project / "data/tiny/raw").resolve()
    return {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}


def test_it_holds_code_plan_and_decisions_and_nothing_computed(
    project: Path, tiny_stages: tuple[Stage, ...], tmp_path: Path
) -> None:
    folder = project / "data" / "tiny"
    for name in (
        "corrections.csv",
        "plan.lock.json",
        "deviations.md",
        "openings.jsonl",
        "openings.head",
        RECIPIENT,
        "id.txt",
    ):
        (folder / name).write_text("x")
    (folder / "analysis").mkdir()
    (folder / "analysis" / "locked_signature.json").write_text("{}")
    (folder / "truth").mkdir()
    (folder / "truth" / "key.txt").write_text("secret")
    (project / "lumier_analysis" / "__pycache__").mkdir(exist_ok=True)
    (project / "lumier_analysis" / "__pycache__" / "x.pyc").write_text("x")
    found = made(project, tmp_path / "opened", tiny_stages, sealed=False)
    own = {name for name in found if not name.startswith(("lumier_analysis/", "data/tiny/raw/"))}
    assert own == {
        "pyproject.toml", "requirements.lock", "notebooks/01_first.ipynb", "notebooks/02_second.ipynb",
        "data/tiny/plan.yml", "data/tiny/corrections.csv", "data/tiny/plan.lock.json", "data/tiny/deviations.md",
        "data/tiny/openings.jsonl", "data/tiny/openings.head",
    }  # fmt: skip
    assert "lumier_analysis/pipeline/run.py" in found and not any("pycache" in name for name in found)
    sealed = made(project, tmp_path / "sealed", tiny_stages, sealed=True)
    assert sealed == found | {f"data/tiny/{RECIPIENT}"}


def test_what_is_replayed_while_the_outcomes_are_sealed(project: Path) -> None:
    assert stages_to_replay(open_study("tiny")) == STAGES
    (project / "data" / "tiny" / RECIPIENT).write_text(new_identity()[1])
    assert [stage.name for stage in stages_to_replay(open_study("tiny"))] == ["clean", "derive"]
