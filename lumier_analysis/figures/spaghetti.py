"""Courses of a score by group: bands of all patients for a report, one line a patient for the screen alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.pooled import smooth_quantile
from lumier_analysis.figures.style import GREY, INK, MARKERS, PALE, Width, new_figure, styled
from lumier_analysis.study.names import capital, display_name, display_text

#: Stands for a count withheld; the same for every reason.
WITHHELD = "[c]"
#: Mark of a figure that shows single patients (`Figure.get_gid`).
PATIENT_LEVEL = "patient-level"
_QUANTILES = {"q10": 0.1, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q90": 0.9}


def visit_bands(
    rows: pd.DataFrame,
    *,
    x: str = "visit",
    y: str = "score",
    patient: str = "patient_id",
    group: str | None = None,
    order: Sequence[Any] | None = None,
    threshold: int = 5,
) -> pd.DataFrame:
    """Return median, quartiles and deciles of the patients at each visit, in a form that shows none of them.

    Parameters
    ----------
    rows : DataFrame, one row a patient and visit
    x, y, patient : str
        Columns of the visit, the value and the patient.
    group : str, optional
        Column of the group.
    order : sequence, optional
        Visits in order; others are left out. Default the categories, else the order met.
    threshold : int
        Disclosure threshold. A quantile needs as many patients on either side of it.

    Returns
    -------
    DataFrame, one row a group and visit
        group, visit, n_patients (the truth), q10, q25, q50, q75, q90 (Harrell-Davis; NaN where withheld).

    Raises
    ------
    UsageError
        A column or a value is missing, or a patient has two rows at a visit.
    """
    t = _checked(rows, [x, y, patient, *([group] if group else [])], x, y, patient)
    groups = list(dict.fromkeys(t[group])) if group else [None]
    found = []
    for name in groups:
        own = t if name is None else t[t[group] == name]
        for visit in _visits(t, x, order):
            values = own.loc[own[x] == visit, y].to_numpy(dtype=float)
            bands = {q: smooth_quantile(values, p, least=threshold) for q, p in _QUANTILES.items()}
            found.append({"group": "" if name is None else name, "visit": visit, "n_patients": values.size, **bands})
    return pd.DataFrame(found)


@styled
def spaghetti_figure(
    rows: pd.DataFrame,
    *,
    x: str = "visit",
    y: str = "score",
    patient: str = "patient_id",
    group: str | None = None,
    order: Sequence[Any] | None = None,
    threshold: int = 5,
    individual: bool = False,
    ylabel: str = "Score, SD of the reference",
    xlabel: str = "Visit",
    title: str = "",
    note: str = "",
    width: Width = "double",
) -> Figure:
    """Draw the courses of all patients, a panel a group.

    Parameters
    ----------
    rows, x, y, patient, group, order, threshold
        As `visit_bands`.
    individual : bool
        Draw one line a patient. Those are patient data: no label, no day but the visit, visits and groups below the
        threshold left out; still a course of five values with three decimals is a patient's own. For work at the
        screen, never for a report; the figure says so, and bears the mark `PATIENT_LEVEL`.
    ylabel, xlabel, title, note : str

    Raises
    ------
    UsageError
        As `visit_bands`; or no group has enough patients, or there are more groups than markers.

    Notes
    -----
    A group below the threshold is withheld, and all counts with it, which would give its size away.
    """
    bands = visit_bands(rows, x=x, y=y, patient=patient, group=group, order=order, threshold=threshold)
    t = rows.assign(**{"__group__": rows[group] if group else ""})
    sizes = t[t[x].isin(bands["visit"])].groupby("__group__", observed=True)[patient].nunique()
    every = list(dict.fromkeys(bands["group"]))
    shown = [g for g in every if sizes.get(g, 0) >= threshold]
    if not shown:
        raise UsageError(f"Every group has fewer than {threshold} patients", fix="draw all patients in one group")
    if len(shown) > len(MARKERS):
        raise UsageError(f"At most {len(MARKERS)} groups can be told apart", found=f"{len(shown)} groups")
    visits = list(dict.fromkeys(bands["visit"]))
    place = {v: k for k, v in enumerate(visits)}
    hidden = len(every) - len(shown)
    columns = min(len(shown), 2 if width == "single" else 3)
    lines = -(-len(shown) // columns)
    figure = new_figure(width, 24 + 58 * lines, alt="")
    panels = figure.subplots(lines, columns, sharey=True, squeeze=False)
    drawn = 0
    for k, name in enumerate(shown):
        axes = panels.flat[k]
        own = bands[bands["group"] == name]
        at = np.array([place[v] for v in own["visit"]], dtype=float)
        if individual:
            kept = set(own.loc[own["n_patients"] >= threshold, "visit"])
            part = t[(t["__group__"] == name) & t[x].isin(kept)]
            drawn += _lines(axes, part, x, y, patient, place)
        else:
            axes.fill_between(at, own["q10"], own["q90"], color=PALE, lw=0, label="10th to 90th percentile")
            axes.fill_between(at, own["q25"], own["q75"], color="#a3a3a3", lw=0, label="25th to 75th percentile")
        look: dict[str, Any] = {"color": INK, "marker": MARKERS[k], "mfc": "white", "mew": 1.1, "zorder": 4}
        axes.plot(at, own["q50"], lw=1.6, label="Median", **look)
        if group:
            axes.set_title(_group_title(name, group), fontsize=8, fontweight="normal")
        axes.set_xticks(range(len(visits)), [_with_count(v, own, threshold, hidden) for v in visits])
        axes.set_xlim(-0.3, len(visits) - 0.7)
        axes.set_xlabel(xlabel)
        if k % columns == 0:
            axes.set_ylabel(ylabel)
    for axes in list(panels.flat)[len(shown) :]:
        axes.remove()
    notes = [display_text(note)] if note else []
    if hidden:
        which = "One group is" if hidden == 1 else f"{hidden} groups are"
        notes.append(f"{which} not shown: fewer than {threshold} patients. {WITHHELD}: counts withheld.")
    notes.append(f"{drawn} lines, one a patient: patient data, not for a report." if individual else
                 f"A percentile is drawn where at least {threshold} patients lie on either side of it.")  # fmt: skip
    figure.legend(*_legend(panels.flat[0], individual), loc="outside upper right", ncols=2 if width == "single" else 3)
    if title:
        figure.suptitle(title, x=0.02, ha="left", fontsize=8.5, fontweight="bold")
    figure.supxlabel("\n".join(notes), fontsize=6.5, color=GREY, x=0.02, ha="left")
    if individual:
        figure.set_gid(PATIENT_LEVEL)
    what = f"{drawn} single courses and the median" if individual else "median, quartiles and deciles"
    by = f" by {display_name(group)}" if group else ""
    ends = " ".join(_ends(bands[bands["group"] == g], _group_title(g, group) if group else "") for g in shown)
    figure.set_label(display_text(f"{ylabel} over {xlabel.lower()}{by}: {what}. {ends} {' '.join(notes[:-1])}".strip()))
    return figure


def _checked(rows: pd.DataFrame, needed: list[str], x: str, y: str, patient: str) -> pd.DataFrame:
    absent = [c for c in needed if c not in rows]
    if absent or rows.empty:
        raise UsageError("Courses need rows of visits", found=f"no {', '.join(absent) or 'rows'}")
    missing = int(rows[needed].isna().any(axis=1).sum())
    if missing:
        raise UsageError("Courses need whole rows", found=f"{missing} rows with a missing value",
                         fix="rows.dropna(...), and say how many")  # fmt: skip
    twice = int(rows.duplicated([patient, x]).sum())
    if twice:
        raise UsageError("A patient has two rows at a visit", found=f"{twice} rows too many",
                         fix="keep the scheduled visits: rows[rows['scheduled']]")  # fmt: skip
    if not np.isfinite(rows[y].to_numpy(dtype=float)).all():
        raise UsageError("Courses need finite values", found=f"infinite values of {y}")
    return rows


def _visits(t: pd.DataFrame, x: str, order: Sequence[Any] | None) -> list[Any]:
    if order is not None:
        return list(order)
    if isinstance(t[x].dtype, pd.CategoricalDtype):
        return [v for v in t[x].cat.categories if (t[x] == v).any()]
    return list(dict.fromkeys(t[x]))


def _lines(axes, part: pd.DataFrame, x: str, y: str, patient: str, place: dict[Any, int]) -> int:
    """Draw one line a patient, in an order that is not the table's."""
    at = part[x].map(place).astype(float)
    courses = [
        (at[own.index].to_numpy(), own[y].to_numpy(dtype=float)) for _, own in part.assign(at=at).groupby(patient)
    ]
    courses = [(a[np.argsort(a)], v[np.argsort(a)]) for a, v in courses]
    for a, values in sorted(courses, key=lambda course: float(course[1].mean())):
        axes.plot(a, values, color=GREY, lw=0.5, alpha=0.45, marker="." if a.size == 1 else "", ms=2, label="_line")
    return len(courses)


