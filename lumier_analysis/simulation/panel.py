"""The 96 assays of the simulated panel, and the constants that turn module levels into Ct.

Module membership: Chaussabel repertoire as used by Chiche et al. 2014 (Arthritis Rheumatol 66:1583); each gene
stands in one module. The same panel is written in the embedded study's plan; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

REFERENCE_GENES: tuple[str, ...] = ("HPRT1", "TBP", "GUSB", "PPIB", "RPLP0", "YWHAZ")

MODULES: dict[str, tuple[str, ...]] = {
    "M1.2": (
        "IFI44", "IFI44L", "IFIT1", "IFIT3", "RSAD2", "HERC5", "EPSTI1", "XAF1", "OAS1", "OAS2", "OAS3", "OASL", "MX1",
        "ISG15", "LY6E", "LAMP3", "OTOF", "RTP4", "SERPING1", "CMPK2", "CXCL10",
    ),
    "M3.4": (
        "STAT1", "STAT2", "IRF7", "IFIH1", "RIGI", "DHX58", "EIF2AK2", "PARP9", "PARP14", "GBP1", "GBP4", "GBP5",
        "ZBP1", "IFI35", "UBE2L6", "LAP3",
    ),
    "M5.12": (
        "IRF9", "ISG20", "NMI", "PSMB9", "TAP1", "SP100", "SP140", "TRIM21", "ADAR", "BST2", "CASP1", "SAMD9",
    ),
    "M5.15": (
        "BPI", "CAMP", "CEACAM6", "CEACAM8", "CTSG", "DEFA4", "ELANE", "LTF", "MMP8", "MPO", "MS4A3", "RETN",
    ),
    "M4.11": ("JCHAIN", "TNFRSF17", "CD38", "TXNDC5", "GLDC", "MZB1"),
    "M2.3": ("ALAS2", "AHSP", "SELENBP1", "SLC4A1"),
    "M4.2": ("S100A12", "MMP9", "IL1R2", "FKBP5"),
    "M4.1": ("IL7R", "CD3E", "CCR7"),
    "M4.10": ("CD79A", "MS4A1", "BANK1"),
    "M3.6": ("PRF1", "GNLY", "KLRF1"),
    "M1.1": ("PPBP", "ITGA2B"),
}  # fmt: skip
MODULE_NAMES: tuple[str, ...] = tuple(MODULES)

#: Interferon-induced genes outside the repertoire; simulated as following M1.2.
OTHER_GENES: tuple[str, ...] = ("IFI27", "SIGLEC1", "USP18")
INTERFERON_MODULES: tuple[str, ...] = ("M1.2", "M3.4", "M5.12")
GENOMIC_DNA = "gDNA"

GENES: tuple[str, ...] = (*REFERENCE_GENES, *(g for genes in MODULES.values() for g in genes), *OTHER_GENES)
#: Assay inlets A01 to A96.
ASSAYS: tuple[str, ...] = (*GENES, GENOMIC_DNA)

#: A gene's constants are part of the assay, not of a study: the same for every seed of a study.
_ASSAY_SEED = 2811094
#: Range of a gene's between-sample SD (log2) and of its correlation with its module level.
_SPREAD: dict[str, tuple[float, float]] = {
    "M1.2": (1.2, 2.0), "M3.4": (0.6, 1.1), "M5.12": (0.45, 0.8), "M5.15": (0.8, 1.5), "M4.11": (0.7, 1.2),
    "M2.3": (0.7, 1.2), "M4.2": (0.6, 1.0), "M4.1": (0.4, 0.7), "M4.10": (0.4, 0.8), "M3.6": (0.5, 0.8),
    "M1.1": (0.4, 0.7),
}  # fmt: skip
_LOADING = {"strong": (0.85, 0.96), "other": (0.75, 0.9)}
_STRONG = ("M1.2", "M3.4", "M5.12", "M5.15", "M4.11")
#: Low-abundance transcripts, some of whose samples lie beyond the limit of detection.
_LOW_ABUNDANCE = {
    "OTOF": 22.8, "CXCL10": 22.0, "LAMP3": 21.0, "GLDC": 24.0, "MS4A3": 23.6, "CTSG": 22.8, "KLRF1": 20.5,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class GeneConstants:
    """Constants of the genes, aligned with `GENES`.

    Attributes
    ----------
    mean_ct : ndarray, shape (n_genes,)
        Mean Ct after pre-amplification at mean sample input; a lower Ct is more RNA.
    spread : ndarray, shape (n_genes,)
        Between-sample SD of log2 expression.
    loading : ndarray, shape (n_genes,)
        Correlation of a gene with its module's level; 0 for reference genes.
    module : ndarray of int, shape (n_genes,)
        Index into `MODULE_NAMES`; -1 for reference genes.
    """

    mean_ct: np.ndarray
    spread: np.ndarray
    loading: np.ndarray
    module: np.ndarray


def gene_constants() -> GeneConstants:
    """Return the constants of the panel's genes; the same at every call."""
    rng = np.random.default_rng(_ASSAY_SEED)
    n = len(GENES)
    mean_ct, spread, loading = rng.uniform(8.0, 18.5, n), np.empty(n), np.zeros(n)
    module = np.full(n, -1)
    owner = {g: m for m, genes in MODULES.items() for g in genes} | dict.fromkeys(OTHER_GENES, "M1.2")
    for i, gene in enumerate(GENES):
        name = owner.get(gene)
        if name is None:
            spread[i] = rng.uniform(0.12, 0.30)
            continue
        module[i] = MODULE_NAMES.index(name)
        spread[i] = rng.uniform(*_SPREAD[name])
        loading[i] = rng.uniform(*_LOADING["strong" if name in _STRONG else "other"])
        mean_ct[i] = _LOW_ABUNDANCE.get(gene, mean_ct[i])
    return GeneConstants(mean_ct, spread, loading, module)
