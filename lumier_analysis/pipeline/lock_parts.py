"""What a lock holds: every thing that can move a number, by name, with its hash or its value.

A part such as ``notebook:03_locked_validation`` decides whether something moved; parts below it, such as
``notebook:03_locked_validation:CELL``, say what. No outcome of the validation cohort is among them: of its tables only
those of the predictors are read.
"""

from __future__ import annotations

import json
import platform
import re
from pathlib import Path
from typing import Any

import pandas as pd
from packaging.utils import canonicalize_name

from lumier_analysis.cleaning.withheld import open_tables
from lumier_analysis.pipeline.fresh import ABSENT, code_files, raw_files
from lumier_analysis.pipeline.normalise import source_text
from lumier_analysis.pipeline.plan_parts import plan_parts
from lumier_analysis.pipeline.source_notebook import load_notebook
from lumier_analysis.pipeline.stages import STAGES, Stage, files_at, parameters_of
from lumier_analysis.study import Study
from lumier_analysis.study.io import sha256_file, sha256_text
from lumier_analysis.study.seal import COHORT

#: The tables that go into the signature.
DERIVATION = ("analysis/tables/test", "analysis/tables/controls")
#: The tables that it is applied to.
PREDICTORS = ("samples", "expression")
#: What the stages make themselves: a run from the raw files makes it again.
DERIVED = ("input", "signature", "clinical_model")
ORDER = "order of cells"
_DETAILED_ALONE = ("plan", "lock", "signature", "clinical_model")
_DETAILED_BY_NAME = ("notebook", "input")
_PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^\s;\\]+)\s*(?:;\s*(?P<marker>[^\\]+?))?\s*\\?$"
)
_LONG = 400
#: Values of a model that count patients, rows, events or gaps: few of them may not leave the house, and a lock does.
_COUNT = re.compile(r"n_\w+")


def kind_of(part: str) -> str:
    """Return the kind of a part: plan, raw, notebook, package, lock, python, input, signature, ..."""
    return part.partition(":")[0]


def whole_of(part: str) -> str:
    """Return the part that a detail belongs to; the part itself where it is no detail."""
    kind, _, rest = part.partition(":")
    if kind in _DETAILED_ALONE:
        return kind
    return f"{kind}:{rest.partition(':')[0]}" if kind in _DETAILED_BY_NAME else part


def notebook_parts(path: Path) -> dict[str, str]:
    """Return a notebook as a hash, its cells by id (kind, tags and source), and the order of the cells."""
    notebook, name = load_notebook(path), f"notebook:{path.stem}"
    parts = {name: sha256_text(source_text(notebook))}
    # The same cells as in source_text: an empty one says nothing.
    cells = [c for c in notebook.cells if c.source.strip()]
    for cell in cells:
        tags = ", ".join(sorted(cell.get("metadata", {}).get("tags", [])))
        parts[f"{name}:{cell['id']}"] = f"{cell.cell_type} [{tags}]\n{cell.source.rstrip()}"
    return parts | {f"{name}:{ORDER}": ", ".join(cell["id"] for cell in cells)}


def requirement_parts(path: Path) -> dict[str, str]:
    """Return requirements.lock as a hash, and each package with its version and a hash of its files' hashes."""
    if not path.is_file():
        return {"lock": ABSENT}
    parts, files, pinned = {"lock": sha256_file(path)}, dict[str, list[str]](), ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := _PIN.match(line):
            pinned = f"lock:{canonicalize_name(match['name'])}" + (f" ({match['marker']})" if match["marker"] else "")
            parts[pinned], files[pinned] = match["version"], []
        elif pinned and line.strip().startswith("--hash="):
            files[pinned].append(line.strip().rstrip("\\ "))
    return parts | {f"{p}, its files": sha256_text("\n".join(sorted(h))) for p, h in files.items() if h}


def table_parts(name: str, path: Path) -> dict[str, str]:
    """Return a file as a hash; of a parquet table, a hash of each column as well."""
    part = f"input:{name}"
    parts = {part: sha256_file(path)}
    if path.suffix == ".parquet":
        try:
            frame = pd.read_parquet(path)
        except (OSError, ValueError):  # not a table: its hash alone tells that it moved
            return parts
        parts |= _columns(part, frame)
    return parts