def _group_title(name: object, group: str) -> str:
    shown = ("yes" if name else "no") if isinstance(name, bool | np.bool_) else display_text(str(name))
    # A value that says nothing of itself ("no", "01") is led by what it is a value of.
    return f"{capital(display_name(group))}: {shown}" if shown in ("yes", "no") or shown.isdigit() else shown


def _with_count(visit: Any, own: pd.DataFrame, threshold: int, hidden: int) -> str:
    n = int(own.loc[own["visit"] == visit, "n_patients"].iloc[0])
    count = WITHHELD if hidden else f"<{threshold}" if 0 < n < threshold else f"{n}"
    return f"{display_name(visit)}\nn {count}"


def _legend(axes, individual: bool) -> tuple[list[Any], list[str]]:
    handles, labels = axes.get_legend_handles_labels()
    if individual:
        single = axes.plot([], [], color=GREY, lw=0.5)[0]
        handles, labels = [single, *handles], ["One patient", *labels]
    # The median has another marker in each panel.
    median = axes.plot([], [], color=INK, lw=1.6)[0]
    return [median if label == "Median" else h for h, label in zip(handles, labels, strict=True)], labels


def _ends(own: pd.DataFrame, name: str) -> str:
    known = own.dropna(subset=["q50"])
    lead = f"{name}: " if name else ""
    if known.empty:
        return f"{lead}median withheld."
    first, last = known.iloc[0], known.iloc[-1]
    return f"{lead}median {first['q50']:.2f} at {first['visit']} to {last['q50']:.2f} at {last['visit']}."
