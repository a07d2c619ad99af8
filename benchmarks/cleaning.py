"""Time the cleaning of a large study: `python benchmarks/cleaning.py`.

The raw exports of the synthetic study are copied many times with new patients, tubes and chips, to a quarter, a half
and the whole of 100,000 visits and 2,000,000 reactions. Each size is cleaned in a process of its own, so that its peak
memory is its own. Times include reading; writing the exports does not count.
"""

from __future__ import annotations

import argparse
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VISITS, REACTIONS = 100_000, 2_000_000
ENCODING = "cp1252"
_PATIENT = re.compile(r"\b(\d\d)-(\d{3})\b")
_TUBE = re.compile(r"\bLB(\d{6})\b")
_CHIP = re.compile(r"\bchip_(\d\d)\b")


def renamed(text: str, copy: int) -> str:
    """Return an export with the patients, tubes and chips of another copy of the study."""
    text = _PATIENT.sub(rf"\1-{copy:03d}\2", text)
    text = _TUBE.sub(rf"LB{copy:03d}\1", text)
    return _CHIP.sub(rf"chip_{copy:03d}_\1", text)


def write_large(source: Path, folder: Path, visits: int, reactions: int) -> tuple[int, int]:
    """Write `source` again and again below `folder`/raw until there are enough rows; return visits and reactions."""
    raw = folder / "raw"
    (raw / "biomark").mkdir(parents=True)
    shutil.copy(source / "plan.yml", folder / "plan.yml")
    counted = {"visits": 0, "reactions": 0}
    files = {p.name: p.read_bytes().decode(ENCODING) for p in sorted((source / "raw").glob("*.csv"))}
    out = {name: (raw / name).open("w", encoding=ENCODING, newline="") for name in files}
    chips = [(p.name, p.read_bytes().decode("ascii")) for p in sorted((source / "raw" / "biomark").glob("*.csv"))]
    copy = 0
    while counted["visits"] < visits:
        for name, text in files.items():
            header, _, body = text.partition("\n")
            if copy == 0:
                out[name].write(header + "\n")
            out[name].write(renamed(body, copy))
        counted["visits"] += files["ecrf_visites.csv"].count("\n") - 1
        for name, text in chips:
            if counted["reactions"] < reactions:
                (raw / "biomark" / renamed(name, copy)).write_bytes(renamed(text, copy).encode("ascii"))
                counted["reactions"] += 96 * 96
        copy += 1
    for stream in out.values():
        stream.close()
    return counted["visits"], counted["reactions"]


def clean_once(folder: Path) -> None:
    """Clean the study in `folder` and print seconds, CPU seconds and peak memory."""
    from lumier_analysis.cleaning import clean_study
    from lumier_analysis.study.plan import load_plan
    from lumier_analysis.study.study import Study

    study = Study(folder, folder / "raw", load_plan(folder / "plan.yml"), ROOT)
    start, cpu = time.perf_counter(), time.process_time()
    cleaned = clean_study(study)
    cleaned.write(study)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{seconds:.1f} {cpu:.1f} {peak:.2f} {len(cleaned.queries)}")


def main() -> None:
    """Measure three sizes and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clean", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.clean:
        clean_once(arguments.clean)
        return
    source = ROOT / "data" / "synthetic"
    if not (source / "raw").is_dir():
        sys.exit("There are no raw files to copy; type: lumier simulate data/synthetic")
    print(f"{'visits':>9} {'reactions':>10} {'seconds':>8} {'CPU s':>6} {'GiB':>6} {'queries':>8}")
    for share in (0.25, 0.5, 1.0):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "data" / "large"
            visits, reactions = write_large(source, folder, int(share * VISITS), int(share * REACTIONS))
            done = subprocess.run(
                [sys.executable, __file__, "--clean", str(folder)], capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.exit(done.stderr)
            seconds, cpu, peak, queries = done.stdout.split()
            print(f"{visits:>9,} {reactions:>10,} {seconds:>8} {cpu:>6} {peak:>6} {queries:>8}", flush=True)


if __name__ == "__main__":
    main()
