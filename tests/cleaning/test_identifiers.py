import pandas as pd
import pytest

from lumier_analysis.cleaning.identifiers import (
    content_kinds,
    looks_identifying,
    named_identifier,
    nir_key,
    only_partial_dates,
    only_yes_no,
)


def kinds(*values, **options):
    return {kind.name for kind in content_kinds(pd.Series(values), **options)}


def valid_nir(number):
    return f"{number}{nir_key(number):02d}"


@pytest.mark.parametrize(
    "name",
    [
        "NOM", "Prénom", "DATE_NAISSANCE", "DateNaissance", "NAISSANCE", "DDN", "NE_LE", "DT_NAISS", "nir", "num_ipp",
        "NIP", "NUM_SECU", "Numéro de sécurité sociale", "Tel_Portable", "TELEPHONE", "e-mail", "ADRESSE_MAIL",
        "courriel",
        "ADRESSE", "Code postal", "RUE", "birthDate", "date_of_birth", "Last name", "first_name", "PatientName",
        "surname",
        "NOMPATIENT", "NOM_JEUNE_FILLE", "NOM_PATIENT_CENTRE", "NOM_MEDECIN", "MRN", "phoneNumber", "NUMTEL", "zip",
    ],
)  # fmt: skip
def test_column_names_that_name_an_identifier(name):
    assert named_identifier(name)


@pytest.mark.parametrize(
    "name",
    [
        "NUM_PATIENT", "ANNEE_NAISSANCE", "MOIS_ANNEE_NAISSANCE", "birth_weight", "PAYS_NAISSANCE", "CENTRE",
        "NOM_CENTRE",
        "NOM_MEDICAMENT", "drug_name", "gene_name", "redcap_event_name", "FILE_NAME", "Sample Name",
        "NOMBRE_ARTICULATIONS",
        "PRENOMBRE", "NOMBRE", "Monome", "NOMENCLATURE", "DATE_VISITE", "platform_id", "title", "TELOMERE", "MAILLE",
        "ADRESSAGE", "phonation", "NIRVANA", "IPPS", "RUETTE", "TRUE_NEG", "MOBILITE",
    ],
)  # fmt: skip
def test_innocent_column_names(name):
    assert not named_identifier(name)


def test_the_key_of_a_security_number():
    assert nir_key("1841276451089") == 46
    # Corsica: 2A counts as 19, 2B as 18.
    assert nir_key("255082A045873") == 97 - 2550819045873 % 97
    assert nir_key("255082B045873") == 97 - 2550818045873 % 97


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (valid_nir("1841276451089"), "social security numbers (NIR)"),
        (valid_nir("255082A045873"), "social security numbers (NIR)"),
        ("1 84 12 76 451 089 46", "social security numbers (NIR)"),
        ("vue ce jour, 1 84 12 76 451 089", "social security numbers (NIR)"),
        ("1841276451089", "NIR without key"),
        ("someone@example.org", "e-mail addresses"),
        ("écrire à someone@example.org svp", "e-mail addresses"),
        ("06 12 34 56 78", "telephone numbers"),
        ("rappeler au 06.12.34.56.78", "telephone numbers"),
        ("+33 6 12 34 56 78", "telephone numbers"),
        ("+41791234567", "telephone numbers"),
        ("0612345678", "telephone numbers without separators"),
        ("12 rue des Lilas", "postal addresses"),
        ("3 bis avenue Foch 13005", "postal addresses"),
        ("14 Baker Street", "postal addresses"),
        ("vu par le Dr Martin", "names of persons"),
        ("Mme Genêt va mieux", "names of persons"),
        ("M. NOISETIER", "names of persons"),
        ("GENET Sophie", "names of persons"),
        ("Sophie Genêt", "names of persons"),
        ("née le 12/03/1980", "dates of birth"),
    ],
)
def test_content_that_identifies(value, kind):
    assert kind in kinds("x", value)


@pytest.mark.parametrize(
    "value",
    [
        "01-003", "12,5", "2018", "999999", "ILMN_1693789", "0.263888889", "0,1234567890", "LB107252", "12/03/2018",
        "2018-03-12 10:30", "1:640", "<5", ">400", "1 cp matin et soir", "3 cours", "rituximab", "non fait",
        "en attente",
        "Saint Louis", "Hopital Saint Joseph", "PLAQUENIL 200", "Non Fait", "Perdu de vue", "1.234.567", "10 mg/j",
        "182109949588400",
    ],
)  # fmt: skip
def test_ordinary_values(value):
    assert kinds(value) == set()


def test_a_wrong_key_is_no_security_number_and_barcodes_are_none():
    right = valid_nir("1841276451089")
    wrong = right[:13] + f"{(int(right[13:]) + 1) % 97:02d}"
    assert kinds(wrong) == set()
    # Codes of the same shape: one key in 97 is right by chance, which proves nothing.
    codes = [f"18412{number:08d}{key:02d}" for number, key in zip(range(1000, 1970), range(970), strict=True)]
    codes = [c[:13] + f"{int(c[13:]) % 97:02d}" for c in codes]
    assert any(int(c[13:]) == nir_key(c[:13]) for c in codes), "the case holds keys that are right by chance"
    assert kinds(*codes) == set()


def test_thirteen_digit_codes_are_not_numbers_without_key():
    codes = [str(number) for number in range(15 * 10**11, 159 * 10**10, 10**9)]  # times in milliseconds
    assert kinds(*codes) == set()


def test_a_code_list_may_hold_a_name_and_a_column_of_names_may_not():
    hospitals = ["Marie Lannelongue", "La Conception"] * 30
    assert kinds(*hospitals) == set()
    assert "names of persons" in kinds("Marie Lannelongue", "x")
    assert "given names" in kinds("Sophie", "Julien", "Camille", "Nadia")
    assert kinds("Articulaire", "Cutanée", "Rénale") == set()


@pytest.mark.parametrize("name", ["DUPONT Marie", "dupont_marie_M0", "Sophie-12", "MARTIN.Julien.2"])
def test_a_sample_name_that_holds_a_given_name(name):
    assert "names of persons" in kinds("LB100", name, sample_names=True)


@pytest.mark.parametrize(
    "name", ["NTC", "IPC", "Pool 1", "preamp 1:10", "01-001 M0", "Std", "HC-12", "St Louis 4", "gDNA"]
)
def test_innocent_sample_names(name):
    assert kinds(name, sample_names=True) == set()


@pytest.mark.parametrize("value", ["someone@example.org", "Sophie Genêt", "arrêt demandé par Sophie", "0612345678"])
def test_what_is_not_repeated(value):
    assert looks_identifying(value)


@pytest.mark.parametrize("value", ["102", "31/02/2018", "<5", "non fait", "POUSSEE+1M", "12 mg"])
def test_what_is_repeated(value):
    assert not looks_identifying(value)


def test_flags_and_partial_dates_identify_no_one():
    assert only_yes_no(pd.Series(["Oui", "Non", ""]))
    assert not only_yes_no(pd.Series(["Oui", "06"]))
    assert not only_yes_no(pd.Series(["", ""]))
    assert only_partial_dates(pd.Series(["1982", "03/1975", "UK/1990"]))
    assert not only_partial_dates(pd.Series(["1982", "18/10/1982"]))
