"""``lumier export``: a run as one zip with checksums."""

from __future__ import annotations

import argparse
from collections.abc import Callable

Command = Callable[[str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]


def _export(arguments: argparse.Namespace) -> int:
    """Pack a run."""
    from lumier_analysis.pipeline.export import export_run
    from lumier_analysis.pipeline.run import open_for_run
    from lumier_analysis.pipeline.stages import shown

    study = open_for_run(arguments.study)
    path = export_run(study, arguments.out, internal=arguments.internal)
    print(f"Export: {shown(path, study.root)}")
    if arguments.internal:
        print("It holds the full ledger with its small counts: for replays in the house, not for passing on.")
    else:
        print("Numbers as disclosed; for a file with the full ledger, for replays in the house: --internal.")
    return 0


def register(command: Command) -> None:
    """Add the command to the parser."""
    sub = command("export", _export, "pack a run into a zip (RO-Crate) with checksums, for a journal or a regulator")
    sub.add_argument("study", metavar="STUDY", help="data/synthetic, or just synthetic")
    sub.add_argument("--out", metavar="FILE.zip", help="default: reports/STUDY-export.zip")
    sub.add_argument("--internal", action="store_true", help="add the full ledger; not for passing on")
