"""The rules of flare-aligned time: which bin a sample falls into, and why it falls into none."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumier_analysis.cleaning.window import FINAL

#: Bins before the flare, in days, earliest first; then the sample of the flare and that of one month later.
BEFORE = {"183-273 days before": (183, 273), "92-182 days before": (92, 182), "1-91 days before": (1, 91)}
FLARE, AFTER, FLARE_FREE = "flare", "1 month after", "flare-free"
BINS = (*BEFORE, FLARE, AFTER)
#: "1 month after": 30 days after the flare was detected, give or take half a month.
AFTER_DAYS = (15, 45)
#: How long after its detection a visit recorded as a flare's is still that flare's.
_FLARE_VISIT_DAYS = 14

UNDATED = "no usable sample date"
UNDATED_FLARE = "patient with a flare without a date"
BEYOND_END = "after the end of follow-up"
LATE_FLARE = "patient with a flare after the end of follow-up alone"
TOO_EARLY = f"more than {max(high for _, high in BEFORE.values())} days before the flare"
UNSCHEDULED = "unscheduled, before the flare or without one"
UNDER_WAY = "flare under way, not its visit"
RECURRED = "1 month after, but another flare had begun"
LATER = "after the flare, not 1 month after"
NOT_AT_RISK = "at the flare or after it"


def flare_facts(t: pd.DataFrame, flares: pd.DataFrame, ends: pd.DataFrame) -> pd.DataFrame:
    """Return for every row its day and what is known of its patient's first flare and end, as floats and flags."""
    counted = flares[flares["is_flare"].fillna(False).astype(bool)]
    end = ends.drop_duplicates("patient_id").set_index("patient_id")
    final = end["end_reason"].isin(FINAL).fillna(False).astype(bool)
    until = end["end_day"].astype("Float64").where(final)
    dated = counted.dropna(subset=["day"]).sort_values(["patient_id", "day"])
    last_day = dated["patient_id"].map(until).astype("Float64")
    dated = dated[~(dated["day"] > last_day).fillna(False).astype(bool)]
    first = dated.drop_duplicates("patient_id").set_index("patient_id")
    second = dated[dated["patient_id"].duplicated()].drop_duplicates("patient_id").set_index("patient_id")
    patient = t["patient_id"]

    def number(values: pd.Series) -> pd.Series:
        return pd.Series(patient.map(values).to_numpy(dtype=float, na_value=np.nan), index=t.index)

    detection = first["detection_day"].fillna(first["day"])
    # Where the record has the detection before the onset, the flare was there at the onset all the same.
    detection = detection.where(detection >= first["day"], first["day"])
    return pd.DataFrame(
        {
            "day": t["day"].to_numpy(dtype=float, na_value=np.nan),
            "flare": number(first["day"]),
            "detection": number(detection),
            "second": number(second["day"]),
            "onset_known": number(first["onset_day"].notna().astype(float)).fillna(0).astype(bool),
            "until": number(until),
            "undated_flare": patient.isin(counted.loc[counted["day"].isna(), "patient_id"]),
            "any_flare": patient.isin(counted["patient_id"]),
        }
    )


def bins_of(t: pd.DataFrame, f: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return each row's bin, or an empty text and why it has none; `f` as `flare_facts`."""
    scheduled, to_flare = t["scheduled"].astype(bool), f["flare"] - f["day"]
    since = f["day"] - f["detection"]
    has = f["flare"].notna()
    place, reason = pd.Series("", index=t.index, dtype=object), pd.Series("", index=t.index, dtype=object)

    def leave(which: pd.Series, why: str) -> None:
        reason[which & (reason == "") & (place == "")] = why

    leave(f["day"].isna(), UNDATED)
    leave(f["undated_flare"], UNDATED_FLARE)
    leave(f["day"] > f["until"], BEYOND_END)
    leave(f["any_flare"] & ~has, LATE_FLARE)
    leave(~scheduled & ~(has & (to_flare <= 0)), UNSCHEDULED)
    usable = reason == ""
    place[usable & ~has] = FLARE_FREE
    for name, (low, high) in BEFORE.items():
        place[usable & to_flare.between(low, high)] = name
    leave(to_flare > max(high for _, high in BEFORE.values()), TOO_EARLY)

    named = t["visit"].astype(object)
    began = usable & has & (to_flare <= 0)
    own_visit = began & named.eq("flare") & ~scheduled & (since <= _FLARE_VISIT_DAYS)
    nearness = since.abs() + np.where(own_visit, 0.0, 1e6)  # its own visit before any other
    _choose(place, t, began & (own_visit | (since <= 0)), nearness, FLARE)
    leave(began & (since <= 0), UNDER_WAY)
    flare_day = pd.Series(t["patient_id"].map(_days_of(t, f, place == FLARE)).to_numpy(dtype=float), index=t.index)

    month = began & since.between(*AFTER_DAYS) & ~(f["day"] <= flare_day)
    recurred = f["second"] <= f["day"]
    leave(month & recurred, RECURRED)
    after_visit = named.eq("post_flare") & ~scheduled
    _choose(place, t, month & ~recurred, (since - 30).abs() + np.where(after_visit, 0.0, 1e6), AFTER)
    leave(began, LATER)
    return place, reason


def _choose(place: pd.Series, t: pd.DataFrame, which: pd.Series, distance: pd.Series, name: str) -> None:
    """Put the nearest candidate of each patient, not placed yet, into a bin; the later one of two as near."""
    own = pd.DataFrame({"p": t["patient_id"], "d": distance, "day": t["day"].astype("Float64")})
    own = own[which & (place == "")].sort_values(["p", "d", "day"], ascending=[True, True, False], kind="stable")
    place[own.drop_duplicates("p").index] = name


def _days_of(t: pd.DataFrame, f: pd.DataFrame, which: pd.Series) -> pd.Series:
    return pd.Series(f.loc[which, "day"].to_numpy(), index=pd.Index(t.loc[which, "patient_id"]))


def not_at_risk(t: pd.DataFrame, f: pd.DataFrame) -> pd.Series:
    """Return why a row is not at risk, or an empty text."""
    checks = [
        (f["day"].isna(), UNDATED),
        (f["undated_flare"], UNDATED_FLARE),
        (f["day"] > f["until"], BEYOND_END),
        (f["day"] >= f["flare"], NOT_AT_RISK),
        (~t["scheduled"].astype(bool), UNSCHEDULED),
    ]
    words = np.select([c.to_numpy(dtype=bool) for c, _ in checks], [w for _, w in checks], default="")
    return pd.Series(words, index=t.index, dtype=object)
