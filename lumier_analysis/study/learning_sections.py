"""The sections of the plan on derivation and validation: what is learned on one cohort, and judged on the other."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from lumier_analysis.study.sections import Section


class ThresholdRule(Section):
    """How the classification threshold is chosen on the test cohort."""

    rule: Literal["sensitivity", "youden"] = "sensitivity"
    target: float = Field(default=0.80, gt=0, lt=1)


class StabilityRule(Section):
    """Stability selection: complementary pairs of halves, genes a half selects, and the share that counts as stable."""

    pairs: int = Field(default=50, ge=1)
    selected: int = Field(default=10, ge=1)
    alpha: float = Field(default=0.5, gt=0, le=1)
    threshold: float = Field(default=0.75, gt=0.5, le=1)


class Derivation(Section):
    """Derivation on the test cohort.

    `features` are the candidate columns of the elastic net; `clinical` names the covariates among them.
    `reference_candidates` are measured genes of which each training set chooses `reference_number` by geNorm;
    `screen` keeps so many columns in each training set. Centres below `centre_minimum_events` event patients are left
    out together.
    """

    comparators: list[str] = []
    lower_is_risk: list[str] = []
    features: list[Literal["genes", "modules", "genes_change", "modules_change", "clinical"]] = Field(
        default=["genes"], min_length=1
    )
    clinical: list[str] = []
    reference_candidates: list[str] = []
    reference_number: int = Field(default=3, ge=2)
    screen: int | None = Field(default=None, ge=1)
    balance_centres: bool = False
    centre_minimum_events: int = Field(default=5, ge=1)
    outer_folds: int = Field(default=10, ge=2)
    inner_folds: int = Field(default=10, ge=2)
    repeats: int = Field(default=1, ge=1)
    alphas: list[Annotated[float, Field(gt=0, le=1)]] = [0.2, 0.5, 1.0]
    n_lambdas: int = Field(default=100, ge=2)
    tuning: Literal["one_standard_error", "minimum"] = "one_standard_error"
    choice_margin: float = 0.05
    threshold: ThresholdRule = ThresholdRule()
    clinical_model: list[str] = Field(default=[], max_length=5)
    bootstrap: int = Field(default=200, ge=2)
    expected_auc: float = Field(default=0.70, gt=0.5, lt=1)
    stability: StabilityRule = StabilityRule()

    @model_validator(mode="after")
    def _features_have_what_they_need(self) -> Derivation:
        if ("clinical" in self.features) != bool(self.clinical):
            raise ValueError("features: clinical and a list of derivation.clinical columns go together")
        if self.reference_candidates and len(self.reference_candidates) < max(3, self.reference_number):
            raise ValueError("reference_candidates must number at least three, and no fewer than reference_number")
        return self


class Validation(Section):
    """Parts of the validation cohort that are looked at on their own.

    `subgroups`: a column of the landmark rows (visit, sex, a covariate) -> the limits between its groups, low side
    first; none for a column of categories. `flare_kinds`: columns of the flares, as severity or organ.
    """

    centre_minimum_flares: int = Field(default=5, ge=1)
    subgroups: dict[str, list[float]] = {}
    flare_kinds: list[str] = []

    @field_validator("subgroups")
    @classmethod
    def _limits_rise(cls, subgroups: dict[str, list[float]]) -> dict[str, list[float]]:
        for name, limits in subgroups.items():
            if any(a >= b for a, b in pairwise(limits)):
                raise ValueError(f"the limits of {name} must rise")
        return subgroups
