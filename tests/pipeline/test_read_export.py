from __future__ import annotations

from pathlib import Path

import pytest

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.pipeline.export import zip_bytes
from lumier_analysis.pipeline.read_export import MANIFEST, manifest_text, read_export
from lumier_analysis.pipeline.stages import Stage

STAGES = (Stage("validate", notebook="03", writes=("analysis/results/03.json",)),)
FILES = {
    "numbers.json": b'{"numbers": {"a": {"value": "1", "notebook": "03"}, "b": {"value": "2", "notebook": "04"}},'
    b' "inputs": {"03": {"plan.yml": "x"}, "04": {}}}',
    "ledger/03.json": b'{"entries": [{"id": "a", "value": 1.0, "notebook": "03"}]}',
    "runs/validate.json": b'{"key": {"plan": "p"}, "outputs": {}}',
}


def packed(path: Path, files: dict[str, bytes], manifest: str | None = None) -> Path:
    text = manifest_text(files) if manifest is None else manifest
    path.write_bytes(zip_bytes(files | {MANIFEST: text.encode()}))
    return path


def test_the_numbers_of_the_stages_that_are_asked_for(tmp_path: Path) -> None:
    found = read_export(packed(tmp_path / "e.zip", FILES), STAGES)
    assert found.name == "the export e.zip"
    assert list(found.entries) == list(found.shown) == ["a"] and list(found.inputs) == ["03"]
    assert found.records["validate"]["key"] == {"plan": "p"}


@pytest.mark.parametrize("change", [{"ledger/03.json": b"{}"}, {"extra.txt": b"x"}])
def test_an_altered_export_is_refused_by_name(tmp_path: Path, change: dict[str, bytes]) -> None:
    path = packed(tmp_path / "e.zip", FILES | change, manifest_text(FILES))
    with pytest.raises(AnalysisError, match=rf"e\.zip was altered\. Found: {next(iter(change))}"):
        read_export(path, STAGES)


def test_a_file_that_is_gone_is_noticed(tmp_path: Path) -> None:
    fewer = {name: content for name, content in FILES.items() if name != "runs/validate.json"}
    with pytest.raises(AnalysisError, match=r"Found: runs/validate\.json"):
        read_export(packed(tmp_path / "e.zip", fewer, manifest_text(FILES)), STAGES)


def test_what_is_no_export(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no export"):
        read_export(tmp_path / "none.zip", STAGES)
    (tmp_path / "bad.zip").write_bytes(b"PK no")
    with pytest.raises(AnalysisError, match=r"bad\.zip is no sound zip"):
        read_export(tmp_path / "bad.zip", STAGES)
    other = tmp_path / "other.zip"
    other.write_bytes(zip_bytes({"x": b""}))
    with pytest.raises(AnalysisError, match="is no export"):
        read_export(other, STAGES)
    with pytest.raises(AnalysisError, match=r"no sound numbers\.json"):
        read_export(packed(tmp_path / "e.zip", FILES | {"numbers.json": b"{"}), STAGES)
    with pytest.raises(AnalysisError, match="is not laid out as one"):
        read_export(packed(tmp_path / "e.zip", FILES | {"numbers.json": b"{}"}), STAGES)


def test_a_torn_zip_and_a_folder_of_other_things(tmp_path: Path) -> None:
    whole = packed(tmp_path / "e.zip", FILES | {"report/report.html": bytes(range(256)) * 40})
    content = bytearray(whole.read_bytes())
    for place in range(200, 400, 7):
        content[place] ^= 0xFF
    whole.write_bytes(content)
    with pytest.raises(AnalysisError, match=r"e\.zip (is no sound zip|was altered)"):
        read_export(whole, STAGES)
    (tmp_path / "folder").mkdir()
    # It is not read: of a home folder that would take long, and of some files be refused.
    (tmp_path / "folder" / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(AnalysisError, match="folder is no export"):
        read_export(tmp_path / "folder", STAGES)
