"""From module levels to Ct: genes that follow their module, RNA input that shifts a sample, noise of the reaction."""

from __future__ import annotations

import numpy as np

from lumier_analysis.simulation.panel import GENES, INTERFERON_MODULES, MODULES, REFERENCE_GENES, gene_constants

LIMIT_OF_DETECTION = 25.0
_INPUT_SD = 0.5
_REACTION_SD = 0.15


def gene_index(genes: tuple[str, ...]) -> np.ndarray:
    """Return the places of genes in `GENES`."""
    place = {g: i for i, g in enumerate(GENES)}
    return np.array([place[g] for g in genes])


def sample_ct(
    levels: np.ndarray, patient: np.ndarray, rng: np.random.Generator, genes: np.ndarray | None = None
) -> np.ndarray:
    """Draw the Ct of genes in samples, before any chip effect and without a limit of detection.

    Parameters
    ----------
    levels : ndarray, shape (n_samples, n_modules)
        Module levels in SD; higher = more RNA.
    patient : ndarray of int, shape (n_samples,)
        Whose sample it is: half of what a gene does beyond its module stays with the patient.
    rng : numpy Generator
    genes : ndarray of int, optional
        Places in `GENES`; default all.

    Returns
    -------
    ndarray, shape (n_samples, n_genes)
        Ct; lower = more RNA.
    """
    constants = gene_constants()
    genes = np.arange(len(GENES)) if genes is None else genes
    module, loading = constants.module[genes], constants.loading[genes]
    follows = np.where(module >= 0, loading, 0.0) * levels[:, np.maximum(module, 0)]
    own = rng.standard_normal((patient.max() + 1, len(genes)))[patient] + rng.standard_normal(
        (len(patient), len(genes))
    )
    log2 = constants.spread[genes] * (follows + np.sqrt((1 - loading**2) / 2) * own)
    shift = rng.normal(0.0, _INPUT_SD, len(patient))
    noise = rng.normal(0.0, _REACTION_SD, log2.shape)
    return constants.mean_ct[genes] - log2 + shift[:, None] + noise


def interferon_score(ct: np.ndarray, genes: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return the measured interferon score: mean over M1.2, M3.4, M5.12 of the mean gene z-score.

    Parameters
    ----------
    ct : ndarray, shape (n_samples, n_genes)
        With the reference genes among them.
    genes : ndarray of int
        Places in `GENES`.
    reference : ndarray of bool, shape (n_samples,)
        Samples whose mean and SD make the z-scores.

    Returns
    -------
    ndarray, shape (n_samples,)
        In SD units; higher = more interferon-induced RNA.
    """
    ct = np.minimum(ct, LIMIT_OF_DETECTION)
    names = [GENES[g] for g in genes]
    is_reference = np.isin(names, REFERENCE_GENES)
    log2 = ct[:, is_reference].mean(axis=1, keepdims=True) - ct
    z = (log2 - log2[reference].mean(axis=0)) / log2[reference].std(axis=0)
    return np.mean([z[:, np.isin(names, MODULES[m])].mean(axis=1) for m in INTERFERON_MODULES], axis=0)
