"""``lumier replay``: the whole plan once more from the raw files, every number compared."""

from __future__ import annotations

import argparse
from collections.abc import Callable

#: Exit code where a number moved; the families of errors.py have theirs for what went wrong on the way.
MOVED = 20
Command = Callable[[str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]


def _replay(arguments: argparse.Namespace) -> int:
    """Replay a study and say what moved."""
    from lumier_analysis.pipeline.progress import make_progress
    from lumier_analysis.pipeline.replay import replay
    from lumier_analysis.pipeline.run import open_for_run

    study = open_for_run(arguments.study, arguments.raw)
    found = replay(study, against=arguments.against, keep=arguments.keep, progress=make_progress())
    print("\n".join(found.lines()))
    if arguments.keep:
        print(f"Kept: {arguments.keep} (patient-level: not for passing on)")
    return MOVED if found.outcome == "moved" else 0


def register(command: Command) -> None:
    """Add the command to the parser."""
    text = (
        f"run the plan again from the raw files in a clean folder and compare every number; exit {MOVED} if one moved"
    )
    sub = command("replay", _replay, text)
    sub.add_argument("study", metavar="STUDY", help="data/synthetic, or just synthetic")
    sub.add_argument("--raw", metavar="DIR", help="read the raw files in this folder, in place")
    sub.add_argument(
        "--against", metavar="EXPORT", help="compare with this export (zip or folder), not with the ledger"
    )
    sub.add_argument("--keep", metavar="DIR", help="replay in this new folder and keep it")
