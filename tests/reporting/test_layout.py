from __future__ import annotations

import ast
import fnmatch
import json

import pytest

from lumier_analysis.reporting.layout import CAPTIONS, SECTIONS, caption
from lumier_analysis.study import project_root


def drawn_by_the_notebooks():
    """Return the names under which the notebooks save figures."""
    names = set()
    for path in sorted((project_root() / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code" and "save_figure(" in "".join(cell["source"]):
                calls = [n for n in ast.walk(ast.parse("".join(cell["source"]))) if isinstance(n, ast.Call)]
                calls = [call for call in calls if getattr(call.func, "id", "") == "save_figure"]
                names |= {call.args[2].value for call in calls}
    return names


def test_every_figure_the_notebooks_draw_has_a_section_and_no_caption_is_left_over():
    drawn = drawn_by_the_notebooks()
    assert set(CAPTIONS) <= drawn
    patterns = [pattern for section in SECTIONS for pattern in section.figures]
    assert [name for name in drawn if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns)] == []


def test_a_figure_nobody_wrote_about_is_captioned_by_its_name():
    assert caption("anti_dsdna_by_visit") == "Anti dsDNA by visit"


def test_section_ids_are_anchors_that_stand_once():
    ids = [section.id for section in SECTIONS]
    assert len(set(ids)) == len(ids)
    assert all(id.isidentifier() for id in ids)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda s: s.id)
def test_a_wider_prefix_comes_last(section):
    # Else it would take the numbers of the narrower one.
    prefixes = [table.prefix for table in section.tables]
    for i, wide in enumerate(prefixes):
        assert not [narrow for narrow in prefixes[i + 1 :] if narrow.startswith(wide + ".")]


@pytest.mark.parametrize("text", [*CAPTIONS.values(), *(s.absent for s in SECTIONS), *(s.lead for s in SECTIONS)])
def test_words_of_the_report_begin_large(text):
    assert text[0].isupper()
