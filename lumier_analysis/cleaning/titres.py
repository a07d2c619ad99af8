"""Antibody results that mix units, titres (1:40), and titres that a spreadsheet turned into a time of day."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumier_analysis.readers import values

#: Serial dilutions start at 1:10 and double.
_DOUBLINGS = 10.0 * 2.0 ** np.arange(0, 16)
_MINUTES_PER_DAY = 1440


def titre_from_time(fraction: pd.Series) -> pd.Series:
    """Recover the titre that a spreadsheet stored as a fraction of a day.

    Typed ``1:80``, a spreadsheet reads one hour and eighty minutes and stores 140 / 1440 = 0.0972222. Hence titre =
    round(fraction x 1440) - 60; from 1:1380 on the time is a day or more: 1:2560 becomes 43 h 40 min, 1.8194444.
    (GSE65391 holds 40 below a day and three such; its 1:10240 and 1:40960 stayed text.) A result in units cannot be
    mistaken for one: (60 + 10 x 2^k) / 1440 = (6 + 2^k) / 144 is never a finite decimal, since no power of two leaves 3
    modulo 9.

    Parameters
    ----------
    fraction : Series of float
        Values of a results column.

    Returns
    -------
    Series of float
        The titre where the value is a whole number of minutes (to the 1e-6 that spreadsheets print) and the titre is a
        doubling of 10; missing elsewhere, so that a result of 0.25 units is left alone.
    """
    minutes = (fraction * _MINUTES_PER_DAY).round()
    whole = ((fraction * _MINUTES_PER_DAY - minutes).abs() < 1e-3) & (fraction > 0)
    titre = minutes - 60
    return titre.where(whole & titre.isin(_DOUBLINGS))


def to_titre(
    text: pd.Series, decimal: str, missing: list[str], negative: tuple[str, ...] = ("(-)", "neg", "negative", "négatif")
) -> tuple[pd.Series, pd.Series, pd.Series, pd.Series]:
    """Read a column that mixes units, titres and mangled titres.

    Returns
    -------
    value : Series of float
        Results in units; missing where the result is a titre, since the two scales do not compare.
    titre : Series of float
        Reciprocal titre (80 for 1:80), 0 for negative.
    recovered : Series of bool
        Titres recovered from a time of day.
    unreadable : Series of bool
        Neither; to be queried.
    """
    clean = text.str.strip()
    is_negative = clean.str.lower().isin([n.lower() for n in negative])
    written = clean.str.extract(r"^1\s*[:/]\s*(\d+)$", expand=False).astype("Float64").astype("float64")
    rest = clean.mask(is_negative | written.notna(), "")
    number, bad = values.to_number(rest, decimal, [*missing, ""])
    number = pd.Series(number, index=text.index).astype("float64")
    from_time = titre_from_time(number)
    titre = written.fillna(from_time).mask(is_negative, 0.0)
    return number.mask(from_time.notna()), titre, from_time.notna(), pd.Series(bad, index=text.index)
