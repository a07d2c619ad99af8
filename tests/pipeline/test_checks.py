from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from lumier_analysis.errors import NotebookError
from lumier_analysis.pipeline.checks import accepted_parameters, check_notebook, first_line, load_notebook


def notebook(*cells: Any, **metadata: Any) -> Any:
    return nbformat.v4.new_notebook(cells=list(cells), metadata=metadata)


def code(source: str, *tags: str, **metadata: Any) -> Any:
    return nbformat.v4.new_code_cell(source, metadata={"tags": list(tags), **metadata})


PARAMETERS = code('study = "data/synthetic"\nraw: str | None = None\nlabel = "a=b"', "parameters")


@pytest.mark.parametrize(
    ("cells", "metadata", "message"),
    [
        ([code("1")], {}, "exactly one cell tagged parameters. Found: none"),
        ([PARAMETERS, code("study = 1", "parameters")], {}, "Found: cells 1, 2"),
        ([nbformat.v4.new_markdown_cell("x", metadata={"tags": ["parameters"]})], {}, "is no code cell"),
        ([PARAMETERS, code("1/0", "raises-exception")], {}, "Cell 2 of n.ipynb carries the tag raises-exception"),
        ([PARAMETERS, code("1", "skip-execution")], {}, "which leaves the cell out. Found: 1"),
        ([PARAMETERS, code("raw = 2", "injected-parameters")], {}, "delete the cell"),
        ([PARAMETERS, code("1", allow_errors=True)], {}, "Cell 2 of n.ipynb has allow_errors"),
        ([PARAMETERS], {"execution": {"allow_errors": True}}, "The notebook n.ipynb has allow_errors"),
        (
            [PARAMETERS],
            {"kernelspec": {"name": "conda-env-old-py", "display_name": "old"}},
            "Found: 'conda-env-old-py'",
        ),
        ([code("study = = 1", "parameters")], {}, "is not valid Python (line 1)"),
    ],
)
def test_a_notebook_that_would_run_otherwise_than_it_says_is_refused(
    cells: list[Any], metadata: dict[str, Any], message: str
) -> None:
    with pytest.raises(NotebookError) as caught:
        check_notebook(notebook(*cells, **metadata), {}, "n.ipynb")
    assert message in str(caught.value)


def test_an_unknown_parameter_is_refused_with_the_accepted_names() -> None:
    with pytest.raises(NotebookError) as caught:
        check_notebook(notebook(PARAMETERS), {"sudy": "data/x"}, "n.ipynb")
    assert "n.ipynb has no parameter sudy" in str(caught.value)
    assert "did you mean study? It accepts: study, raw, label" in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), (1, 2), Path("x"), np.int64(3), datetime.date(2020, 1, 1), {1}, {1: "a"}],
    ids=repr,
)
def test_a_value_that_would_arrive_as_something_else_is_refused(value: Any) -> None:
    with pytest.raises(NotebookError, match=r"The parameter study of n\.ipynb"):
        check_notebook(notebook(PARAMETERS), {"study": value}, "n.ipynb")


@pytest.mark.parametrize("value", ["007", "1e5", "nan", 7, 0.5, None, True, [1, "a"], {"a": None}], ids=repr)
def test_plain_values_pass(value: Any) -> None:
    check_notebook(notebook(PARAMETERS), {"study": value}, "n.ipynb")


def test_names_are_read_from_the_syntax_tree() -> None:
    source = 'from typing import Literal\nx: Literal["a", "b"] = "a"\ns = "a=b"\na, b = 1, 2\nc = d = 3'
    assert accepted_parameters(source, "n") == ["x", "s", "a", "b", "c", "d"]


def test_first_line_passes_over_comments() -> None:
    assert first_line("# why\n\nfit = lmm()\n") == "fit = lmm()"
    assert first_line("# only this") == "# only this"
    assert len(first_line("x" * 200)) == 80


def test_a_missing_notebook_names_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "01_a.ipynb").write_text("{}")
    with pytest.raises(NotebookError, match=r"There is no notebook .*/02_b\.ipynb\. Found: 01_a\.ipynb"):
        load_notebook(tmp_path / "02_b.ipynb")


@pytest.mark.parametrize("content", ["{", "{}", '{"nbformat": 3, "cells": []}', '{"nbformat": 4, "cells": [{}]}', "[]"])
def test_a_damaged_notebook_is_one_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.ipynb").write_text(content)
    with pytest.raises(NotebookError, match=r"a\.ipynb is not a notebook file"):
        load_notebook(tmp_path / "a.ipynb")


def test_cells_without_ids_get_the_same_ones_each_time(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "source": "1", "metadata": {}, "outputs": [], "execution_count": None}
    old = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell, cell]}
    (tmp_path / "a.ipynb").write_text(json.dumps(old))
    assert [c["id"] for c in load_notebook(tmp_path / "a.ipynb").cells] == ["cell-01", "cell-02"]
