import pandas as pd
import pytest
import yaml

from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.cleaning.raw import RawFiles, inclusion_years
from lumier_analysis.errors import PrivacyError
from lumier_analysis.study import load_plan, open_study, project_root

PLAN = load_plan(project_root() / "data/synthetic/plan.yml")
PUBLIC = load_plan(project_root() / "data/gse65391/plan.yml")


def test_inclusion_is_read_where_the_plan_maps_it():
    rows = pd.DataFrame({"DATE_INCLUSION": ["01/01/2017", "01/07/2017", "ND"]})
    home, years, median = inclusion_years(PLAN, {"patients": rows})
    assert (home, median) == ("patients", 2017.25)
    assert years.isna().tolist() == [False, False, True]


def test_without_it_the_latest_column_of_dates_stands_for_it():
    one = pd.DataFrame({"a": ["1980-01-01"] * 3, "b": ["2016-01-01"] * 3, "__row__": [2, 3, 4]})
    assert inclusion_years(PUBLIC, {"series": one}) == ("", None, 2016.0)
    assert inclusion_years(PUBLIC, {"series": one[["a"]]}) == ("", None, None), "one column says nothing of the other"


def change_patients(folder, column, values):
    path = folder / "raw" / "ecrf_patients.csv"
    lines = path.read_bytes().decode("cp1252").split("\r\n")
    lines = [f"{lines[0]};{column}", *(f"{line};{values[i % len(values)]}" for i, line in enumerate(lines[1:-1])), ""]
    path.write_bytes("\r\n".join(lines).encode("cp1252"))


def test_a_column_without_a_telling_name_that_holds_birth_dates_stops_the_run(broken):
    change_patients(broken, "D2", ["18/10/1982", "05/01/1973", "ND"])
    with pytest.raises(PrivacyError, match=r"D2 \(looks like dates of birth: most lie 18 years or more"):
        RawFiles(open_study(broken), Queries())


def test_a_cleared_column_is_kept_and_noted(broken):
    change_patients(broken, "PORTABLE", ["12", "15"])
    with pytest.raises(PrivacyError, match=r"PORTABLE \(by its name\)"):
        RawFiles(open_study(broken), Queries())
    plan = yaml.safe_load((broken / "plan.yml").read_text(encoding="utf-8"))
    plan["privacy"]["not_identifying"] = {"patients": {"PORTABLE": "weight of the portable scale"}}
    (broken / "plan.yml").write_text(yaml.safe_dump(plan, allow_unicode=True), encoding="utf-8")
    queries = Queries()
    raw = RawFiles(open_study(broken), queries)
    assert "PORTABLE" in raw.content["patients"]
    note = queries.frame().set_index("rule").loc["cleared_column"]
    assert note[["severity", "field", "value", "action"]].tolist() == ["note", "PORTABLE", "(not shown)", "column kept"]


def test_an_export_that_cannot_show_its_length_is_a_note():
    reactions = pd.DataFrame({"sample": ["a"]})
    reactions.attrs["length_unproven"] = {"plate.csv": "part of a plate"}
    queries = Queries()
    RawFiles._unproven(reactions, queries)
    RawFiles._unproven(pd.DataFrame({"sample": ["a"]}), queries)
    listed = queries.frame(pd.Series(dtype="str"))
    assert listed[["rule", "severity", "value", "file"]].values.tolist() == [
        ["length_unproven", "note", "part of a plate", "plate.csv"]
    ]
