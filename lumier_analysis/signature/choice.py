"""Which signature is locked: the rule of the plan, applied without looking further."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from lumier_analysis.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Choice:
    """What is locked, and why.

    Attributes
    ----------
    kind : {"module_score", "elastic_net"}
    sentence : str
        The decision with its numbers, for the report.
    """

    kind: Literal["module_score", "elastic_net"]
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def choose_signature(
    nested_auc: Estimate, primary_auc: Estimate, *, margin: float, n_genes: int, primary_name: str, obstacle: str = ""
) -> Choice:
    """Lock the elastic net only if its nested AUC exceeds the primary score's by the margin and it is not empty.

    Parameters
    ----------
    nested_auc : Estimate
        Of `nested_cv`.
    primary_auc : Estimate
        Of the pre-specified score on the same rows; it learns nothing, so no cross-validation is needed.
    margin : float
        Least advantage in AUC; written in the plan before the data are seen.
    n_genes : int
        Genes with a coefficient other than 0 in the refit on all rows.
    primary_name : str
        Name of the pre-specified score.
    obstacle : str
        Why the elastic net could not be locked even if it were chosen (`lock_obstacle`); "" if nothing stands against
        it. The rule is applied first, so that the sentence shows what it would have said.
    """
    lock = f"Locked: the pre-specified {primary_name} module score"
    if math.isnan(nested_auc.value):
        return Choice("module_score", f"{lock}; the elastic net could not be assessed ({nested_auc.note}).")
    numbers = f"nested AUC {nested_auc.value:.3f} against {primary_auc.value:.3f} of the {primary_name} score"
    if math.isnan(primary_auc.value):
        return Choice("module_score", f"{lock}; its own AUC is not estimable, so no advantage can be shown.")
    if n_genes == 0:
        return Choice("module_score", f"{lock}; the elastic net selected no gene ({numbers}).")
    gain = nested_auc.value - primary_auc.value
    if gain > margin and obstacle:
        why = f"{numbers}, more than the margin of {margin:g}, but the elastic net cannot be locked: {obstacle}"
        return Choice("module_score", f"{lock}; {why}")
    if gain > margin:
        sentence = f"Locked: the elastic net of {n_genes} genes; {numbers}, more than the margin of {margin:g}."
        return Choice("elastic_net", sentence)
    return Choice("module_score", f"{lock}; {numbers}, a difference of {gain:+.3f} within the margin of {margin:g}.")
