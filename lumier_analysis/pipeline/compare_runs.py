"""Two finished runs side by side: numbers, files, machine, and what explains each difference."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lumier_analysis.pipeline.causes import UNEXPLAINED, causes, changed_files, changed_inputs, seal_differs
from lumier_analysis.pipeline.compare_ledgers import Difference, compare_ledgers, compare_shown
from lumier_analysis.pipeline.finished_run import FinishedRun, environment_changes, ledgers_of
from lumier_analysis.pipeline.stages import Stage
from lumier_analysis.pipeline.tolerances import SAME_MACHINE, TOLERANCES, Tolerance


@dataclass(frozen=True)
class Replay:
    """What a replay found.

    Attributes
    ----------
    name : str
        What was compared with.
    n_numbers : int
        Numbers compared.
    differences : tuple of Difference
        Every quantity that is not the same.
    causes : dict
        Notebook -> what explains its differences.
    inputs : dict
        Notebook -> inputs whose hashes differ.
    files : tuple of str
        Further files whose bytes differ.
    unexplained : tuple of str
        Those of them that nothing explains, on the same machine and versions.
    altered : tuple of str
        Files of the frozen run that are no longer what their run wrote, or that its stages read and none of them wrote.
    environment : tuple of str
        In what this machine differs from the frozen run's; empty where in nothing.
    unlocked : tuple of str
        In what the study differs from its lock.
    tolerances : tuple of Tolerance
        Those that applied.
    shown_only : bool
        Whether only the disclosed numbers could be compared.
    sealed : bool
        Whether the replay ended before the validation, as its outcomes are sealed.
    n_files : int
        Files compared.
    seconds : float
    titles : dict
        Analysis of the plan -> its title.
    """

    name: str
    n_numbers: int
    differences: tuple[Difference, ...]
    causes: Mapping[str, tuple[str, ...]]
    inputs: Mapping[str, list[str]]
    files: tuple[str, ...]
    unexplained: tuple[str, ...]
    altered: tuple[str, ...]
    environment: tuple[str, ...]
    unlocked: tuple[str, ...]
    tolerances: tuple[Tolerance, ...]
    shown_only: bool
    sealed: bool
    n_files: int
    seconds: float
    titles: Mapping[str, str]

    @property
    def moved(self) -> tuple[Difference, ...]:
        """The differences larger than declared."""
        return tuple(difference for difference in self.differences if difference.moved)

    @property
    def outcome(self) -> str:
        """One of "identical", "numbers identical", "within tolerance" and "moved".

        A file of the frozen run that was altered since, or one that nothing explains, counts as moved.
        """
        if self.moved or self.altered or self.unexplained:
            return "moved"
        if self.differences:
            return "within tolerance"
        return "numbers identical" if self.files else "identical"

    def lines(self) -> list[str]:
        """Return what to print."""
        from lumier_analysis.pipeline.say_replay import replay_lines

        return replay_lines(self)


def compare_runs(
    frozen: FinishedRun,
    replayed: FinishedRun,
    stages: tuple[Stage, ...],
    *,
    tolerances: tuple[Tolerance, ...] = TOLERANCES,
    unlocked: tuple[str, ...] = (),
    sealed: bool = False,
    seconds: float = math.nan,
    titles: Mapping[str, str] | None = None,
) -> Replay:
    """Compare two runs number by number and file by file, and say what explains each difference; see `replay`."""
    environment = tuple(dict.fromkeys(c for record in frozen.records.values() for c in environment_changes(record)))
    recorded = len(frozen.records) == len(stages)
    applied = SAME_MACHINE if recorded and not environment else tolerances
    shown_only = not frozen.entries
    if shown_only:
        differences = compare_shown(frozen.shown, replayed.shown)
    else:
        differences = compare_ledgers(frozen.entries, replayed.entries, applied)
    of_stage = causes(frozen, replayed, stages)
    explained = {name: (*said, *environment) for name, said in of_stage.items()}
    by_notebook = {str(s.notebook): explained[s.name] or (UNEXPLAINED,) for s in stages if s.notebook}
    files = {s: _outside_the_claim(paths) for s, paths in changed_files(frozen, replayed).items()}
    open_cause = {s for s in files if not explained[s] and not seal_differs(frozen, replayed, s)}
    unexplained = [path for s, paths in files.items() if recorded and s in open_cause for path in paths]
    return Replay(
        name=frozen.name,
        n_numbers=len(replayed.shown.keys() | frozen.shown.keys()),
        differences=differences,
        causes=by_notebook,
        inputs={notebook: changed_inputs(frozen, replayed, notebook) for notebook in ledgers_of(stages)},
        files=tuple(path for paths in files.values() for path in paths),
        unexplained=tuple(unexplained),
        altered=(*frozen.altered, *(_of_no_stage(frozen) if recorded else ())),
        environment=environment,
        unlocked=unlocked,
        tolerances=applied,
        shown_only=shown_only,
        sealed=sealed,
        n_files=sum(len(record["outputs"]) for record in replayed.records.values()),
        seconds=seconds,
        titles=titles or {},
    )


def _of_no_stage(frozen: FinishedRun) -> list[str]:
    """Name the inputs of a complete run that none of its stages wrote: a figure laid beside the others by hand."""
    made = {path for record in frozen.records.values() for path in record["outputs"]}
    read = {part.partition(":")[2] for r in frozen.records.values() for part in r["key"] if part.startswith("input:")}
    return [f"{path}, which no stage wrote" for path in sorted(read - made)]


def _outside_the_claim(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out sealed files: encryption draws a new key every time."""
    return tuple(path for path in paths if not path.endswith(".age") and "sealed" not in path.split("/"))
