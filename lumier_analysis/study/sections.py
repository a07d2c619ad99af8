"""The sections of an analysis plan, key by key."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class Section(BaseModel):
    """A part of the plan: frozen, and closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class StudyInfo(Section):
    """Who and what."""

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str
    registration: str = ""
    synthetic: bool = False
    seed: int = 1
    caution: str = ""


class Privacy(Section):
    """Columns removed at reading, by file; any other direct identifier stops the run.

    `not_identifying` clears a column that only looks like one (file -> column -> why): its name, and content that may
    be telephone or security numbers. E-mail addresses, security numbers with a valid key, persons and birth dates are
    never cleared.
    """

    drop: dict[str, list[str]] = {}
    not_identifying: dict[str, dict[str, Annotated[str, Field(min_length=3)]]] = {}


class Plausible(Section):
    """Limits outside which a value is a query and set missing."""

    low: float
    high: float


class Eligibility(Section):
    """Inclusion and exclusion criteria of the record."""

    minimum_age: float | None = None
    require: list[str] = []
    forbid: list[str] = []
    sledai_max: int | None = 4


class Sledai(Section):
    """Which SLEDAI, and which total where items and total differ."""

    version: str = "SLEDAI-2K"
    total: Literal["items", "entered"] = "items"


class TargetStates(Section):
    """LLDAS and DORIS: whether what a study does not record at all counts as met, or leaves them unjudged."""

    unrecorded_met: bool = True


class Flare(Section):
    """What counts as a flare."""

    definition: Literal["sfi_any", "sfi_severe", "sledai_increase", "adjudicated"] = "sfi_any"
    medication_criteria: bool = True
    serology_items: bool = True
    sledai_increase: int = Field(default=3, ge=1)
    observed: Literal["continuously", "at_visits"] = "continuously"


class Landmarks(Section):
    """Which visits are landmarks, and over which window an event counts."""

    visits: list[str] | Literal["all"] = ["M0", "M3", "M6", "M9"]
    schedule_days: dict[str, int] = {}
    quiescent_sledai_max: int = 4
    require_stable_treatment: bool = False
    horizon: Literal["next_visit", "fixed"] = "next_visit"
    horizon_days: int = Field(default=91, ge=1)
    cap_days: int = Field(default=112, ge=1)
    minimum_gap_days: int = Field(default=1, ge=1)
    recurrent_flares: bool = False
    allow_flare_samples: bool = False
    competing_events: list[Literal["death", "pregnancy"]] = ["death", "pregnancy"]
    treatment_escalation: Literal["ignore", "composite", "censor"] = "ignore"


class Sensitivity(Section):
    """One departure from the plan's rules: the keys it sets, as ``landmarks.cap_days: 91``."""

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str
    set: dict[str, Any]

    @field_validator("set")
    @classmethod
    def _rules_only(cls, changes: dict[str, Any]) -> dict[str, Any]:
        allowed: dict[str, type[Section]] = {"landmarks": Landmarks, "flare": Flare}
        for key in changes:
            section, _, name = key.partition(".")
            if section not in allowed or name not in allowed[section].model_fields:
                raise ValueError(f"{key} cannot be set here; allowed are the keys of landmarks and flare")
        return changes


class Expression(Section):
    """Where gene expression comes from."""

    source: Literal["qpcr", "matrix"]
    file: str
    annotation: str | None = None
    scale: Literal["auto", "log2", "linear"] = "auto"
    floor: float | None = None
    maximum_floor_fraction: float = Field(default=0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _matrix_has_annotation(self) -> Expression:
        if self.source == "matrix" and not self.annotation:
            raise ValueError("a matrix needs annotation: the file that maps probes to genes")
        return self


class Qpcr(Section):
    """Reaction and sample quality, and the way from Ct to expression."""

    limit_of_detection: float = Field(default=25.0, gt=0)
    calibrator: str | None = None
    no_template_control: str = "NTC"
    genomic_dna_assay: str | None = None
    maximum_missing_fraction: float = Field(default=0.2, ge=0, le=1)
    minimum_rin: float | None = None
    maximum_replicate_spread: float = Field(default=0.5, gt=0)
    maximum_chip_shift: float = Field(default=0.5, gt=0)
    control_margin: float = Field(default=5.0, gt=0)
    reference_choice: Literal["fixed", "genorm", "normfinder"] = "fixed"
    maximum_m: float = Field(default=1.0, gt=0)
    maximum_pairwise_variation: float = Field(default=0.15, gt=0)
    efficiency: Literal["doubling", "from_standards"] = "doubling"
    not_detected: Literal["limit", "impute"] = "limit"
    imputations: int = Field(default=20, ge=2)
    miqe: dict[str, str] = {}


class SexGenes(Section):
    """Measured genes that tell the sex of a sample, and whether one that contradicts the record is used meanwhile."""

    female: list[str] = []
    male: list[str] = []
    mismatch: Literal["query", "exclude"] = "query"

    @model_validator(mode="after")
    def _some(self) -> SexGenes:
        if not self.female and not self.male:
            raise ValueError("name at least one gene, as sex_genes: {female: [XIST], male: [RPS4Y1, KDM5D]}")
        return self


class Panel(Section):
    """Genes, modules and the scores made of modules."""

    reference_genes: list[str] = Field(min_length=1)
    modules: dict[str, list[str]]
    other_genes: list[str] = []
    scores: dict[str, list[str]]
    primary_score: str
    sex_genes: SexGenes | None = None

    @model_validator(mode="after")
    def _names_agree(self) -> Panel:
        for score, modules in self.scores.items():
            missing = [m for m in modules if m not in self.modules]
            if missing:
                raise ValueError(f"score {score} names unknown modules {', '.join(missing)}")
        if self.primary_score not in self.scores:
            raise ValueError(f"primary_score {self.primary_score} is none of the scores {', '.join(self.scores)}")
        genes = [g for module in self.modules.values() for g in module]
        twice = sorted({g for g in genes if genes.count(g) > 1})
        if twice:
            raise ValueError(f"each gene belongs to one module; in two: {', '.join(twice)}")
        return self

    @property
    def genes(self) -> list[str]:
        """Every gene that may enter a signature, in the plan's order."""
        return [g for module in self.modules.values() for g in module] + list(self.other_genes)


class ScalingSpec(Section):
    """The frozen reference of the z-scores."""

    reference: Literal["healthy_controls", "quiescent_first_visit"] = "quiescent_first_visit"


class Analysis(Section):
    """One item of the plan, to which every reported number belongs."""

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str
    role: Literal["primary", "secondary", "sensitivity", "exploratory", "descriptive"]


class Inference(Section):
    """Intervals, bootstrap samples of patients, imputations of missing clinical values."""

    level: float = Field(default=0.95, gt=0.5, lt=1)
    interval: Literal["logit", "wald", "percentile"] = "logit"
    bootstrap: int = Field(default=2000, ge=100)
    imputations: int = Field(default=20, ge=2)


class Disclosure(Section):
    """Cells below the threshold are not shown."""

    threshold: int = Field(default=5, ge=1)


class Figures(Section):
    """Files of the figures: what stands beside PNG and SVG, and how many points an inch has."""

    formats: list[Literal["pdf", "tiff"]] = []
    dpi: int = Field(default=300, ge=50, le=1200)
