from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.cleaning.checks import check_sex, check_tables, stop_on_errors, without_free_text
from lumier_analysis.cleaning.queries import RULES, Queries
from lumier_analysis.cleaning.query_files import read_queries
from lumier_analysis.errors import RawDataError
from lumier_analysis.study import load_plan, open_study, project_root
from lumier_analysis.study.rule_sections import Checks
from lumier_analysis.study.sections import SexGenes

PLAN = load_plan(project_root() / "data/synthetic/plan.yml").model_copy(update={"rules": [], "checks": Checks()})
GENES = SexGenes(female=["XIST"], male=["RPS4Y1"], mismatch="exclude")


@pytest.fixture
def cohort():
    """Six men and six women, one tube each; the tubes of p00 and p06 are exchanged."""
    patients = pd.DataFrame({"patient_id": [f"p{i:02d}" for i in range(12)], "sex": ["male"] * 6 + ["female"] * 6})
    samples = pd.DataFrame(
        {
            "sample_id": "T-" + patients["patient_id"],
            "patient_id": patients["patient_id"],
            "qc_pass": True,
            "qc_reason": "",
        }
    )
    female = (patients["sex"] == "female") ^ patients["patient_id"].isin(["p00", "p06"])
    return patients, samples, female.to_numpy()


def test_sex_genes_of_chips(cohort):
    patients, samples, female = cohort
    parts = [
        pd.DataFrame({"sample": samples["sample_id"], "assay": gene, "ct": np.where(there, 10.0, 999.0),
                      "state": np.where(there, "detected", "not detected")})
        for gene, there in (("XIST", female), ("RPS4Y1", ~female))
    ]  # fmt: skip
    plan = PLAN.model_copy(update={"panel": PLAN.panel.model_copy(update={"sex_genes": GENES})})
    queries = Queries()
    judged = check_sex(SimpleNamespace(content={"reactions": pd.concat(parts)}), samples, patients, plan, queries)
    assert judged.loc[~judged["qc_pass"], "sample_id"].tolist() == ["T-p00", "T-p06"]
    assert sorted(queries.frame()["sample_id"]) == ["T-p00", "T-p06"]


def test_sex_genes_of_a_matrix(cohort):
    patients, samples, female = cohort
    matrix = pd.DataFrame(
        [np.where(female, 9.0, 3.3), np.where(female, 3.3, 9.0)], index=["p1", "p2"], columns=samples["sample_id"]
    )
    annotation = pd.DataFrame({"probe": ["p1", "p2"], "gene": ["XIST", "RPS4Y1"]})
    source = PLAN.expression.model_copy(
        update={"source": "matrix", "file": "series", "annotation": "probes", "scale": "log2"}
    )
    panel = PLAN.panel.model_copy(update={"sex_genes": GENES})
    raw = SimpleNamespace(content={"series (matrix)": matrix, "probes": annotation})
    queries = Queries()
    check_sex(raw, samples, patients, PLAN.model_copy(update={"panel": panel, "expression": source}), queries)
    assert sorted(queries.frame()["patient_id"]) == ["p00", "p06"]


def test_a_plan_without_sex_genes_and_a_study_without_sex_are_not_judged(cohort):
    patients, samples, _ = cohort
    assert check_sex(SimpleNamespace(content={}), samples, patients, PLAN, Queries()) is samples
    plan = PLAN.model_copy(update={"panel": PLAN.panel.model_copy(update={"sex_genes": GENES})})
    assert check_sex(SimpleNamespace(content={}), samples, patients.drop(columns="sex"), plan, Queries()) is samples


def test_the_checks_of_the_plan_are_made_and_no_others():
    rng = np.random.default_rng(1)
    patients = pd.DataFrame({"patient_id": [f"p{i:03d}" for i in range(200)], "centre": ["01", "02"] * 100})
    first = patients["centre"] == "01"
    c3 = np.where(first, np.round(rng.normal(1.2, 0.3, 200), 1), np.round(rng.normal(2.4, 0.3, 200), 2))
    tables = {
        "patients": patients,
        "visits": pd.DataFrame({"patient_id": patients["patient_id"], "c3": c3}),
        "flares": pd.DataFrame({"patient_id": []}),
        "samples": pd.DataFrame({"patient_id": []}),
    }
    queries = Queries()
    queries.add("value_implausible", patients[first], field="c3", expected="", action="")
    check_tables(tables, PLAN.model_copy(update={"checks": Checks(centre_queries=False)}), queries)
    assert set(queries.frame()["rule"]) == {"value_implausible"}
    check_tables(tables, PLAN.model_copy(update={"checks": Checks(end_digits=["c3"], centre_levels=["c3"])}), queries)
    notes = queries.frame()[queries.frame()["severity"] == "note"]
    assert notes.groupby("rule")["centre"].agg(set).to_dict() == {
        "end_digit_preference": {"01"},
        "centre_query_rate": {"01"},
        "centre_level": {"01", "02"},  # of two centres, each is out of line with the other
    }


def test_keys_of_type_text_stay():
    table = pd.DataFrame({"patient_id": ["p"], "source_file": ["f.csv"]})
    queries = Queries()
    kept = without_free_text({"visits": table}, PLAN, queries)
    assert list(kept["visits"]) == ["patient_id", "source_file"]
    assert len(queries.frame()) == 0


def test_queries_and_notes_do_not_stop_and_an_error_leaves_its_list(simulated, tmp_path):
    study = open_study(simulated)
    study = type(study)(folder=tmp_path, raw=study.raw, plan=study.plan, root=study.root)
    queries = Queries({"mine": "what must not be"})
    rows = pd.DataFrame({"patient_id": ["01-001"], "visit": ["M0"]})
    queries.add("date_order", rows, field="date", expected="", action="", value="x")
    stop_on_errors(study, queries.frame(), RULES)
    assert not (tmp_path / "analysis").exists()
    queries.add("mine", rows, field="date", expected="", action="", value="x", severity="error")
    with pytest.raises(
        RawDataError, match=r"1 rule of severity error found 1 row, so.*mine: 1.*corrections\.csv"
    ) as caught:
        stop_on_errors(study, queries.frame(), queries.rules)
    assert "01-001" not in str(caught.value)
    listed = read_queries(tmp_path / "analysis" / "run" / "stopped" / "queries.csv")
    assert listed["severity"].tolist() == ["query", "error"]
