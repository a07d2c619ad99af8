"""The gate stops on every kind of identifier, lets innocents through, and repeats no value anywhere."""

import traceback

import pandas as pd
import pytest
import yaml

from lumier_analysis.cleaning import clean_study
from lumier_analysis.cleaning.identifiers import nir_key
from lumier_analysis.cleaning.privacy import (
    content_identifier,
    free_text_columns,
    refuse,
    remove_identifiers,
    scan_columns,
    scan_sample_names,
)
from lumier_analysis.errors import PrivacyError
from lumier_analysis.readers import read_biomark, read_delimited
from lumier_analysis.study import open_study, project_root

NIR = f"1841276451089{nir_key('1841276451089'):02d}"
EXPORTS = project_root().parent / "shared/real/qpcr_exports"


def found(**columns):
    return [(f.column, f.why) for f in scan_columns(pd.DataFrame(columns), "patients", inclusion=2017.0)]


@pytest.mark.parametrize(
    ("column", "values", "why"),
    [
        ("NOM", ["x"], "by its name"),
        ("NOM", [""], "by its name"),
        ("CODE", [NIR], "security numbers"),
        ("CODE", ["someone@example.org"], "e-mail"),
        ("REMARQUE", ["rappeler au 06 12 34 56 78"], "telephone"),
        ("DATE_NAISSANCE", ["18/10/1982"], "full dates, and its name says birth"),
        ("NAISSANCE", ["1982-10-18"], "full dates, and its name says birth"),
        ("D1", ["18/10/1982", "05/01/1973"], "dates of birth"),
        ("INITIALES", ["DUP"], "initials of more than two letters"),
        ("INITIALES", ["D.U.P."], "initials of more than two letters"),
        ("Q12", ["GENET Sophie", "x"], "names of persons"),
    ],
)
def test_what_stops_the_run(column, values, why):
    (only,) = found(**{column: values})
    assert only[0] == column
    assert why in only[1]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("TELEPHONE_APPEL_OK", ["Oui", "Non", ""]),
        ("ENVOI_MAIL", ["1", "0"]),
        ("NOM_CENTRE", ["La Conception", "La Timone"]),
        ("NOMBRE_ARTICULATIONS", ["3", "12"]),
        ("PRENOMBRE", ["3", "12"]),
        ("INITIALES", ["DP", "M-C", ""]),
        ("DATE_NAISSANCE", ["1982", "03/1975"]),
        ("ANNEE_NAISSANCE", ["1982"]),
        ("DATE_DIAGNOSTIC", ["18/10/2008", "05/01/1993", "24/09/2013"]),
        ("REMARQUE", ["non fait", "à jeun", "dose doublée"]),
    ],
)
def test_tricky_innocents(column, values):
    assert found(**{column: values}) == []


def test_a_heading_that_is_a_person_is_called_by_its_position():
    # A file without header line: its first patient would be the heading.
    findings = scan_columns(pd.DataFrame({"01-001": ["01-002"], "Sophie": ["Julien"]}), "patients")
    assert [f.column for f in findings] == ["column 2"]
    with pytest.raises(PrivacyError, match="column 2") as caught:
        refuse(findings)
    assert "Sophie" not in str(caught.value)


def test_listed_columns_are_removed_and_the_others_stay():
    raw = pd.DataFrame({"NOM": ["x"], "SEXE": ["F"]})
    kept, removed = remove_identifiers(raw, "patients", ["NOM"])
    assert list(kept) == ["SEXE"]
    assert removed == ["NOM"]


def test_an_unlisted_identifier_stops_the_run_and_echoes_no_value():
    raw = pd.DataFrame({"NOM": ["Dupont"], "CODE": [NIR]})
    with pytest.raises(PrivacyError, match=r"NOM.*CODE") as caught:
        remove_identifiers(raw, "patients", [])
    text = "".join(traceback.format_exception(caught.value))
    assert "Dupont" not in text
    assert NIR[:6] not in text
    assert "privacy: {drop: {patients: [NOM, CODE]}}" in str(caught.value)


def test_the_plan_clears_what_only_looks_so_and_never_what_is():
    raw = pd.DataFrame({"MOBILE": ["12", "15"], "TUBE": ["0123456789", "0123456790"], "EMAIL": ["a@example.org", ""]})
    cleared = dict.fromkeys(raw.columns, "looked at")
    assert [f.column for f in scan_columns(raw, "patients")] == ["MOBILE", "TUBE", "EMAIL"]
    (left,) = scan_columns(raw, "patients", cleared=cleared)
    assert (left.column, left.clearable) == ("EMAIL", False)
    with pytest.raises(PrivacyError, match=r'not_identifying: \{patients: \{MOBILE: "the reason"\}\}'):
        remove_identifiers(raw, "patients", ["EMAIL"])


