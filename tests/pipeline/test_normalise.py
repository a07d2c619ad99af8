from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output

from lumier_analysis.pipeline.normalise import _clean_text, normalise, source_text

ROOT = Path("/home/someone/project")


def executed(pid: int, address: str, seconds: float, pieces: list[str]) -> Any:
    """Return what an engine might leave, with everything in it that differs between two runs."""
    outputs = [new_output("stream", name="stdout", text=piece) for piece in pieces]
    outputs.insert(
        1, new_output("stream", name="stderr", text=f"/tmp/ipykernel_{pid}/12{pid}.py:1: UserWarning: low\n")
    )
    outputs.append(new_output("execute_result", data={"text/plain": f"<Thing at {address}>"}, execution_count=2))
    outputs.append(new_output("stream", name="stdout", text=f"{ROOT}/data/x.csv\n"))
    source, injected = new_code_cell("x = 1", id="given"), new_code_cell("x = 2")
    injected.metadata.tags = ["injected-parameters"]
    work = new_code_cell("work", id="work", outputs=outputs, execution_count=2)
    work.metadata.update(papermill={"duration": seconds}, execution={"shell.execute_reply": str(seconds)}, tags=[])
    return new_notebook(cells=[source, injected, work], metadata={"papermill": {"duration": seconds}})


def plain_source() -> Any:
    return new_notebook(cells=[new_code_cell("x = 1", id="given"), new_code_cell("work", id="work")])


def test_two_equal_runs_give_the_same_bytes() -> None:
    one = normalise(executed(11, "0x7f00aa11bb22", 1.5, ["a\n", "b\n"]), plain_source(), ROOT)
    two = normalise(executed(22, "0x7f99cc33dd44", 2.5, ["a\nb\n"]), plain_source(), ROOT)
    assert nbformat.writes(one) == nbformat.writes(two)
    nbformat.validate(one)
    assert [c["id"] for c in one.cells] == ["given", "injected-parameters", "work"]


def test_what_a_reader_needs_is_kept() -> None:
    result = normalise(executed(11, "0x7f00aa11bb22", 1.5, ["a\n", "b\n"]), plain_source(), ROOT)
    printed, warned, shown, path = result.cells[2].outputs
    assert (printed.text, warned.text) == ("a\nb\n", "<cell>:1: UserWarning: low\n")
    assert shown.data["text/plain"] == "<Thing at 0x...>"
    assert path.text == "data/x.csv\n"
    assert result.cells[2].execution_count == 2
    assert "injected-parameters" in result.cells[1].metadata.tags


def test_source_text_ignores_outputs_and_sees_code_tags_and_ids() -> None:
    notebook = plain_source()
    before = source_text(notebook)
    notebook.cells[1].outputs = [new_output("stream", name="stdout", text="a")]
    notebook.cells[1].execution_count = 7
    assert source_text(notebook) == before
    for change in ({"source": "work()"}, {"metadata": {"tags": ["x"]}}, {"id": "other"}):
        other = plain_source()
        other.cells[1].update(change)
        assert source_text(other) != before


def test_the_project_folder_itself_becomes_a_dot() -> None:
    pieces = [f"{ROOT} {ROOT}-2 '{ROOT}'\n"]
    printed = normalise(executed(11, "0x7f00aa11bb22", 1.5, pieces), plain_source(), ROOT).cells[2].outputs[0]
    assert printed.text == f". {ROOT}-2 '.'\n"


def test_one_printed_word_of_millions_of_letters_is_read_once() -> None:
    file = "/tmp/ipykernel_12/345.py"
    text = "x" * 3_000_000 + f'\nFile "{file}", ({file}:3, x={file}'
    # Tried from each of its letters this would take hours.
    assert _clean_text(text, "/home/project").endswith('\nFile "<cell>", <cell>:3, <cell>')
