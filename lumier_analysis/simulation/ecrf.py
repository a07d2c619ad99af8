"""The case report form as a French centre exports it: semicolons, decimal commas, cp1252, "Oui" and "Non"."""

from __future__ import annotations

import csv
import io
import unicodedata

import numpy as np
import pandas as pd

from lumier_analysis.simulation.clinic import Findings, Flares
from lumier_analysis.simulation.course import VISITS, Course, Rows
from lumier_analysis.simulation.descriptors import SLEDAI
from lumier_analysis.simulation.population import Patients

FRENCH_VISITS = dict(zip(VISITS, ("M0", "M3", "M6", "M9", "M12", "POUSSEE", "POUSSEE+1M"), strict=True))
FRENCH_ITEMS = dict(
    zip(
        SLEDAI,
        (
            "SL_CONVULSION", "SL_PSYCHOSE", "SL_SD_CEREBRAL", "SL_VISION", "SL_NERF_CRANIEN", "SL_CEPHALEE", "SL_AVC",
            "SL_VASCULARITE", "SL_ARTHRITE", "SL_MYOSITE", "SL_CYLINDRES", "SL_HEMATURIE", "SL_PROTEINURIE",
            "SL_LEUCOCYTURIE", "SL_RASH", "SL_ALOPECIE", "SL_ULCERES", "SL_PLEURESIE", "SL_PERICARDITE",
            "SL_COMPLEMENT", "SL_ANTI_ADN", "SL_FIEVRE", "SL_THROMBOPENIE", "SL_LEUCOPENIE",
        ),
        strict=True,
    )
)  # fmt: skip
FRENCH_CRITERIA = {
    "mild_sledai": "CRM_SLEDAI", "mild_manifestation": "CRM_ATTEINTE", "mild_prednisone": "CRM_PREDNISONE",
    "mild_nsaid_hcq": "CRM_AINS_HCQ", "mild_pga": "CRM_EVA", "severe_sledai": "CRS_SLEDAI",
    "severe_manifestation": "CRS_ATTEINTE", "severe_prednisone": "CRS_PREDNISONE",
    "severe_immunosuppressant": "CRS_IMMUNOSUPPR", "severe_hospitalisation": "CRS_HOSPIT", "severe_pga": "CRS_EVA",
}  # fmt: skip
_ORGANS = ("Articulaire", "Cutanée", "Rénale", "Séreuse", "Hématologique", "Neurologique", "Autre")
_END_REASONS = ("Fin d'étude", "Perdu de vue", "Retrait", "Grossesse", "Décès")
_MISSING = ("", "ND", "NA", "non fait")
#: Invented: surnames are plants, so that nobody takes them for people.
_SURNAMES = (
    "TILLEUL",
    "ÉGLANTIER",
    "BRUYÈRE",
    "GENÊT",
    "AUBÉPINE",
    "CHÊNE-VERT",
    "LAVANDE",
    "MÉLÈZE",
    "NOISETIER",
    "ŒILLET",
)
_WOMEN = ("Hélène", "Zoé", "Aïcha", "Françoise", "Maëlle", "Inès", "Chloé", "Noémie")
_MEN = ("Jérôme", "Loïc", "François", "Mickaël")
_COMMENTS = (
    "RAS", "Fatigue depuis 2 semaines ; pas d'arthralgie", "Œdème des chevilles résolutif", "Contrôle à 3 mois",
    "Patiente vue à l'hôpital de jour", "Arrêt du tabac «\xa0définitif\xa0»", "Vaccin antigrippal fait",
)  # fmt: skip
_DNA_LOW, _DNA_HIGH = 5.0, 400.0


def yes_no(flags: np.ndarray) -> np.ndarray:
    """Return "Oui" and "Non"."""
    return np.where(flags, "Oui", "Non").astype(object)


def decimal_comma(values: np.ndarray, digits: int) -> np.ndarray:
    """Return numbers as text with a decimal comma."""
    return np.array([f"{v:.{digits}f}".replace(".", ",") for v in values], dtype=object)