def test_several_files_are_named_in_one_message():
    findings = scan_columns(pd.DataFrame({"NOM": ["x"]}), "patients")
    findings += scan_columns(pd.DataFrame({"EMAIL": ["x"]}), "visits")
    with pytest.raises(PrivacyError, match=r"drop: \{patients: \[NOM\], visits: \[EMAIL\]\}"):
        refuse(findings)


@pytest.mark.parametrize("name", ["DUPONT Marie", NIR, "marie@example.org"])
def test_a_person_on_a_tube_stops_the_run(name):
    (only,) = scan_sample_names(pd.Series(["LB100", "NTC", name]), "reactions")
    with pytest.raises(PrivacyError, match=r"sample names.*study codes in the export") as caught:
        refuse([only])
    assert name not in str(caught.value)


def test_a_person_in_a_chip_file_stops_the_run_and_nothing_is_written(broken):
    chip = broken / "raw" / "biomark" / "chip_03.csv"
    text = chip.read_bytes().decode("ascii")
    tube = next(line.split(",")[1] for line in text.splitlines() if line.startswith("S01-"))
    chip.write_bytes(text.replace(f",{tube},", ",DUPONT Marie,").encode("ascii"))
    with pytest.raises(PrivacyError, match="sample names") as caught:
        clean_study(open_study(broken))
    assert "DUPONT" not in "".join(traceback.format_exception(caught.value))
    assert not (broken / "analysis").exists()


def test_an_identifier_in_a_comment_of_one_row_stops_the_run(broken):
    path = broken / "raw" / "ecrf_poussees.csv"
    lines = path.read_bytes().decode("cp1252").split("\r\n")
    lines = [lines[0] + ";NOTE"] + [line + ";" for line in lines[1:] if line]
    lines[7] += "vue avec Mme Genêt"
    path.write_bytes("\r\n".join([*lines, ""]).encode("cp1252"))
    with pytest.raises(PrivacyError, match=r"NOTE \(looks like names of persons\)") as caught:
        clean_study(open_study(broken))
    assert "Gen" not in str(caught.value)


def test_a_value_that_may_identify_is_withheld_from_the_query_list(broken):
    path = broken / "raw" / "ecrf_visites.csv"
    text = path.read_bytes().decode("cp1252").split("\r\n")
    column = text[0].split(";").index("C3")
    row = text[5].split(";")
    row[column] = "selon sophie"  # no title, no capital: the gate lets it pass, and C3 is no number
    text[5] = ";".join(row)
    path.write_bytes("\r\n".join(text).encode("cp1252"))
    study = open_study(broken)
    cleaned = clean_study(study)
    cleaned.write(study)
    asked = cleaned.queries[cleaned.queries["rule"] == "unreadable_value"]
    assert asked["value"].tolist() == ["(withheld: may identify a person)"]
    written = [p.read_bytes() for p in (broken / "analysis").rglob("*") if p.suffix in {".csv", ".html"}]
    assert len(written) > 5
    assert not any(b"sophie" in content for content in written)


def test_free_text_of_the_plan_reaches_no_table(broken):
    plan = yaml.safe_load((broken / "plan.yml").read_text(encoding="utf-8"))
    plan["privacy"]["drop"].pop("visits")
    plan["tables"]["visits"]["columns"]["comment"] = {"from": "COMMENTAIRE", "type": "text"}
    plan["rules"].append(
        {"id": "no_comment", "severity": "note", "table": "visits", "when": {"comment": {"missing": False}},
         "then": {"comment": {"missing": True}}, "message": "a comment"}
    )  # fmt: skip
    (broken / "plan.yml").write_text(yaml.safe_dump(plan, allow_unicode=True), encoding="utf-8")
    raw = read_delimited(broken / "raw" / "ecrf_visites.csv", encoding="cp1252")
    comments = {c for c in raw["COMMENTAIRE"] if len(c) > 8}
    assert len(comments) > 3
    if content_identifier(raw["COMMENTAIRE"]):
        with pytest.raises(PrivacyError, match="COMMENTAIRE"):
            clean_study(open_study(broken))
        return
    study = open_study(broken)
    assert free_text_columns(study.plan, "visits") == ["comment"]
    cleaned = clean_study(study)
    assert "comment" not in cleaned.tables["test"]["visits"]
    assert (cleaned.queries["rule"] == "free_text_column").sum() == 1
    asked = cleaned.queries[cleaned.queries["rule"] == "no_comment"]
    assert len(asked) > 0
    assert set(asked["value"]) == {"(free text, not shown)"}


@pytest.mark.skipif(not (EXPORTS / "BioMark_sample.csv").is_file(), reason="the instrument's example file is not here")
def test_a_real_chip_export_is_innocent():
    assert scan_sample_names(read_biomark(EXPORTS / "BioMark_sample.csv")["sample"], "reactions") == []