def _columns(part: str, frame: pd.DataFrame) -> dict[str, str]:
    """Return a hash of the values of each column, the index among them where it has a name."""
    named = frame.reset_index() if frame.index.name else frame
    return {f"{part}:{c}": sha256_text(repr(named[c].astype(object).tolist())) for c in named.columns}


def predictor_parts(study: Study) -> dict[str, str]:
    """Return the predictors of the validation cohort: tubes of scheduled visits and their expression, by column.

    Once the outcomes are opened the tables hold the tubes of flare visits as well. That a tube belongs to one tells an
    outcome, so the hashes are of the rows that stand in clear before, and the opening moves none of them.
    """
    places = {name: study.table_path(name, COHORT) for name in PREDICTORS}
    if not all(path.is_file() for path in places.values()):
        return {}
    try:
        tables = open_tables({name: pd.read_parquet(path) for name, path in places.items()})
    except (OSError, ValueError, KeyError):
        return {f"input:{_table(name)}": sha256_file(path) for name, path in places.items()}
    parts: dict[str, str] = {}
    for name in PREDICTORS:
        columns = _columns(f"input:{_table(name)}", tables[name])
        parts |= {f"input:{_table(name)}": sha256_text("\n".join(f"{k} {v}" for k, v in columns.items()))} | columns
    return parts


def _table(name: str) -> str:
    return f"analysis/tables/{COHORT}/{name}.parquet"


def _flat(value: Any, path: str) -> dict[str, str]:
    if isinstance(value, dict) and value:
        flat: dict[str, str] = {}
        for key, inner in value.items():
            flat |= _flat(inner, f"{path}.{key}" if path else str(key))
        return flat
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return {path: text if len(text) <= _LONG else sha256_text(text)}


def json_parts(kind: str, path: Path) -> dict[str, str]:
    """Return a JSON file as a hash, and its values by key path but counts; nothing where the file is not there.

    A lock goes out with every export, and small counts may not; a changed count shows in the hash of the file.
    """
    if not path.is_file():
        return {}
    parts = {kind: sha256_file(path)}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return parts
    if isinstance(content, dict):
        content = {key: value for key, value in content.items() if not _COUNT.fullmatch(str(key))}
    return parts | {f"{kind}:{key}": value for key, value in _flat(content, "").items()}


def lock_parts(study: Study, *, stages: tuple[Stage, ...] = STAGES) -> dict[str, str]:
    """Return everything that decides a result, by name, with its hash or value.

    Parameters
    ----------
    study : Study
    stages : tuple of Stage
        Their notebooks and parameters are locked.

    Returns
    -------
    dict
        plan, ``plan:KEY``, ``raw:PATH``, ``notebook:NAME``, ``notebook:NAME:CELL``, ``package:PATH``, lock,
        ``lock:PACKAGE``, python, ``input:PATH``, ``input:PATH:COLUMN``, signature, ``signature:FIELD``,
        clinical_model, ``clinical_model:FIELD``, ``parameter:STAGE.NAME``.

    Raises
    ------
    RawDataError
        A raw file is missing.
    NotebookError
        A notebook is missing or unreadable.
    """
    root, plan = study.root, study.folder / "plan.yml"
    parts = {"plan": sha256_file(plan)} | plan_parts(plan.read_text(encoding="utf-8"))
    parts |= {f"raw:{name}": sha256_file(path) for name, path in raw_files(study).items()}
    corrections = study.folder / "corrections.csv"
    parts |= {"raw:corrections.csv": sha256_file(corrections)} if corrections.is_file() else {}
    for notebook in dict.fromkeys(s.notebook for s in stages if s.notebook):
        parts |= notebook_parts(root / "notebooks" / f"{notebook}.ipynb")
    parts |= {f"package:{name}": sha256_file(path) for name, path in code_files(root).items()}
    parts |= requirement_parts(root / "requirements.lock") | {"python": platform.python_version()}
    for place in DERIVATION:
        for name, path in files_at(study, place).items():
            parts |= table_parts(name, path)
    parts |= predictor_parts(study)
    parts |= json_parts("signature", study.signature_path)
    parts |= json_parts("clinical_model", study.clinical_model_path)
    for stage in stages:
        # Where the raw files stand does not matter, only what they hold.
        kept = {k: v for k, v in parameters_of(stage, study).items() if k != "raw"}
        parts |= {f"parameter:{stage.name}.{k}": json.dumps(v, sort_keys=True) for k, v in kept.items()}
    return parts