def french_date(days: np.ndarray) -> np.ndarray:
    """Return datetime64 days as dd/mm/yyyy."""
    return np.array(
        [f"{d.day:02d}/{d.month:02d}/{d.year:04d}" for d in days.astype("datetime64[D]").tolist()], dtype=object
    )


def _lose(column: np.ndarray, share: float, rng: np.random.Generator, codes: tuple[str, ...] = _MISSING) -> np.ndarray:
    """Replace a share of the values by codes for "missing"."""
    return np.where(rng.random(len(column)) < share, rng.choice(np.array(codes, dtype=object), len(column)), column)


def patients_table(patients: Patients, course: Course, rng: np.random.Generator) -> pd.DataFrame:
    """Return ecrf_patients.csv as text, one row a patient, with the identifying columns that must not be there."""
    n = len(patients)
    given = np.where(patients.female, rng.choice(np.array(_WOMEN), n), rng.choice(np.array(_MEN), n))
    yes, no = np.full(n, "Oui", dtype=object), np.full(n, "Non", dtype=object)
    return pd.DataFrame(
        {
            "NUM_PATIENT": patients.patient_id,
            "NOM": rng.choice(np.array(_SURNAMES), n),
            "PRENOM": given,
            "DATE_NAISSANCE": french_date(patients.birth),
            "ANNEE_NAISSANCE": patients.birth.astype("datetime64[Y]").astype(str),
            "SEXE": np.where(patients.female, "F", "H"),
            "CENTRE": [f"{c + 1:02d}" for c in patients.centre],
            "COHORTE": np.where(patients.cohort == "test", "TEST", "VALIDATION"),
            "DATE_INCLUSION": french_date(patients.inclusion),
            "CRITERES_ACR": yes,
            "CONSENTEMENT": yes,
            "GROSSESSE": no,
            "ALLAITEMENT": no,
            "AUGM_TTT_3MOIS": no,
            "POUSSEE_INCLUSION": no,
            "ANCIENNETE_LUPUS": _lose(decimal_comma(patients.duration, 1), 0.01, rng, ("ND",)),
            "ANTCD_NEPHRITE": yes_no(patients.past_nephritis),
            "DATE_SORTIE": french_date(patients.inclusion + course.end_day.astype(int)),
            "MOTIF_SORTIE": np.array(_END_REASONS)[course.end_reason],
        },
        dtype=object,
    )


def visits_table(patients: Patients, rows: Rows, findings: Findings, rng: np.random.Generator) -> pd.DataFrame:
    """Return ecrf_visites.csv as text, one row an attended visit; SLEDAI is complete at M0."""
    n, later = len(rows), rows.visit > 0
    dna = np.array(
        [
            "<5" if v < _DNA_LOW else ">400" if v > _DNA_HIGH else f"{v:.1f}".replace(".", ",")
            for v in findings.anti_dsdna
        ],
        dtype=object,
    )
    items = yes_no(findings.items)
    unknown = np.flatnonzero(later & (rng.random(n) < 0.008))
    column = rng.integers(0, items.shape[1], len(unknown))
    absent = items[unknown, column] == "Non"
    items[unknown[absent], column[absent]] = "ND"
    total = np.array([str(v) for v in findings.sledai], dtype=object)
    total = np.where(later, _lose(total, 0.006, rng, ("ND", "NF")), total)
    comment = np.where(rng.random(n) < 0.25, rng.choice(np.array(_COMMENTS, dtype=object), n), "")
    table = {
        "NUM_PATIENT": patients.patient_id[rows.patient],
        "VISITE": np.array([FRENCH_VISITS[VISITS[v]] for v in rows.visit], dtype=object),
        "DATE_VISITE": french_date(patients.inclusion[rows.patient] + rows.day),
        "SLEDAI_TOTAL": total,
        "EVA_MEDECIN": _lose(decimal_comma(findings.pga, 1), 0.02, rng),
        "POUSSEE_CLINIQUE": yes_no(findings.clinical_flare),
        "PREDNISONE_MG": np.array([f"{v:g}".replace(".", ",") for v in findings.prednisone], dtype=object),
        "HCQ": yes_no(findings.hydroxychloroquine),
        "IMMUNOSUPPRESSEUR": yes_no(findings.immunosuppressant),
        "C3": _lose(decimal_comma(findings.c3, 2), 0.03, rng),
        "C4": _lose(decimal_comma(findings.c4, 2), 0.03, rng),
        "ADN_NATIF": _lose(dna, 0.04, rng),
        "PNN": _lose(decimal_comma(findings.neutrophils, 2), 0.02, rng),
        "LYMPHOCYTES": _lose(decimal_comma(findings.lymphocytes, 2), 0.02, rng),
        **{french: items[:, i] for i, french in enumerate(FRENCH_ITEMS.values())},
        "COMMENTAIRE": comment,
    }
    return pd.DataFrame(table, dtype=object)


