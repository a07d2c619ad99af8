"""A study: its plan, where its files stand, and its analysis tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lumier_analysis.errors import AnalysisError, PlanError, UsageError
from lumier_analysis.study import seal
from lumier_analysis.study.io import write_parquet
from lumier_analysis.study.plan import Plan, load_plan

if TYPE_CHECKING:
    import pandas as pd

COHORTS = ("test", "validation", "controls")


def project_root(start: Path | None = None) -> Path:
    """Return the folder that holds pyproject.toml and lumier_analysis/, above `start` or above this package."""
    for origin in ((start or Path.cwd()).resolve(), Path(__file__).resolve()):
        for folder in (origin, *origin.parents):
            if (folder / "pyproject.toml").is_file() and (folder / "lumier_analysis").is_dir():
                return folder
    raise UsageError(
        "The project folder was not found",
        found=f"no pyproject.toml above {Path.cwd().name}/",
        fix="change into the cloned repository and start again",
    )


@dataclass(frozen=True)
class Study:
    """A study folder and its plan.

    Attributes
    ----------
    folder : Path
        ``data/<study>``, holding plan.yml.
    raw : Path
        Folder of the raw files; read only.
    plan : Plan
        The analysis plan.
    root : Path
        The project folder.
    """

    folder: Path
    raw: Path
    plan: Plan
    root: Path

    @property
    def name(self) -> str:
        """Name of the study folder."""
        return self.folder.name

    @property
    def analysis(self) -> Path:
        """Derived files, patient-level: never committed, never under reports/."""
        return self.folder / "analysis"

    @property
    def results(self) -> Path:
        """The number ledger, one JSON file a notebook."""
        return self.analysis / "results"

    @property
    def reports(self) -> Path:
        """What may leave the house: report, figures, tables, executed notebooks."""
        return self.root / "reports" / self.name

    @property
    def signature_path(self) -> Path:
        """The locked signature."""
        return self.analysis / "locked_signature.json"

    @property
    def clinical_model_path(self) -> Path:
        """The frozen clinical model, the comparator in validation; absent where there is none."""
        return self.analysis / "clinical_model.json"

    def table_path(self, table: str, cohort: str) -> Path:
        """Return where a table of a cohort stands."""
        if cohort not in COHORTS:
            raise UsageError(f"Unknown cohort {cohort!r}", fix=f"use one of {', '.join(COHORTS)}")
        return self.analysis / "tables" / cohort / f"{table}.parquet"

    def closed(self, table: str, cohort: str) -> bool:
        """Tell whether a table of a cohort is sealed: an outcome of the validation cohort before the unsealing."""
        return cohort == seal.COHORT and table in seal.SEALED_TABLES and seal.is_sealed(self)

    def _require_open(self, table: str, cohort: str) -> None:
        if cohort == seal.COHORT and table in seal.SEALED_TABLES:
            seal.require_open(self, f"The table {table} of the {cohort} cohort")

    def has(self, table: str, cohort: str) -> bool:
        """Tell whether a table of a cohort has been written.

        Raises
        ------
        SealError
            The table is sealed: whether there is one, and what it holds, is not to be known yet.
        """
        self._require_open(table, cohort)
        return self.table_path(table, cohort).is_file()

    def read(self, table: str, cohort: str) -> pd.DataFrame:
        """Read an analysis table of one cohort.

        Parameters
        ----------
        table : str
            patients, visits, flares, samples, expression or landmarks.
        cohort : {"test", "validation", "controls"}

        Raises
        ------
        AnalysisError
            The table has not been written yet.
        SealError
            It is sealed.
        """
        self._require_open(table, cohort)
        path = self.table_path(table, cohort)
        if not path.is_file():
            raise AnalysisError(
                f"The table {table} of the {cohort} cohort does not exist",
                found=f"no {path.relative_to(self.folder)}",
                fix=f"run `lumier run data/{self.name}`, or notebook 01_data_cleaning first",
            )
        import pandas as pd  # here, as a command that reads no table has no use for it

        return pd.read_parquet(path)

    def write(self, table: str, cohort: str, frame: pd.DataFrame) -> Path:
        """Write an analysis table of one cohort, whole or not at all; a sealed one is refused with SealError."""
        self._require_open(table, cohort)
        return write_parquet(self.table_path(table, cohort), frame)


def open_study(folder: str | Path, raw: str | Path | None = None) -> Study:
    """Open a study.

    Parameters
    ----------
    folder : str or Path
        The study folder, absolute or relative to the project folder (``"data/synthetic"``, or ``"synthetic"``).
    raw : str or Path, optional
        Where the raw files stand, if not in ``<folder>/raw``; relative to the folder you work in, else to the project.

    Raises
    ------
    UsageError
        No such study, or no such raw folder.
    PlanError
        The plan cannot be read.
    """
    root = project_root()
    candidates = [Path(folder), root / folder, root / "data" / folder]
    chosen = next((c.resolve() for c in candidates if (c / "plan.yml").is_file()), None)
    if chosen is None:
        existing = sorted(p.parent.name for p in (root / "data").glob("*/plan.yml"))
        if any(c.is_dir() for c in candidates):
            raise PlanError(
                f"The study folder {folder} has no plan.yml", fix="copy one from data/synthetic and edit it"
            )
        raise UsageError(
            f"No study {str(folder)!r}", found=f"studies {', '.join(existing)}", fix="lumier run data/NAME"
        )
    if raw is None:
        raw_folder = chosen / "raw"
    else:
        raw_folder = next((p.resolve() for p in (Path(raw), root / raw) if p.is_dir()), Path(raw))
        if not raw_folder.is_dir():
            raise UsageError(
                f"The raw folder {raw} does not exist", fix="give --raw the folder that holds the raw files"
            )
    return Study(folder=chosen, raw=raw_folder, plan=load_plan(chosen / "plan.yml"), root=root)
