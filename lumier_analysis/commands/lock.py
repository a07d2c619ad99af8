"""``lumier lock | amend | verify``: freeze a plan, depart from it openly, check that nothing drifted."""

from __future__ import annotations

import argparse
from collections.abc import Callable

_RAW = "the raw files stand in this folder"
Command = Callable[[str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]


def _lock(arguments: argparse.Namespace) -> int:
    """Lock a study."""
    from lumier_analysis.pipeline.plan_lock import environment_differences, lock_hash, lock_study
    from lumier_analysis.pipeline.run import open_for_run
    from lumier_analysis.pipeline.stages import shown
    from lumier_analysis.pipeline.studylock import study_lock

    study = open_for_run(arguments.study, arguments.raw)
    with study_lock(study.analysis / "run" / "lock"):
        path = lock_study(study, derived=True)
    print(f"Locked: {shown(path, study.root)}")
    print(f"Content hash, to be kept with the trial documents: {lock_hash(study)}")
    if other := environment_differences(study):
        print(f"Note: `lumier run --frozen` will stop on this machine; {other[0].text()}. See lumier doctor.")
    return 0


def _amend(arguments: argparse.Namespace) -> int:
    """Accept what moved, with a reason."""
    from lumier_analysis.errors import LockError
    from lumier_analysis.pipeline.fresh import of_an_earlier_run
    from lumier_analysis.pipeline.lock_parts import DERIVED, kind_of
    from lumier_analysis.pipeline.plan_lock import amend, differences, lock_hash
    from lumier_analysis.pipeline.run import open_for_run
    from lumier_analysis.pipeline.studylock import study_lock

    study = open_for_run(arguments.study, arguments.raw)
    with study_lock(study.analysis / "run" / "lock"):
        moved = differences(study)
        stale = of_an_earlier_run(study)
        if stale and (gone := [d.what for d in moved if d.now is None and kind_of(d.part) in DERIVED]):
            raise LockError(
                "Nothing was amended, as the run that makes what the lock names has not ended",
                found=f"{gone[0]} is gone{f', and {len(gone) - 1} more' if len(gone) > 1 else ''}",
                fix=f"type: lumier run data/{study.name}, then amend",
            )
        done = amend(study, arguments.reason)
    print("\n".join(d.text() for d in moved))
    print(f"Entry {done.number} of data/{study.name}/deviations.md; every later result is marked as amended.")
    print(f"Content hash of the new lock: {lock_hash(study)}")
    if stale:
        print(f"Note: tables and signature are from before the change. Next: lumier run data/{study.name}; where that")
        print("moves a table or the signature, they need an amendment of their own.")
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    """Check without running anything; the exit code is that of LockError where something is wrong."""
    from lumier_analysis.errors import LockError
    from lumier_analysis.pipeline.run import open_for_run
    from lumier_analysis.pipeline.verify_lock import checks

    study = open_for_run(arguments.study, arguments.raw)
    done = checks(study)
    for check in done:
        print("\n".join(check.lines()))
    wrong = sum(len(c.problems) for c in done)
    if wrong:
        raise LockError(
            f"{wrong} {'thing is' if wrong == 1 else 'things are'} wrong with data/{study.name}",
            fix="see the lines above; restore what moved, or `lumier amend` where the plan was changed on purpose",
        )
    return 0


def register(command: Command) -> None:
    """Add the commands to the parser."""
    lock = command("lock", _lock, "freeze a study: write plan.lock.json")
    amend = command("amend", _amend, "accept what moved since the lock, as an entry of deviations.md")
    verify = command("verify", _verify, "check lock, signature, deviations and opening log; runs nothing")
    for sub in (lock, amend, verify):
        sub.add_argument("study", metavar="STUDY", help="data/lumier2, or just lumier2")
        sub.add_argument("--raw", metavar="DIR", help=_RAW)
    amend.add_argument("--reason", metavar="TEXT", required=True, help="why the plan is departed from")