def flares_table(patients: Patients, course: Course, flares: Flares, rng: np.random.Generator) -> pd.DataFrame:
    """Return ecrf_poussees.csv as text, one row a recorded flare; the onset is missing where it was not documented."""
    who, k = flares.patient, flares.number
    onset = french_date(patients.inclusion[who] + course.onset[who, k].astype(int))
    onset = np.where(course.documented[who, k], onset, rng.choice(np.array(["", "ND"], dtype=object), len(who)))
    table = {
        "NUM_PATIENT": patients.patient_id[who],
        "NUM_POUSSEE": (k + 1).astype(str),
        "DATE_DEBUT": onset,
        "DATE_CONSTAT": french_date(patients.inclusion[who] + course.detection[who, k].astype(int)),
        "ORGANE": np.array(_ORGANS)[flares.organ],
        **{french: yes_no(flares.criteria[name]) for name, french in FRENCH_CRITERIA.items()},
        "POUSSEE_ADJUDIQUEE": yes_no(flares.adjudicated),
    }
    return pd.DataFrame(table, dtype=object)


def samples_table(patients: Patients, rows: Rows, tubes: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Return biobanque_tubes.csv as text, one row a tube in the order of the sampled visits."""
    kept = np.flatnonzero(rows.sampled)
    rin = np.clip(rng.normal(8.3, 0.5, len(kept)), 6.6, 9.9)
    degraded = rng.random(len(kept)) < 0.012
    rin = np.where(degraded, rng.uniform(4.0, 5.9, len(kept)), rin)
    table = {
        "CODE_TUBE": tubes,
        "NUM_PATIENT": patients.patient_id[rows.patient[kept]],
        "VISITE": np.array([FRENCH_VISITS[VISITS[v]] for v in rows.visit[kept]], dtype=object),
        "DATE_PRELEVEMENT": french_date(patients.inclusion[rows.patient[kept]] + rows.day[kept]),
        "RIN": _lose(decimal_comma(rin, 1), 0.02, rng, ("ND", "")),
    }
    return pd.DataFrame(table, dtype=object)


def with_direct_identifiers(patients: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the patients table with invented social security numbers and e-mail addresses (domain .invalid)."""
    numbers = []
    for i, (sex, born) in enumerate(zip(patients["SEXE"], patients["DATE_NAISSANCE"], strict=True)):
        body = (
            f"{'2' if sex == 'F' else '1'}{born[8:10]}{born[3:5]}99{rng.integers(100, 999)}{rng.integers(1, 999):03d}"
        )
        numbers.append(f"{body}{97 - int(body) % 97:02d}" if i % 2 == 0 else body)
    names = patients["PRENOM"] + "." + patients["NOM"].str.lower().str.replace("œ", "oe")
    plain = [unicodedata.normalize("NFKD", n).encode("ascii", "ignore").decode().lower() for n in names]
    return patients.assign(NIR=numbers, EMAIL=[f"{n}@exemple.invalid" for n in plain])


def french_csv(table: pd.DataFrame) -> bytes:
    """Write a table of text as the data manager's software does: semicolons, quotes where needed, CRLF, cp1252."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=";", lineterminator="\r\n")
    writer.writerow(table.columns)
    writer.writerows(table.to_numpy(dtype=object).tolist())
    return stream.getvalue().encode("cp1252")
