"""The embedded study of 40 patients again: under other settings of the caller, and on two BLAS threads.

Whatever the caller has set, the kernels run on one BLAS thread, with a fixed hash seed, zone and locale: the bytes are
the same. Where a kernel is made to use two, products of matrices are summed in another order, and every number of the
ledger stays within the declared tolerances.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lumier_analysis.pipeline import kernel
from lumier_analysis.pipeline.compare_ledgers import compare_ledgers
from lumier_analysis.pipeline.finished_run import FinishedRun, read_run
from lumier_analysis.pipeline.kernel import THREAD_VARIABLES, fixed_environment
from lumier_analysis.pipeline.progress import Progress
from lumier_analysis.pipeline.replay import replay
from lumier_analysis.pipeline.scrubbed import scrubbed_environment
from lumier_analysis.pipeline.stages import STAGES
from lumier_analysis.pipeline.tolerances import TOLERANCES, tolerance_of
from lumier_analysis.study import Study, open_study
from tests.pipeline.small_study import lumier

pytestmark = [pytest.mark.proof, pytest.mark.pipeline]
OTHER = {
    **dict.fromkeys(THREAD_VARIABLES, "2"), "PYTHONHASHSEED": "11", "TZ": "Asia/Kathmandu", "LC_ALL": "C",
    "LANG": "fr_FR.UTF-8", "LANGUAGE": "fr", "MPLBACKEND": "svg",
}  # fmt: skip
HOW_MANY_THREADS = """
import json
import numpy
from threadpoolctl import threadpool_info
numpy.ones((2, 2)) @ numpy.ones((2, 2))
print(json.dumps([pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]))
"""


@pytest.fixture(scope="module")
def project(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project with the study of 40 patients, simulated, locked, opened and run."""
    root = tmp_path_factory.mktemp("threads") / "project"
    shutil.copytree(small_run, root)
    return root


@pytest.fixture(scope="module")
def frozen(project: Path) -> FinishedRun:
    return read_run(small(project), STAGES, "the run")


def small(root: Path) -> Study:
    """Open the study of 40 patients; its project is not the one that the tests run in."""
    return replace(open_study(root / "data/small"), root=root)


def results(root: Path) -> dict[str, bytes]:
    """Return the ledger and everything below reports/, by path, and the locked signature."""
    folders = ("data/small/analysis/results", "reports/small")
    files = [path for folder in folders for path in sorted((root / folder).rglob("*")) if path.is_file()]
    files.append(root / "data/small/analysis/locked_signature.json")
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def test_threads_seeds_zones_and_locales_of_the_caller_do_not_move_a_byte(project: Path) -> None:
    before = results(project)
    assert sum(name.startswith("data/small/analysis/results/") for name in before) == 5 and len(before) > 40
    lumier(project, "run", "--fresh", "data/small", **OTHER)
    after = results(project)
    assert [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)] == []


def test_a_replay_under_other_settings_of_the_caller_is_identical(project: Path, frozen: FinishedRun) -> None:
    printed = lumier(project, "replay", "data/small", **OTHER)
    assert "\nSame processor, system and package versions: no tolerance, every bit must be the same.\n" in printed
    last = printed.splitlines()[-1]
    verdict = rf"Identical: {len(frozen.entries)} numbers of the ledger and \d+ files are the same to the last byte\."
    assert re.fullmatch(verdict, last), printed


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two processors")
def test_on_two_threads_every_number_stays_within_the_declared_tolerances(
    project: Path, frozen: FinishedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing is fixed now: a kernel, staged or not, takes over the two threads of this process.
    monkeypatch.setattr(kernel, "THREAD_VARIABLES", ())
    for name in THREAD_VARIABLES:
        monkeypatch.setenv(name, "2")
    (tmp_path / "base").mkdir()
    for environment in (fixed_environment(), scrubbed_environment(tmp_path / "base", [project])):
        probe = [sys.executable, "-c", HOW_MANY_THREADS]
        done = subprocess.run(probe, env=environment, capture_output=True, text=True, check=True)
        assert set(json.loads(done.stdout)) == {2}
    kept = tmp_path / "kept"
    replay(small(project), keep=kept, progress=Progress(io.StringIO()))
    on_two = read_run(small(kept), STAGES, "the run on two threads")
    assert on_two.entries.keys() == frozen.entries.keys() and len(frozen.entries) > 200
    found = compare_ledgers(frozen.entries, on_two.entries, TOLERANCES)
    assert [d for d in found if d.moved] == []
    print(f"{len({d.id for d in found})} of {len(frozen.entries)} numbers differ in a bit,"
          f" by at most {max((d.relative for d in found), default=0.0):.1e}")  # fmt: skip

    # The comparison can fail: a number that is off by ten times its tolerance is found.
    id, entry = next((i, e) for i, e in on_two.entries.items() if "Obuchowski" in e["estimator"] and e["value"])
    off = entry["value"] * (1 + 10 * tolerance_of(entry).relative)
    moved = compare_ledgers(frozen.entries, {**on_two.entries, id: {**entry, "value": off}}, TOLERANCES)
    assert [(d.id, d.quantity) for d in moved if d.moved] == [(id, "value")]
