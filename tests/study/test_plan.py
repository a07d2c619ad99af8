import copy

import pytest
import yaml

from lumier_analysis.errors import PlanError
from lumier_analysis.study import load_plan, project_root

ROOT = project_root()


@pytest.fixture
def content():
    return yaml.safe_load((ROOT / "data/synthetic/plan.yml").read_text(encoding="utf-8"))


def write(tmp_path, content):
    path = tmp_path / "plan.yml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


@pytest.mark.parametrize("study", ["synthetic", "gse65391", "lumier2"])
def test_the_shipped_plans_are_read(study):
    plan = load_plan(ROOT / "data" / study / "plan.yml")
    assert plan.study.id == study
    assert plan.panel.primary_score in plan.panel.scores


def test_a_misspelt_key_is_named_with_what_is_allowed(tmp_path, content):
    content["landmarks"]["horizon_day"] = content["landmarks"].pop("horizon_days")
    with pytest.raises(PlanError, match=r"landmarks\.horizon_day .*did you mean horizon_days\?.*cap_days"):
        load_plan(write(tmp_path, content))


def test_a_value_outside_its_list_is_named_with_the_list(tmp_path, content):
    content["flare"]["definition"] = "sfi_all"
    with pytest.raises(PlanError, match=r"flare\.definition.*'sfi_all'.*sfi_any.*adjudicated"):
        load_plan(write(tmp_path, content))


def test_a_figure_format_that_cannot_be_written_is_told_with_those_that_can(tmp_path, content):
    content["figures"] = {"formats": ["eps"], "dpi": 10}
    with pytest.raises(PlanError, match=r"figures\.formats.*'eps'.*pdf.*tiff") as error:
        load_plan(write(tmp_path, content))
    assert "figures.dpi" in str(error.value)


def test_a_missing_key_is_named(tmp_path, content):
    del content["panel"]["primary_score"]
    with pytest.raises(PlanError, match=r"panel\.primary_score is missing"):
        load_plan(write(tmp_path, content))


def test_a_file_that_no_one_declared_is_named(tmp_path, content):
    content["tables"]["visits"]["file"] = "visit"
    with pytest.raises(PlanError, match=r"tables\.visits\.file names the file 'visit'"):
        load_plan(write(tmp_path, content))


def test_two_primary_analyses_are_refused(tmp_path, content):
    content["analyses"][0]["role"] = "primary"
    with pytest.raises(PlanError, match="exactly one analysis has role primary"):
        load_plan(write(tmp_path, content))


def test_broken_yaml_is_located(tmp_path):
    path = tmp_path / "plan.yml"
    path.write_text("study:\n  id: x\n bad: [1,\n", encoding="utf-8")
    with pytest.raises(PlanError, match="line 3"):
        load_plan(path)


def test_a_missing_plan_is_one_sentence(tmp_path):
    with pytest.raises(PlanError, match="No plan at"):
        load_plan(tmp_path / "plan.yml")


def test_a_sensitivity_rule_may_change_rules_only(tmp_path, content):
    wrong = copy.deepcopy(content)
    wrong["sensitivity"][0]["set"] = {"panel.primary_score": "neutrophil"}
    with pytest.raises(PlanError, match="cannot be set here"):
        load_plan(write(tmp_path, wrong))


def test_rules_with_changes_are_checked_like_the_plan():
    plan = load_plan(ROOT / "data/synthetic/plan.yml")
    landmarks, flare = plan.rules_with({"landmarks.cap_days": 91, "flare.definition": "adjudicated"})
    assert landmarks.cap_days == 91
    assert flare.definition == "adjudicated"
    assert plan.landmarks.cap_days == 112


def test_a_key_that_stands_twice_is_refused_with_both_lines(tmp_path):
    text = (ROOT / "data/synthetic/plan.yml").read_text(encoding="utf-8")
    line = "  minimum_gap_days: 1 "
    path = tmp_path / "plan.yml"
    path.write_text(text.replace(line, f"  minimum_gap_days: 14\n{line}"), encoding="utf-8")
    with pytest.raises(PlanError, match=r"line \d+.*minimum_gap_days stands twice, first on line \d+"):
        load_plan(path)


def test_two_sensitivity_analyses_of_one_id_are_refused(tmp_path, content):
    content["sensitivity"].append(content["sensitivity"][0])
    with pytest.raises(PlanError, match=r"each id stands once; twice: fixed_91"):
        load_plan(write(tmp_path, content))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"features": ["gene"]}, "'gene'.*genes_change"),
        ({"features": []}, r"derivation\.features"),
        ({"features": ["genes", "clinical"]}, "go together"),
        ({"clinical": ["sledai"]}, "go together"),
        ({"reference_candidates": ["HPRT1", "TBP"]}, "at least three"),
        ({"reference_candidates": ["HPRT1", "TBP", "GUSB"], "reference_number": 4}, "no fewer"),
        ({"screen": 0}, r"derivation\.screen"),
    ],
)
def test_candidate_features_need_what_they_are_made_of(tmp_path, content, keys, message):
    content["derivation"] |= keys
    with pytest.raises(PlanError, match=message):
        load_plan(write(tmp_path, content))
