"""What a model is offered: genes, modules, changes from the first sample, clinical columns, as the plan lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lumier_analysis.errors import UsageError

Part = Literal["genes", "modules", "genes_change", "modules_change", "clinical"]
PARTS: tuple[Part, ...] = ("genes", "modules", "genes_change", "modules_change", "clinical")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How columns are made; the features hold genes, then (for a change) first-sample genes, then clinical columns.

    Attributes
    ----------
    genes : tuple of str
        Names of the gene columns, in the order of the features.
    parts : tuple of str
        What the model is offered, of `PARTS`. A change is the value minus the one of the patient's first sample.
    modules : mapping of str to tuple of str
        Genes of each module; a module's value is the mean z-score of its genes, against the training rows.
    clinical : tuple of str
        Names of the clinical columns.
    references : tuple of str
        Gene columns among which reference genes are chosen by geNorm in the training rows; their mean is subtracted
        from the others, and they are not offered themselves. Empty: expression is taken as it comes.
    n_references : int
        How many are chosen.
    screen : int, optional
        Columns that the model is offered, those most associated with the outcome in the training rows.
    """

    genes: tuple[str, ...]
    parts: tuple[Part, ...] = ("genes",)
    modules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    clinical: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    n_references: int = 3
    screen: int | None = None

    def __post_init__(self) -> None:
        unknown = [p for p in self.parts if p not in PARTS]
        if unknown or not self.parts:
            raise UsageError("unknown candidate features", found=", ".join(unknown) or "none", fix=", ".join(PARTS))
        absent = [g for g in self.references if g not in self.genes]
        if absent:
            raise UsageError("candidate reference genes are not in the data", found=", ".join(absent))
        if self.references and not 2 <= self.n_references <= len(self.references):
            raise UsageError(
                "reference genes to choose must number 2 to all of the candidates",
                found=f"{self.n_references} of {len(self.references)}",
            )
        if self.references and len(self.references) < 3:
            raise UsageError("geNorm chooses among three candidates or more", found=", ".join(self.references))
        if self.screen is not None and self.screen < 1:
            raise UsageError("screening must leave at least one column", found=str(self.screen))
        empty = [m for m, genes in self.modules.items() if not set(genes) & set(self.offered)]
        if self.uses_modules and (empty or not self.modules):
            raise UsageError("modules have no measured gene", found=", ".join(empty) or "no module named")
        if "clinical" in self.parts and not self.clinical:
            raise UsageError("clinical columns are asked for, and none is named")

    @property
    def offered(self) -> tuple[str, ...]:
        """Genes that are not candidate references."""
        return tuple(g for g in self.genes if g not in self.references)

    @property
    def uses_modules(self) -> bool:
        """Whether module scores are computed."""
        return bool({"modules", "modules_change"} & set(self.parts))

    @property
    def has_baseline(self) -> bool:
        """Whether the features hold the genes of the first sample as well."""
        return bool({"genes_change", "modules_change"} & set(self.parts))

    @property
    def n_features(self) -> int:
        """Columns of the features."""
        return len(self.genes) * (2 if self.has_baseline else 1) + len(self.clinical)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns the model is offered."""
        return tuple(name for part in self.parts for name in self._named(part))

    @property
    def part_of_columns(self) -> tuple[Part, ...]:
        """The part each of `columns` belongs to."""
        return tuple(part for part in self.parts for _ in self._named(part))

    def _named(self, part: Part) -> tuple[str, ...]:
        names = {
            "genes": self.offered,
            "modules": tuple(self.modules),
            "genes_change": tuple(f"{g}_change" for g in self.offered),
            "modules_change": tuple(f"{m}_change" for m in self.modules),
            "clinical": self.clinical,
        }
        return names[part]
