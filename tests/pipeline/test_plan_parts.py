from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lumier_analysis.pipeline.plan_parts import COMMENTS, comments, key_lines, plan_parts

ROOT = Path(__file__).resolve().parents[2]
TEXT = """# head
study:
  id: tiny        # its name
  title: "a # in quotes"
landmarks: {days: 91, visits: [M0, M3]}   # inline
analyses:
  - {id: one, role: primary}
  - {id: two, role: secondary}   # two
empty: {}
plain: [{a: 1}, {a: 2}]
"""


def test_settings_are_named_by_key_path_and_id() -> None:
    parts = plan_parts(TEXT)
    assert parts["plan:landmarks.days"] == "91" and parts["plan:landmarks.visits"] == '["M0", "M3"]'
    assert parts["plan:analyses"] == '["one", "two"]' and parts["plan:analyses[two].role"] == '"secondary"'
    assert parts["plan:empty"] == "{}" and parts["plan:plain"] == '[{"a": 1}, {"a": 2}]'
    assert parts["plan:study.title"] == '"a # in quotes"'
    assert parts[COMMENTS] == "# head\n# its name\n# inline\n# two"


def test_a_number_is_not_the_text_of_it() -> None:
    assert plan_parts("a: 5")["plan:a"] != plan_parts("a: '5'")["plan:a"]
    assert plan_parts("a: 1")["plan:a"] != plan_parts("a: true")["plan:a"]


def test_lines_are_those_of_the_keys() -> None:
    lines = key_lines(TEXT)
    assert lines["plan:study.id"] == 3 and lines["plan:landmarks.visits"] == 5
    assert lines["plan:analyses"] == 6 and lines["plan:analyses[two].role"] == 8
    assert key_lines("a:\n  - 1\n  - 2\n") == {"plan:a": 1}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 'x # y' # z\n", ["# z"]),
        ("a: x#y\n", []),
        ("a: |\n  # text\n  more\n# after\n", ["# after"]),
        ("a: [1, # one\n  2] # two\n", ["# one", "# two"]),
        ("", []),
    ],
)
def test_a_hash_sign_inside_a_value_is_no_comment(text: str, found: list[str]) -> None:
    assert comments(text) == tuple(found)


@pytest.mark.parametrize("study", ["synthetic", "lumier2", "gse65391"])
def test_the_parts_hold_the_whole_plan(study: str) -> None:
    text = (ROOT / "data" / study / "plan.yml").read_text("utf-8")
    parts, content = plan_parts(text), yaml.safe_load(text)
    leaves = sum(1 for key in parts if key != COMMENTS)

    def count(value: object) -> int:
        if isinstance(value, dict) and value:
            return sum(map(count, value.values()))
        if isinstance(value, list) and value and all(isinstance(v, dict) and "id" in v for v in value):
            return 1 + sum(map(count, value))
        return 1

    assert leaves == count(content)
    # With every comment taken out the settings are the same, and none is left.
    bare = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    assert plan_parts(bare) == {**parts, COMMENTS: ""}
