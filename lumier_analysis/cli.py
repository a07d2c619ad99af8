"""The command line: running, looking and scoring here; the commands of the frozen plan in ``commands/``.

Heavy modules are imported by the command that needs them, so that ``lumier --help`` answers at once. A mistake of the
user's is one message and an exit code of its own, never a traceback.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lumier_analysis import __version__
from lumier_analysis.commands import export, isolation, lock, replay, seal
from lumier_analysis.errors import LumierError

if TYPE_CHECKING:
    from lumier_analysis.study import Study

UNEXPECTED = 70
INTERRUPTED = 130
BROKEN_PIPE = 141
#: How many reasons `lumier status` gives of a stale stage.
SHOWN_REASONS = 4


def _run(arguments: argparse.Namespace) -> int:
    """Run the stages that are not fresh and say where the report is."""
    from lumier_analysis.pipeline.progress import make_progress
    from lumier_analysis.pipeline.run import run_study
    from lumier_analysis.pipeline.stages import shown
    from lumier_analysis.study.work import JOBS, jobs

    if arguments.jobs is not None:
        os.environ[JOBS] = arguments.jobs
        jobs()  # refused before anything starts
    progress = make_progress()

    def prepare() -> None:
        from lumier_analysis.pipeline.compile_kernels import prepare_kernels  # where a stage runs: it loads numba

        prepare_kernels(progress.line)

    done = run_study(
        arguments.study,
        arguments.raw,
        fresh=arguments.fresh,
        only=arguments.only,
        frozen=arguments.frozen,
        progress=progress,
        prepare=prepare,
    )
    if not arguments.frozen:
        _warn_of_environment(done.study)
        _warn_of_departures(done.study)
    if done.report is not None:
        print(f"Report: {shown(done.report, done.study.root)}")
    return 0


def _warn_of_environment(study: Study) -> None:
    """Say of a locked study which installed packages are not those of the lock; a frozen run stops for them."""
    if not (study.folder / "plan.lock.json").is_file():
        return
    from lumier_analysis.pipeline.plan_lock import environment_differences

    moved = environment_differences(study)
    for one in moved[:SHOWN_REASONS]:
        lock = f"the lock has {one.was}, here is {one.now or 'none'}" if one.was else str(one.now)
        _say(f"Warning: {one.what}: {lock}")
    if len(moved) > SHOWN_REASONS:
        _say(f"Warning: and {len(moved) - SHOWN_REASONS} more; `lumier doctor` names them all")


def _warn_of_departures(study: Study) -> None:
    """Say of a locked study in what its results depart from the lock; the report says so too."""
    from lumier_analysis.reporting.frozen import departures

    if moved := departures(study):
        some = ", ".join([*moved[:SHOWN_REASONS], *(["..."] if len(moved) > SHOWN_REASONS else [])])
        _say(f"Warning: these results depart from the lock in {some}; a report says so")
        _say(f'  Restore it and run again, or: lumier amend data/{study.name} --reason "why"')


def _status(arguments: argparse.Namespace) -> int:
    """Say of each stage whether it is fresh, and if not, why."""
    from lumier_analysis.pipeline.fresh import status
    from lumier_analysis.pipeline.run import open_for_run

    for state in status(open_for_run(arguments.study, arguments.raw)):
        why = "; ".join(state.reasons[:SHOWN_REASONS])
        hidden = len(state.reasons) - SHOWN_REASONS
        more = f" (and {hidden} more)" if hidden > 0 else ""
        print(f"{state.stage.name:<13} {'fresh' if state.fresh else 'stale':<6} {why}{more}".rstrip())
    return 0


def _simulate(arguments: argparse.Namespace) -> int:
    """Write the raw files of the synthetic study."""
    from lumier_analysis.simulation import simulate_study
    from lumier_analysis.study import open_study

    study = open_study(arguments.study)
    options = {"seed": arguments.seed, "n_patients": arguments.patients}
    given = {name: value for name, value in options.items() if value is not None}
    simulate_study(study.folder, overwrite=arguments.overwrite, **given)
    print(f"Raw files: data/{study.name}/raw")
    return 0


def _score(arguments: argparse.Namespace) -> int:
    """Score a plate with a locked signature."""
    from lumier_analysis.pipeline.score import none_scored, score_plate_file

    done = score_plate_file(
        arguments.plate, arguments.signature, out=arguments.out, calibrated=not arguments.no_calibrator
    )
    for note in done.scores.notes:
        print(note)
    print(f"{done.n_scored} of {len(done.scores.table)} samples scored.")
    print(f"Scores: {done.csv}")
    print(f"Page:   {done.page}")
    if done.n_scored == 0:
        raise none_scored(done)
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    """Say of each visit of a patient why it is in or out; on the terminal alone."""
    from lumier_analysis.pipeline.explain import explain_patient
    from lumier_analysis.study import open_study

    print("\n".join(explain_patient(open_study(arguments.study), arguments.patient)))
    return 0


def _export_check(arguments: argparse.Namespace) -> int:
    """Write the coded landmark table and the R program of the primary result, run it, and compare."""
    from lumier_analysis.errors import AnalysisError
    from lumier_analysis.pipeline.double import TOLERANCE, double_program
    from lumier_analysis.pipeline.stages import shown
    from lumier_analysis.study import open_study

    study = open_study(arguments.study)
    done = double_program(study)
    folder = shown(done.folder, study.root)
    print(f"Table and program: {folder} (patient-level: not for passing on without the data agreement)")
    if done.comparison is None:
        print(f"R is not installed here. Where it is, type in that folder: {done.command}")
        return 0
    print(done.comparison.to_string(index=False, float_format="{:.12g}".format))
    if not done.agrees:
        raise AnalysisError(f"The two programs do not agree to {TOLERANCE:g}", fix=f"look at {folder}/primary.R")
    print(f"Both programs agree to {TOLERANCE:g}.")
    return 0


def _dry_run(arguments: argparse.Namespace) -> int:
    """Rehearse the validation notebook on borrowed or permuted outcomes, in a temporary folder."""
    from lumier_analysis.pipeline.rehearsal import rehearse
    from lumier_analysis.study import open_study

    print("\n".join(rehearse(open_study(arguments.study), seed=arguments.seed).lines()))
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    """Say what differs from the lock."""
    from lumier_analysis.errors import EnvironmentMismatch
    from lumier_analysis.pipeline.doctor import examine
    from lumier_analysis.study import project_root

    findings = examine(project_root())
    for finding in findings:
        print(f"{'differs' if finding.differs else 'ok':<8} {finding.topic:<16} {finding.text}")
    differing = sum(f.differs for f in findings)
    if differing:
        raise EnvironmentMismatch(
            f"This machine differs from requirements.lock in {differing} {'point' if differing == 1 else 'points'}",
            fix="python3 .ci/bootstrap.py, then work with .venv/bin/lumier",
        )
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="lumier",
        description="Statistical analysis of LUMIER²: raw exports in, report out.",
        epilog="STUDY is a folder data/NAME with a plan.yml and raw files in data/NAME/raw, or where --raw says.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"lumier {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def command(name: str, function: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        sub.set_defaults(function=function)
        return sub

    run = command("run", _run, "run every stage of a study that is not fresh, and write the report")
    run.add_argument("study", metavar="STUDY", help="data/synthetic, or just synthetic")
    run.add_argument("--raw", metavar="DIR", help="read the raw files in this folder, in place")
    run.add_argument("--fresh", action="store_true", help="run the stages even where nothing changed")
    run.add_argument("--frozen", action="store_true", help="refuse where anything differs from the locked plan")
    run.add_argument("--only", metavar="STAGE", help="run this stage alone, on the tables as they stand")
    run.add_argument("--jobs", metavar="N", help="fits at a time (default: all processors); the numbers are the same")

    status = command("status", _status, "say of each stage whether it is fresh, and if not, why")
    status.add_argument("study", metavar="STUDY", help="data/synthetic, or just synthetic")
    status.add_argument("--raw", metavar="DIR", help="compare with the raw files in this folder")

    simulate = command("simulate", _simulate, "write the raw files of the synthetic study")
    simulate.add_argument("study", metavar="STUDY", nargs="?", default="data/synthetic", help="default: data/synthetic")
    simulate.add_argument("--overwrite", action="store_true", help="replace raw files that are there")
    simulate.add_argument("--seed", type=int, metavar="N", help="default: the seed in the plan")
    simulate.add_argument("--patients", type=int, metavar="N", help="how many patients to simulate")

    score = command("score", _score, "score a plate with a locked signature, to CSV and to one page")
    score.add_argument("plate", metavar="PLATE", help="a PCR export: Biomark, QuantStudio, CFX, LightCycler, RDML ...")
    score.add_argument("--signature", metavar="FILE", required=True, help="the locked signature (JSON)")
    score.add_argument("--out", metavar="PATH", help="a folder or a .csv file; default: the current folder")
    score.add_argument("--no-calibrator", action="store_true", help="use Ct values as measured")

    explain = command("explain", _explain, "say of each visit of a patient why it is in or out; writes nothing")
    explain.add_argument("patient", metavar="PATIENT", help="the code of the patient in the raw files")
    explain.add_argument("study", metavar="STUDY", nargs="?", default="data/lumier2", help="default: data/lumier2")

    text = "rehearse the validation; touches no result"
    dry = command("dry-run", _dry_run, text)
    dry.description = (
        "Rehearse the validation notebook on outcomes that are not its own, in a temporary folder; touches no result."
        " While the outcomes are sealed they are borrowed from the test cohort: nothing sealed is opened, and no lock"
        " is needed. Once opened they are permuted between patients."
    )
    dry.add_argument("study", metavar="STUDY", help="data/synthetic, or just synthetic")
    dry.add_argument("--seed", type=int, metavar="N", help="of the draw or permutation; default: the seed in the plan")

    text = "program the primary result a second time, in R, and compare"
    check = command("export-check", _export_check, text)
    check.add_argument("study", metavar="STUDY", help="data/synthetic, or just synthetic")

    for group in (lock, seal, replay, isolation, export):
        group.register(command)
    command("doctor", _doctor, "say what of this machine differs from requirements.lock")
    return parser


def _keep_traceback(arguments: argparse.Namespace) -> Path:
    """Write the current traceback below the study's analysis folder, or to a temporary folder, and return where."""
    text = traceback.format_exc()
    study = getattr(arguments, "study", None)
    for folder in (Path("data") / Path(study).name / "analysis" / "run",) if study else ():
        if folder.parents[1].joinpath("plan.yml").is_file():
            folder.mkdir(parents=True, exist_ok=True)
            place = folder / "traceback.txt"
            place.write_text(text, encoding="utf-8")
            return place
    handle, name = tempfile.mkstemp(prefix="lumier-traceback-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    return Path(name)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code (the families of errors.py, 70 unexpected, 130 interrupted)."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 must not stop a run
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if not hasattr(arguments, "function"):
        parser.print_help()
        return 0
    try:
        code = int(arguments.function(arguments))
        sys.stdout.flush()
    except LumierError as error:
        _say(f"lumier: {error}")
        for note in getattr(error, "__notes__", []):
            _say(f"  {note}")
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        _say(f"lumier: {str(interrupt) or 'The run was interrupted.'} The stage it was in has left no results.")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output is gone; the interpreter must not complain about it at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        from lumier_analysis.pipeline.installed import modules_in_place

        place = _keep_traceback(arguments)
        _say(f"lumier: An unexpected {type(error).__name__} stopped the command; its traceback is in {place}.")
        for name, other in modules_in_place().items():
            _say(f"  {other} is imported in place of the installed {name}; if that is not meant: unset PYTHONPATH")
        return UNEXPECTED
    return code
