"""The examples of docs/exports.md are plans that the models accept."""

from __future__ import annotations

import re

import pytest
import yaml

from lumier_analysis.study import project_root
from lumier_analysis.study.export_sections import ColumnSpec, FileSpec, TableSpec

GUIDE = (project_root() / "docs" / "exports.md").read_text(encoding="utf-8")
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", GUIDE, flags=re.DOTALL)]
MODELS = {"files": FileSpec, "columns": ColumnSpec, "tables": TableSpec}


@pytest.mark.parametrize("kind", MODELS)
def test_examples_are_valid(kind: str) -> None:
    (block,) = (b[kind] for b in BLOCKS if kind in b)
    for entry in block.values():
        MODELS[kind].model_validate(entry)


@pytest.mark.parametrize("model", [FileSpec, ColumnSpec])
def test_every_key_is_explained(model: type[FileSpec] | type[ColumnSpec]) -> None:
    examples = [e for b in BLOCKS for entries in b.values() for e in entries.values()]
    named = {key for example in examples for key in example}
    assert {f.alias or name for name, f in model.model_fields.items()} <= named
