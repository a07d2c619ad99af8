"""What the locked signature file holds: its fields, their types, and the published JSON schema made from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

FORMAT_VERSION: Literal[2] = 2
SCHEMA_TITLE = "Locked signature"

_Strict = ConfigDict(extra="forbid", allow_inf_nan=False)
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Hash = Annotated[str, Field(min_length=64, max_length=64)]


@with_config(_Strict)
class GeneScaling(TypedDict):
    """Frozen mean and standard deviation of a gene, log2."""

    mean: float
    sd: Positive


@with_config(_Strict)
class ModuleMeanRule(TypedDict):
    """A module is the mean of its genes that are there, at least this share of those listed."""

    rule: Literal["module_mean"]
    minimum_fraction: Share


@with_config(_Strict)
class ZeroRule(TypedDict):
    """A missing gene counts as z = 0, up to this share of the genes."""

    rule: Literal["zero"]
    maximum_missing_fraction: Share


@with_config(_Strict)
class CalibrationLine(TypedDict):
    """risk = expit(intercept + slope * score)."""

    intercept: float
    slope: float


@with_config(_Strict)
class MeasurementConstants(TypedDict):
    """Constants between a Ct and an expression, frozen on the chips of the test cohort."""

    limit_of_detection: Annotated[float, Field(gt=0, description="Cycles; later or no Ct counts as this.")]
    reference_levels: Annotated[
        dict[str, float], Field(min_length=1, description="Usual Ct of each reference gene (x log2 E).")
    ]
    calibrator: Annotated[str | None, Field(description="Sample name of the inter-plate calibrator.")]
    calibrator_levels: Annotated[dict[str, float], Field(description="Ct of the calibrator per assay.")]
    efficiencies: Annotated[dict[str, Positive], Field(description="Factor per cycle; 2 for an assay not listed.")]
    no_template_control: str
    maximum_missing_fraction: Annotated[Share, Field(description="Of a sample's panel reactions, untrusted.")]
    not_detected: Annotated[Literal["limit", "impute"], Field(description="What the study did below detection.")]


@with_config(_Strict)
class Vector(TypedDict):
    """A made-up sample and what it must score."""

    expression: Annotated[dict[str, float], Field(description="log2, by gene; a gene left out is missing.")]
    score: float | None
    risk: Share | None
    flag: bool | None


@dataclass(frozen=True)
class SignatureFields:
    """A frozen signature, field by field.

    Attributes
    ----------
    kind : {"module_score", "elastic_net"}
    name : str
    genes : tuple of str
        Genes that carry a weight.
    weights : dict of gene -> float
        Applied to z-scores. Higher score = higher risk.
    intercept : float
    reference_genes : tuple of str
        Genes the expression is relative to.
    scaling : dict of gene -> {"mean", "sd"}
        log2; frozen, for every panel gene that can be scaled.
    scaling_reference : str
        Whose means and standard deviations these are.
    measurement : dict or None
        `MeasurementConstants`; None for an expression matrix, whose signature cannot score a plate.
    missing_gene_rule : dict
        `ModuleMeanRule` or `ZeroRule`.
    modules : dict of module -> list of genes
        As the plan lists them.
    scores : dict of score -> list of modules
        Mean of module scores; `name` is one of them for a module score.
    calibration : dict or None
        `CalibrationLine`: risk = expit(intercept + slope * score).
    threshold : float or None
        Flag: score >= threshold.
    genes_left_out : tuple of str
        Panel genes without a usable scaling.
    plan_hash, data_hash : str
        SHA-256 of the plan and of the derivation data.
    software : str
        Name and version that locked it.
    test_vectors : tuple of dict
        Made-up samples (expression) with the score, risk and flag they must give; no patient's data.
    hashes : dict
        SHA-256 of every field, and of them all ("content").
    format_version : int
    """

    kind: Literal["module_score", "elastic_net"]
    name: str
    genes: Annotated[tuple[str, ...], Field(min_length=1, description="Genes that carry a weight.")]
    weights: Annotated[dict[str, float], Field(description="Of z-scores, by gene. Higher score = higher risk.")]
    intercept: Annotated[float, Field(description="Added to the weighted sum.")]
    reference_genes: Annotated[tuple[str, ...], Field(min_length=1, description="Expression is relative to these.")]
    scaling: Annotated[dict[str, GeneScaling], Field(description="Frozen reference of the z-scores, by gene.")]
    scaling_reference: Annotated[str, Field(description="Whose means and standard deviations these are.")]
    measurement: Annotated[MeasurementConstants | None, Field(description="null for an expression matrix.")]
    missing_gene_rule: ModuleMeanRule | ZeroRule
    modules: Annotated[dict[str, list[str]], Field(description="Genes of each module, as the plan lists them.")]
    scores: Annotated[dict[str, list[str]], Field(description="Modules of each score.")]
    calibration: CalibrationLine | None
    threshold: Annotated[float | None, Field(description="Flag: score >= threshold.")]
    genes_left_out: Annotated[tuple[str, ...], Field(description="Panel genes without a usable scaling.")]
    plan_hash: Annotated[Hash, Field(description="SHA-256 of the plan.")]
    data_hash: Annotated[Hash, Field(description="SHA-256 of the derivation data.")]
    software: Annotated[str, Field(description="Name and version that locked it.")]
    test_vectors: Annotated[tuple[Vector, ...], Field(description="Made-up samples; no patient's data.")] = ()
    hashes: Annotated[
        dict[str, Hash], Field(description="SHA-256 of every field as JSON, and of them all (content).")
    ] = field(default_factory=dict)
    format_version: Literal[2] = FORMAT_VERSION

    __pydantic_config__ = _Strict


_ADAPTER = TypeAdapter(SignatureFields)


def parse_fields(text: str) -> SignatureFields:
    """Return the fields of a JSON text; pydantic's ValidationError where a type or a value is wrong."""
    return _ADAPTER.validate_json(text, strict=True)


def signature_schema() -> dict[str, Any]:
    """Return the JSON schema of the file, as published in docs/locked_signature.schema.json.

    Made from the fields above: `lumier_analysis.study.io.write_json` writes it.
    """
    schema = _ADAPTER.json_schema()
    schema |= {"required": sorted(schema["properties"]), "title": SCHEMA_TITLE}
    schema["description"] = "A blood transcriptomic score, frozen before validation; one JSON file, no code in it."
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema
