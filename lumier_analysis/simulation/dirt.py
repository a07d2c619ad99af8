"""Errors planted in the raw files, each on a patient of its own, and the list that says where they are.

Rule names and fields are those of the cleaning's query list, so that the two lists can be compared line by line.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lumier_analysis.errors import UsageError
from lumier_analysis.simulation.chips import N_INLETS, Chip
from lumier_analysis.simulation.course import END_REASONS, Course, Rows
from lumier_analysis.simulation.descriptors import SLEDAI
from lumier_analysis.simulation.ecrf import FRENCH_ITEMS
from lumier_analysis.simulation.population import Patients

#: Errors in a study of 300; smaller studies get proportionally fewer, but one of each.
COUNTS = {
    "duplicate_row": 6, "date_impossible": 6, "date_order": 4, "sledai_total_mismatch": 8, "ineligible": 6,
    "plate_map_mismatch": 3, "patient_in_both_cohorts": 2, "value_implausible": 5,
}  # fmt: skip
COLUMNS = ("rule", "patient_id", "visit", "sample_id", "file", "field", "detail")
IDENTIFYING = {"ecrf_patients.csv": ("NOM", "PRENOM", "DATE_NAISSANCE"), "ecrf_visites.csv": ("COMMENTAIRE",)}
_PATIENTS, _VISITS = "ecrf_patients.csv", "ecrf_visites.csv"
_CRITERIA = ("age", "acr_criteria", "pregnant", "sledai", "treatment_increase", "flare_at_inclusion")
_CHIP_FOLDER = "biomark"


class _Planter:
    """Gives out patients one by one and keeps the list of what was planted."""

    def __init__(self, patients: np.ndarray, n_patients: int, rng: np.random.Generator) -> None:
        self.pool, self.n_patients, self.rng = [str(p) for p in rng.permutation(patients)], n_patients, rng
        self.rows: list[dict[str, str]] = []

    def count(self, rule: str) -> int:
        return max(1, round(COUNTS[rule] * min(self.n_patients, 300) / 300))

    def patients(self, rule: str) -> Iterator[str]:
        for _ in range(self.count(rule)):
            yield self.one()

    def one(self) -> str:
        if not self.pool:
            raise UsageError("Too few patients to plant every kind of error", fix="simulate more patients")
        return self.pool.pop()

    def note(
        self, rule: str, *, file: str, field: str, detail: str, patient: str = "", visit: str = "", sample: str = ""
    ) -> None:
        self.rows.append(dict(zip(COLUMNS, (rule, patient, visit, sample, file, field, detail), strict=True)))


def quiet_patients(patients: Patients, course: Course, rows: Rows) -> np.ndarray:
    """Return the identifiers of patients with no flare and every visit and tube: an error there hides nothing else."""
    tubes = np.bincount(rows.patient[rows.sampled], minlength=len(patients))
    complete = course.attended.all(axis=1) & (tubes == 5) & (course.end_reason == END_REASONS.index("completed"))
    return patients.patient_id[complete & ~np.isfinite(course.detection).any(axis=1)]


def _get(table: pd.DataFrame, row: int, column: str) -> str:
    return str(table.at[row, column])


def _row(table: pd.DataFrame, patient: str, visit: str) -> int:
    return int(table.index[(table["NUM_PATIENT"] == patient) & (table["VISITE"] == visit)][0])


def _plant_visits(visits: pd.DataFrame, planter: _Planter) -> pd.DataFrame:
    """Plant errors in the visits file."""
    rng = planter.rng
    for i, patient in enumerate(planter.patients("date_impossible")):
        visit = str(rng.choice(["M3", "M6", "M9", "M12"]))
        row = _row(visits, patient, visit)
        day, month, year = _get(visits, row, "DATE_VISITE").split("/")
        wrong = f"31/02/{year}" if i % 2 == 0 else f"{day}/{month}/2{year[2]}0{year[3]}"
        planter.note("date_impossible", patient=patient, visit=visit, file=_VISITS, field="date",
                     detail=f"{day}/{month}/{year} typed as {wrong}")  # fmt: skip
        visits.at[row, "DATE_VISITE"] = wrong
    for patient in planter.patients("date_order"):
        visit = str(rng.choice(["M3", "M6"]))
        row = _row(visits, patient, visit)
        day, month, year = _get(visits, row, "DATE_VISITE").split("/")
        # 29 February has no counterpart a year earlier; that would be an impossible date instead.
        wrong = f"{'28' if (day, month) == ('29', '02') else day}/{month}/{int(year) - 1}"
        planter.note("date_order", patient=patient, visit=visit, file=_VISITS, field="date",
                     detail=f"{day}/{month}/{year} typed as {wrong}, before inclusion")  # fmt: skip
        visits.at[row, "DATE_VISITE"] = wrong
    items = list(FRENCH_ITEMS.values())
    for patient in planter.patients("sledai_total_mismatch"):
        visit = str(rng.choice(["M3", "M6", "M9"]))
        row = _row(visits, patient, visit)
        visits.loc[row, items] = visits.loc[row, items].replace("ND", "Non")
        right = sum(w for w, c in zip(SLEDAI.values(), items, strict=True) if visits.at[row, c] == "Oui")
        entered = right + int(rng.choice([-2, 2, 4] if right >= 2 else [1, 2, 4]))
        visits.at[row, "SLEDAI_TOTAL"] = str(entered)
        planter.note("sledai_total_mismatch", patient=patient, visit=visit, file=_VISITS, field="sledai",
                     detail=f"entered {entered}, items sum to {right}")  # fmt: skip
    for patient in planter.patients("value_implausible"):
        visit = str(rng.choice(["M0", "M3", "M6", "M9"]))
        row = _row(visits, patient, visit)
        wrong = str(round(100 * float(rng.uniform(0.7, 1.2))))
        planter.note("value_implausible", patient=patient, visit=visit, file=_VISITS, field="c3",
                     detail=f"C3 {wrong}, in mg/dL instead of g/L")  # fmt: skip
        visits.at[row, "C3"] = wrong
    copies = []
    for patient in planter.patients("duplicate_row"):
        visit = str(rng.choice(["M0", "M3", "M6", "M9", "M12"]))
        copies.append(_row(visits, patient, visit))
        planter.note(
            "duplicate_row", patient=patient, visit=visit, file=_VISITS, field="row", detail="the line stands twice"
        )
    return pd.concat([visits, visits.loc[copies]], ignore_index=True)


def _plant_ineligible(patients: pd.DataFrame, visits: pd.DataFrame, planter: _Planter) -> None:
    """Plant, in place, patients who break one criterion each."""
    flags = {"acr_criteria": ("CRITERES_ACR", "Non"), "pregnant": ("GROSSESSE", "Oui"),
             "treatment_increase": ("AUGM_TTT_3MOIS", "Oui"),
             "flare_at_inclusion": ("POUSSEE_INCLUSION", "Oui")}  # fmt: skip
    for k in range(planter.count("ineligible")):
        criterion = _CRITERIA[k % len(_CRITERIA)]
        # Men are not pregnant: put a man back and take the next patient.
        patient = planter.one()
        while criterion == "pregnant" and patients.loc[patients["NUM_PATIENT"] == patient, "SEXE"].iloc[0] == "H":
            planter.pool.insert(0, patient)
            patient = planter.one()
        row = int(patients.index[patients["NUM_PATIENT"] == patient][0])
        file = _PATIENTS
        if criterion == "age":
            day, month, _ = _get(patients, row, "DATE_NAISSANCE").split("/")
            born = int(_get(patients, row, "DATE_INCLUSION")[-4:]) - 16
            patients.at[row, "ANNEE_NAISSANCE"] = str(born)
            patients.at[row, "ANCIENNETE_LUPUS"] = "2,0"
            patients.at[row, "DATE_NAISSANCE"] = f"{min(int(day), 28):02d}/{month}/{born}"
            detail = "16 years old at inclusion"
        elif criterion == "sledai":
            file = _VISITS
            line = _row(visits, patient, "M0")
            visits.loc[line, list(FRENCH_ITEMS.values())] = "Non"
            visits.loc[line, [FRENCH_ITEMS[i] for i in ("arthritis", "rash")]] = "Oui"
            visits.at[line, "SLEDAI_TOTAL"] = "6"
            detail = "SLEDAI 6 at M0"
        else:
            column, value = flags[criterion]
            patients.at[row, column] = value
            if criterion == "flare_at_inclusion":
                visits.at[_row(visits, patient, "M0"), "POUSSEE_CLINIQUE"] = "Oui"
            detail = f"{column} = {value}"
        planter.note("ineligible", patient=patient, file=file, field=criterion, detail=detail)


def _swap_names(chips: list[Chip], samples: pd.DataFrame, planter: _Planter) -> list[tuple[str, ...]]:
    """Exchange two sample names on a few chips and return the names that each chip's export shows."""
    owner = dict(zip(samples["CODE_TUBE"], samples["NUM_PATIENT"], strict=True))
    visit = dict(zip(samples["CODE_TUBE"], samples["VISITE"], strict=True))
    shown = [list(chip.inlets) for chip in chips]
    left = planter.count("plate_map_mismatch")
    for c in planter.rng.permutation(len(chips)):
        here = sorted({owner[t] for t in chips[c].inlets if t in owner} & set(planter.pool))
        if left == 0:
            break
        if len(here) < 2:
            continue
        pair = [str(p) for p in planter.rng.choice(np.array(here), 2, replace=False)]
        places = [next(i for i in range(N_INLETS) if owner.get(chips[c].inlets[i]) == p) for p in pair]
        for person, place, other in zip(pair, places, places[::-1], strict=True):
            planter.pool.remove(person)
            tube, wrong = chips[c].inlets[place], chips[c].inlets[other]
            shown[c][place] = wrong
            planter.note("plate_map_mismatch", patient=person, visit=visit[tube], sample=tube,
                         file=f"{_CHIP_FOLDER}/{chips[c].name}.csv", field="sample_id",
                         detail=f"inlet S{place + 1:02d} is named {wrong} in the export")  # fmt: skip
        left -= 1
    if left:
        raise UsageError("Too few patients to plant swapped tubes", fix="simulate more patients")
    return [tuple(names) for names in shown]


