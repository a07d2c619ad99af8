"""Time a whole run of the study of 40 patients: `python benchmarks/whole_run.py`.

The frozen plan is run from its raw files in turn as it runs by itself (libraries imported once, kernels forked, the
longitudinal models beside the validation), with every kernel started anew (LUMIER_COLD=1), and so with one job. Each is
a process of its own; wall and processor seconds of it and all that it started. Making the study takes a minute.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WAYS = {
    "as it runs": {},
    "every kernel anew": {"LUMIER_COLD": "1"},
    "and one job": {"LUMIER_COLD": "1", "LUMIER_JOBS": "1"},
}


def timed(project: Path, variables: dict[str, str]) -> tuple[float, float]:
    """Return wall and processor seconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "lumier_analysis", "run", "--frozen", "--fresh", "data/small"],
        cwd=project, env=os.environ | {"LUMIER_WHO": "AB"} | variables, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Make the study, run it, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=5, help="runs of each kind, in turn, after one that does not count"
    )
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from tests.pipeline.small_study import make_small_project, open_small_study

    found: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory(prefix="lumier-benchmark-") as folder:
        project = make_small_project(Path(folder) / "project")
        open_small_study(project)
        for turn in range(arguments.rounds + 1):
            for name, variables in WAYS.items():
                seconds = timed(project, variables)
                if turn:
                    found[name].append(seconds)
                    print(f"  {name:<18} {seconds[0]:6.1f} s", flush=True)
    walls = {name: statistics.median(wall for wall, _ in seconds) for name, seconds in found.items()}
    for name, seconds in found.items():
        low, high = min(wall for wall, _ in seconds), max(wall for wall, _ in seconds)
        processor = statistics.median(cpu for _, cpu in seconds)
        ratio = walls[name] / walls["as it runs"]
        print(f"{name:<18} {walls[name]:6.1f} s ({low:.1f} to {high:.1f}), CPU {processor:.1f} s, {ratio:.2f} times")


if __name__ == "__main__":
    main()
