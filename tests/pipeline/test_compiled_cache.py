from __future__ import annotations

from pathlib import Path

import pytest

from lumier_analysis.pipeline.compiled_cache import read_indexes, take_compiled


@pytest.fixture
def packages(tmp_path: Path) -> tuple[Path, Path]:
    """Return a package and its copy, both with one compiled function."""
    for name in ("package", "copy"):
        folder = tmp_path / name / "signature" / "__pycache__"
        folder.mkdir(parents=True)
        (folder / "solver.f-1.py311.nbi").write_bytes(b"old index")
        (folder / "solver.f-1.py311.1.nbc").write_bytes(b"old code")
    return tmp_path / "package", tmp_path / "copy"


def test_what_was_compiled_is_taken_over_with_its_code(packages):
    package, copy = packages
    before = read_indexes(package)
    assert take_compiled(copy, package, before) == []
    folder = copy / "signature" / "__pycache__"
    (folder / "solver.g-9.py311.nbi").write_bytes(b"index of g")
    (folder / "solver.g-9.py311.1.nbc").write_bytes(b"code of g")
    (folder / "solver.f-1.py311.nbi").write_bytes(b"new index")
    (folder / "solver.f-1.py311.1.nbc").write_bytes(b"new code")
    (folder / "else.pyc").write_bytes(b"bytecode")
    assert len(take_compiled(copy, package, before)) == 2
    found = {p.name: p.read_bytes() for p in (package / "signature" / "__pycache__").iterdir()}
    assert found == {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix != ".pyc"}


def test_an_index_that_changed_meanwhile_stays(packages):
    package, copy = packages
    before = read_indexes(package)
    index = "signature/__pycache__/solver.f-1.py311.nbi"
    (copy / index).write_bytes(b"compiled in the stage")
    (package / index).write_bytes(b"compiled elsewhere")
    assert take_compiled(copy, package, before) == []
    assert (package / index).read_bytes() == b"compiled elsewhere"


def test_a_link_is_not_followed(packages, tmp_path):
    package, copy = packages
    (tmp_path / "secret").write_bytes(b"secret")
    (copy / "signature" / "__pycache__" / "x.nbi").symlink_to(tmp_path / "secret")
    assert take_compiled(copy, package, read_indexes(package)) == []
