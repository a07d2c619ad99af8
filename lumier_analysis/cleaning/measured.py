"""Expression of samples and what is known of its quality, as the cleaning hands it on."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from lumier_analysis.cleaning.qpcr_quality import QpcrQuality
from lumier_analysis.qpcr import FrozenMeasurement, PrincipalComponents, ReferenceChoice


@dataclass(frozen=True, slots=True)
class Measured:
    """Expression of every sample and what is known of its quality.

    Attributes
    ----------
    log2 : DataFrame, shape (n_samples, n_genes)
        log2 expression relative to the reference genes; higher is more RNA; NaN is untrusted.
    failed : Series of str, indexed by sample
        Why a sample fails; empty if it passes.
    chips : DataFrame
        One row a chip; empty where there are none.
    notes : dict of str to int
        Counts for the data-quality table.
    references : ReferenceChoice or None
        The reference genes, how they were chosen, and how stable the candidates are in the test cohort.
    reference_log2 : DataFrame or None
        Samples x candidate reference genes, log2 (-Ct, calibrated), before normalisation; NaN where not usable.
    components : PrincipalComponents or None
        Of the samples that pass; None where there are too few.
    quality : QpcrQuality or None
        Of a qPCR run; None for a matrix.
    miqe : DataFrame or None
        What is known and what is missing, see `miqe_table`.
    frozen : FrozenMeasurement or None
        What a later plate needs to be measured alike, from the test cohort alone; None for a matrix.
    """

    log2: pd.DataFrame
    failed: pd.Series
    chips: pd.DataFrame
    notes: dict[str, int]
    references: ReferenceChoice | None = None
    reference_log2: pd.DataFrame | None = None
    components: PrincipalComponents | None = None
    quality: QpcrQuality | None = None
    miqe: pd.DataFrame | None = None
    frozen: FrozenMeasurement | None = None
