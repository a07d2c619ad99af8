"""A rule that cannot be read is named by its key, with what is allowed."""

import pytest
import yaml

from lumier_analysis.errors import PlanError
from lumier_analysis.study import load_plan, project_root
from lumier_analysis.study.rule_sections import Rule


@pytest.fixture
def load(tmp_path):
    content = yaml.safe_load((project_root() / "data/synthetic/plan.yml").read_text(encoding="utf-8"))

    def load(*rules, **sections):
        content["rules"] = [{"id": "r", "table": "visits", "message": "m"} | rule for rule in rules]
        path = tmp_path / "plan.yml"
        path.write_text(yaml.safe_dump(content | sections, allow_unicode=True), encoding="utf-8")
        return load_plan(path)

    return load


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ({"window": {"days": {"M3": 91}, "within": 21}}, "window"),
        ({"window": {"days": {"M3": 91}, "within": [14, 28]}}, "window"),
        ({"order": ["date", "patients.end_date"]}, "order"),
        ({"when": {"visit": "M0"}, "then": {"clinical_flare": False}}, "then"),
        ({"required": ["date"]}, "required"),
        ({"range": {"column": "c3", "limits": {"g/L": [0.1, 4]}}}, "range"),
        ({"allowed": {"visit": ["M0", "M3"]}}, "allowed"),
        ({"unique": ["patient_id", "visit"]}, "unique"),
        ({"exists_in": {"table": "samples", "keys": ["patient_id", "visit"]}}, "exists_in"),
    ],
)
def test_each_kind_is_read(load, rule, kind):
    (read,) = load(rule).rules
    assert read.kind == kind


def test_days_early_and_late():
    rule = {"id": "r", "table": "visits", "message": "m"}
    both = Rule(**rule, window={"days": {"M3": 91}, "within": 21})
    apart = Rule(**rule, window={"days": {"M3": 91}, "within": [14, 28]})
    assert (both.window.limits, apart.window.limits) == ((21, 21), (14, 28))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({}, r"the rule r says nothing to hold; a rule has exactly one of window, order, then"),
        ({"required": ["a"], "unique": ["b"]}, r"says required and unique; a rule has exactly one of"),
        ({"then": {"a": 1}}, r"the rule r has then without when: write when: \{COLUMN: VALUE\}"),
        ({"required": []}, "required of the rule r is empty"),
        ({"required": ["a"], "severity": "fatal"}, r"rules\.0\.severity.*'fatal'.*'error', 'query' or 'note'"),
        (
            {"required": ["a"], "table": "visit"},
            r"rules\.0\.table.*'visit'.*'patients', 'visits', 'samples' or 'flares'",
        ),
        ({"required": ["a"], "expectd": "x"}, r"Unknown key rules\.0\.expectd.*did you mean expected\?.*severity"),
        ({"required": ["a"], "message": ""}, r"rules\.0\.message"),
        ({"required": ["a"], "id": "Rule 1"}, r"rules\.0\.id"),
        ({"when": {"a": {"over": 1}}, "required": ["a"]}, r"rules\.0\.when.*a compares with over; allowed are above,"),
        ({"when": {"a": {"missing": "x"}}, "required": ["a"]}, "a: missing is true or false"),
        ({"when": {"a": []}, "required": ["a"]}, "a has an empty list of values"),
        ({"when": {"a": None}, "required": ["a"]}, "a is compared with NoneType; write text, a number, a date"),
        ({"window": {"days": {"M3": 91}, "within": -1}}, r"rules\.0\.window\.within.*days are 0 or more"),
        ({"window": {"days": {}, "within": 1}}, r"rules\.0\.window\.days"),
        ({"window": {"visits": {"M3": 1}, "within": 1}}, r"rules\.0\.window\.days is missing"),
        ({"range": {"column": "c3", "limits": {"g/L": [4, 0.1]}}}, "the limits for g/L are low, then high"),
        ({"exists_in": {"table": "chips", "keys": ["a"]}}, r"rules\.0\.exists_in\.table.*'chips'"),
    ],
)
def test_what_is_refused_with_what_is_allowed(load, rule, message):
    with pytest.raises(PlanError, match=message):
        load(rule)


def test_each_id_stands_once(load):
    with pytest.raises(PlanError, match="each rule id stands once; twice: r"):
        load({"required": ["a"]}, {"required": ["b"]})


def test_a_rule_on_flares_needs_flares(load, tmp_path):
    content = yaml.safe_load((project_root() / "data/synthetic/plan.yml").read_text(encoding="utf-8"))
    tables = {name: table for name, table in content["tables"].items() if name != "flares"}
    with pytest.raises(PlanError, match=r"table of the rule r is flares, and the plan has no tables\.flares"):
        load(
            {"table": "flares", "required": ["onset_date"]},
            tables=tables,
            flare={"definition": "sledai_increase"},
            sensitivity=[],
        )


@pytest.mark.parametrize(
    ("checks", "message"),
    [({"alpha": 0.6}, r"checks\.alpha"), ({"end_digit": ["c3"]}, r"Unknown key checks\.end_digit.*end_digits")],
)
def test_checks_are_checked(load, checks, message):
    with pytest.raises(PlanError, match=message):
        load(checks=checks)


def test_a_cleared_column_has_a_reason_and_a_file(load):
    with pytest.raises(PlanError, match=r"privacy\.not_identifying\.patients\.MOBILE"):
        load(privacy={"not_identifying": {"patients": {"MOBILE": ""}}})
    with pytest.raises(PlanError, match=r"privacy\.not_identifying\.patient names the file 'patient'"):
        load(privacy={"not_identifying": {"patient": {"MOBILE": "moves freely"}}})
