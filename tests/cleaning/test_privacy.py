import pandas as pd
import pytest

from lumier_analysis.cleaning.privacy import content_identifier, named_identifier, remove_identifiers
from lumier_analysis.errors import PrivacyError


@pytest.mark.parametrize(
    "name", ["NOM", "Prénom", "DATE_NAISSANCE", "nir", "num_ipp", "Tel_Portable", "e-mail", "birthDate", "Last name"]
)
def test_identifying_names_are_known(name):
    assert named_identifier(name)


@pytest.mark.parametrize(
    "name", ["NUM_PATIENT", "ANNEE_NAISSANCE", "CENTRE", "DATE_VISITE", "platform_id", "Monome", "NOMBRE", "title"]
)
def test_study_columns_pass(name):
    assert not named_identifier(name)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("184127645108946", "NIR"),
        ("1 84 12 76 451 089 46", "NIR"),
        ("someone@example.org", "e-mail"),
        ("06 12 34 56 78", "telephone"),
    ],
)
def test_content_gives_identifiers_away(value, kind):
    assert kind in content_identifier(pd.Series(["x", value]))


@pytest.mark.parametrize("value", ["01-003", "12,5", "2018", "999999", "ILMN_1693789", "0.263888889"])
def test_ordinary_values_are_no_identifiers(value):
    assert content_identifier(pd.Series([value])) == ""


def test_listed_columns_are_removed_and_the_others_stay():
    raw = pd.DataFrame({"NOM": ["x"], "SEXE": ["F"]})
    kept, removed = remove_identifiers(raw, "patients", ["NOM"])
    assert list(kept) == ["SEXE"]
    assert removed == ["NOM"]


def test_an_unlisted_identifier_stops_the_run_and_echoes_no_value():
    raw = pd.DataFrame({"NOM": ["Dupont"], "CODE": ["184127645108946"]})
    with pytest.raises(PrivacyError, match=r"NOM.*CODE") as caught:
        remove_identifiers(raw, "patients", [])
    assert "Dupont" not in str(caught.value)
    assert "1841" not in str(caught.value)
    assert "privacy: {drop: {patients: [NOM, CODE]}}" in str(caught.value)
