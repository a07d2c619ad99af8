"""Which numbers of a stage moved since its last complete run, said as soon as it has run again.

The ledger of a complete run is kept in ``analysis/run/numbers`` until the next one is complete: what a stage that
failed, or cells run in JupyterLab, have made of the ledger in between does not count. Numbers are printed as disclosure
control shows them; whether they moved is decided on all their digits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lumier_analysis.pipeline.finished_run import LEDGERS
from lumier_analysis.pipeline.stages import Stage, locate, shown
from lumier_analysis.pipeline.tolerances import SAME_MACHINE, TEXTS
from lumier_analysis.study import Study
from lumier_analysis.study.io import write_bytes_atomic, write_text_atomic

if TYPE_CHECKING:
    from lumier_analysis.reporting.results import Entry

#: How many lines are printed, and of new numbers; all of them stand in the file that the last line names.
SHOWN, SHOWN_NEW = 20, 5


@dataclass(frozen=True)
class Moved:
    """What `numbers_moved` found.

    Attributes
    ----------
    n : int
        Numbers that the stage writes now.
    moved, new : tuple of str
        A line for each number that moved or is gone, and for each that was not there before.
    path : Path
        The file of all lines; absent where there are none.
    """

    n: int
    moved: tuple[str, ...]
    new: tuple[str, ...]
    path: Path

    @property
    def note(self) -> str:
        """In a few words, for the line of the stage."""
        more = f", {len(self.new)} new" if self.new else ""
        return f"{len(self.moved) or 'none'} of {self.n} numbers moved{more}"

    def below(self, root: Path) -> list[str]:
        """Return what is printed below the line of the stage, paths from `root`."""
        lines = self.moved + (self.new if len(self.new) <= SHOWN_NEW else ())
        said = [f"  {line}" for line in lines[:SHOWN]]
        if len(said) < len(self.moved) + len(self.new):
            said.append(f"  all of them: {shown(self.path, root)}")
        return said


def numbers_moved(study: Study, stage: Stage) -> Moved | None:
    """Compare the ledger of a stage that has just run with that of its last complete run, and keep it for the next.

    Parameters
    ----------
    study : Study
    stage : Stage
        Complete.

    Returns
    -------
    Moved or None
        None where the stage writes no ledger, or has no earlier one that can be read.
    """
    ledger = next((path for path in stage.writes if path.startswith(LEDGERS)), None)
    if ledger is None:
        return None
    new, folder = locate(study, ledger), study.analysis / "run" / "numbers"
    kept, told = folder / new.name, folder / f"{new.stem}.moved.txt"
    moved = None
    if kept.is_file():
        moved = _compare(kept, new, study.plan.disclosure.threshold, told)
    if moved and (lines := moved.moved + moved.new):
        write_text_atomic(told, "\n".join(lines) + "\n")
    else:
        told.unlink(missing_ok=True)
    write_bytes_atomic(kept, new.read_bytes())
    return moved


def _compare(kept: Path, new: Path, threshold: int, told: Path) -> Moved | None:
    # Here: a run in which nothing is compared does without tables of numbers.
    from lumier_analysis.errors import AnalysisError
    from lumier_analysis.pipeline.compare_ledgers import compare_ledgers
    from lumier_analysis.reporting.results import read_ledger_file

    try:
        was, now = ({entry.id: entry for entry in read_ledger_file(path).entries} for path in (kept, new))
    except AnalysisError:  # of another version, say
        return None
    before, after = ({id: asdict(entry) for id, entry in entries.items()} for entries in (was, now))
    quantities: dict[str, dict[str, float]] = {}
    for difference in compare_ledgers(before, after, SAME_MACHINE):
        quantities.setdefault(difference.id, {})[difference.quantity] = difference.relative
    texts = [{id: _texts(entry, threshold) for id, entry in entries.items()} for entries in (was, now)]
    said = {id: f"{id}  {_said(texts[0].get(id), texts[1].get(id), found)}" for id, found in quantities.items()}
    new_ones = tuple(line for id, line in said.items() if id not in was)
    return Moved(len(now), tuple(line for id, line in said.items() if id in was), new_ones, told)


def _texts(entry: Entry, threshold: int) -> dict[str, str]:
    """Return an entry as it may be shown."""
    from lumier_analysis.pipeline.shown_numbers import TOGETHER
    from lumier_analysis.reporting.disclosure import WITHHELD, shown_entry
    from lumier_analysis.reporting.wording import number_text, p_text

    if entry.id.split(".", 1)[0] in TOGETHER:
        return {}
    may = shown_entry(entry, threshold)
    texts = {"": may.text.replace(WITHHELD, "withheld"), "p": p_text(may.p_value)}
    if not may.withheld:
        texts["se"] = number_text(entry.se)
    return texts | {"patients": may.n_patients, "rows": may.n_rows, "events": may.n_events}


def _said(was: Mapping[str, str] | None, now: Mapping[str, str] | None, quantities: Mapping[str, float]) -> str:
    """Say of one number what it was and what it is."""
    if was is None or now is None:
        return f"new: {(now or {}).get('', '')}".rstrip(": ") if was is None else "gone"
    both = [name for name in ("", "p", "se", "patients", "rows", "events") if name in was and name in now]
    said = [f"{name} {was[name] or 'none'} -> {now[name] or 'none'}".strip() for name in both if was[name] != now[name]]
    sizes = [size for size in quantities.values() if math.isfinite(size)]
    words = [name for name in quantities if name in TEXTS]
    if not said and "se" in now and sizes:
        said = [f"{now['']}, in a digit that is not shown (relative difference {max(sizes):.0e})"]
    if not now:
        return "moved; the report shows it among its neighbours"
    if not said:  # withheld, or words alone
        return f"{now['']}: its {', '.join(quantities)}"
    return "; ".join([*said, *([f"its {', '.join(words)}"] if words else [])])
