"""``lumier isolation-report``: what keeps the validation outcomes from the derivation on this machine."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def _report(arguments: argparse.Namespace) -> int:
    """Try to leak, say what held; exit code 1 where an outcome of a sealed study was read."""
    from lumier_analysis.pipeline.isolation import try_leaks
    from lumier_analysis.study import open_study

    found = try_leaks(open_study(arguments.study, arguments.raw))
    print("\n".join(found.lines()))
    return 1 if found.broken else 0


def register(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    text = "try to read validation outcomes from inside the derivation, and say which layer held"
    report = command("isolation-report", _report, text)
    report.add_argument("study", metavar="STUDY", help="data/synthetic, or just synthetic")
    report.add_argument("--raw", metavar="DIR", help="where the raw files stand, if not in STUDY/raw")
