from __future__ import annotations

import subprocess
from pathlib import Path

import pandas as pd
import pytest

from lumier_analysis.pipeline import isolation, masks
from lumier_analysis.pipeline.isolation import LEAKED, OUTCOMES, RAW, SEALED, TRUTH, judge, try_leaks
from lumier_analysis.pipeline.leak_readers import BY_PATH
from lumier_analysis.pipeline.leak_searches import BY_SEARCH
from lumier_analysis.pipeline.leaks import GIT
from lumier_analysis.pipeline.masks import Masks
from lumier_analysis.study import Study, open_study
from lumier_analysis.study.seal import new_identity, recipient_path, seal

HELD, NONE = Masks((), prefix=("start",)), Masks((), why="masks need Linux")


@pytest.fixture
def study(project: Path) -> Study:
    """Return a study that was never sealed: raw files, truth and outcome tables in clear."""
    made = open_study("data/tiny")
    (made.folder / "truth").mkdir()
    (made.folder / "truth" / "truth.csv").write_text("patient_id,event\nP1,1\n")
    for cohort in ("test", "validation"):
        made.write("landmarks", cohort, pd.DataFrame({"patient_id": ["P1", "P2"], "event": [0, 1]}))
    return made


def refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the machine refuse masks."""
    real = subprocess.run

    def run(command, **settings):
        if masks.__file__ in command:
            return subprocess.CompletedProcess(command, 1, "", "unshare: Operation not permitted\n")
        return real(command, **settings)

    monkeypatch.setattr(masks.subprocess, "run", run)


def test_every_route_is_tried_and_behind_masks_none_reads(study):
    found = try_leaks(study)
    if not found.masks.held:
        pytest.skip(found.masks.why)
    assert {a.kind for a in found.attempts} == {OUTCOMES, RAW, TRUTH} and SEALED in found.absent
    assert {a.route for a in found.attempts} == {*BY_SEARCH, *BY_PATH, GIT}
    assert found.leaked == () and not found.broken
    by = {(a.route, a.kind): a.held for a in found.attempts}
    assert by["path below data/, as staged", OUTCOMES] == "not staged: absent"
    assert by["environment variables", RAW] == "scrubbed: path unknown"
    assert {by[route, RAW] for route in ("open()", "pandas", "shell child (cat)", "mmap")} == {"masked: empty"}
    assert by["/proc/<parent>/cwd", TRUTH] == "masked: denied"
    lines = found.lines()
    absent = sum(a.held == "not installed here" for a in found.attempts)
    assert "staged, scrubbed and masked" in lines[0]
    assert lines[-1] == f"Nothing was read by any of {len(found.attempts) - absent} attempts."


def test_without_masks_a_guessed_path_reads_and_a_sealed_study_says_so_by_its_exit(study, monkeypatch):
    refuse(monkeypatch)
    table = study.table_path("landmarks", "validation")
    identity, recipient = new_identity()
    recipient_path(study).write_text(recipient)
    seal(study, {"landmarks.parquet": table.read_bytes()})
    table.unlink()
    found = try_leaks(study)
    by = {(a.route, a.kind): a.held for a in found.attempts}
    assert identity and OUTCOMES in found.absent
    assert {held for (_, kind), held in by.items() if kind == SEALED} & {LEAKED} == set()
    assert by["open()", SEALED] == by["os.open", SEALED] == "encrypted: unreadable"
    assert by["open()", RAW] == by["mmap", TRUTH] == by["numpy.fromfile", RAW] == LEAKED
    assert by["path below data/, as staged", RAW] == by["`..` below the package", RAW] == "not staged: absent"
    assert by["environment variables", RAW] == "scrubbed: path unknown"
    assert found.sealed and found.broken
    text = "\n".join(found.lines())
    assert "Staged and scrubbed only: this machine allows no masks" in text and "guesses an absolute path" in text
    assert "LEAKED: raw files, truth" in text and "P1" not in text


def test_attempts_that_did_not_run_are_no_evidence(study, monkeypatch):
    from lumier_analysis.errors import AnalysisError

    monkeypatch.setattr(isolation, "_SECONDS", 0.01)
    with pytest.raises(AnalysisError, match="nothing is known of the isolation"):
        try_leaks(study)


@pytest.mark.parametrize(
    ("result", "held", "words"),
    [
        ({"status": "read", "kind": RAW, "size": 3, "sha256": "x"}, HELD, LEAKED),
        ({"status": "read", "kind": RAW, "size": 2, "sha256": "part of it"}, HELD, LEAKED),
        ({"status": "read", "kind": RAW}, HELD, LEAKED),
        ({"status": "read", "kind": RAW, "size": 0, "sha256": "nothing"}, HELD, "masked: empty"),
        ({"status": "read", "kind": SEALED, "size": 3, "sha256": "x"}, NONE, "encrypted: unreadable"),
        ({"status": "absent", "kind": RAW}, HELD, "masked: empty"),
        ({"status": "absent", "kind": RAW}, NONE, "absent"),
        ({"status": "denied", "kind": RAW}, HELD, "masked: denied"),
        ({"status": "denied", "kind": RAW}, NONE, "denied"),
        ({"status": "path unknown", "kind": RAW}, NONE, "scrubbed: path unknown"),
        ({"status": "not installed", "kind": RAW}, NONE, "not installed here"),
        ({"status": "not possible (Invalid cross-device link)", "kind": RAW}, NONE, None),
        ({"status": "not parsed (ValueError)", "kind": RAW}, HELD, LEAKED),
        ({"status": "not parsed (ValueError)", "kind": SEALED}, HELD, "encrypted: unreadable"),
    ],
)
def test_what_is_said_of_an_attempt(result, held, words):
    assert judge({"route": "open()", **result}, "x", held) == (words or result["status"])