def plant(
    patients: pd.DataFrame, visits: pd.DataFrame, samples: pd.DataFrame, chips: list[Chip], quiet: np.ndarray,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame, list[tuple[str, ...]], pd.DataFrame]:  # fmt: skip
    """Plant all errors.

    Parameters
    ----------
    patients, visits, samples : DataFrame of text
        Clean raw tables, one row a patient, visit, tube; not changed.
    chips : list of Chip
    quiet : ndarray of str
        Patients who may carry an error (see `quiet_patients`).
    rng : numpy Generator

    Returns
    -------
    patients, visits : DataFrame
        With errors.
    shown : list of tuple of str
        The 96 sample names each chip's export shows.
    truth : DataFrame
        One row a planted error.

    Raises
    ------
    UsageError
        Too few quiet patients to keep the errors apart.
    """
    patients, visits = patients.copy(), visits.copy()
    planter = _Planter(quiet, len(patients), rng)
    shown = _swap_names(chips, samples, planter)
    _plant_ineligible(patients, visits, planter)
    visits = _plant_visits(visits, planter)
    second = []
    for patient in planter.patients("patient_in_both_cohorts"):
        row = patients[patients["NUM_PATIENT"] == patient].copy()
        row["COHORTE"] = "VALIDATION" if row["COHORTE"].iloc[0] == "TEST" else "TEST"
        second.append(row)
        planter.note(
            "patient_in_both_cohorts",
            patient=patient,
            file=_PATIENTS,
            field="cohort",
            detail="listed in TEST and VALIDATION",
        )
    for file, columns in IDENTIFYING.items():
        for column in columns:
            planter.note(
                "identifying_column", file=file, field=column, detail="identifies people; to be removed at reading"
            )
    truth = pd.DataFrame(planter.rows, columns=list(COLUMNS)).sort_values(
        ["rule", "patient_id", "visit", "field"], ignore_index=True
    )
    return pd.concat([patients, *second], ignore_index=True), visits, shown, truth
