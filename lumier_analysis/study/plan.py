"""The analysis plan: one YAML file a study, checked key by key.

Everything that differs between studies stands here, in the words of the statistical analysis plan. A key that the
model does not know is an error: a plan must never be silently half read.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError, field_validator, model_validator

from lumier_analysis.errors import PlanError
from lumier_analysis.study.export_sections import FileSpec, Tables
from lumier_analysis.study.learning_sections import Derivation, Validation
from lumier_analysis.study.rule_sections import Checks, Rule
from lumier_analysis.study.sections import (
    Analysis,
    Disclosure,
    Eligibility,
    Expression,
    Figures,
    Flare,
    Inference,
    Landmarks,
    Panel,
    Plausible,
    Privacy,
    Qpcr,
    ScalingSpec,
    Section,
    Sensitivity,
    Sledai,
    StudyInfo,
    TargetStates,
)
from lumier_analysis.study.strict_yaml import load_yaml


class Plan(Section):
    """The analysis plan of one study."""

    study: StudyInfo
    files: dict[str, FileSpec]
    missing_codes: list[str] = ["", "NA"]
    tables: Tables
    privacy: Privacy = Privacy()
    plausible: dict[str, Plausible] = {}
    rules: list[Rule] = []
    checks: Checks = Checks()
    eligibility: Eligibility | None = None
    sledai: Sledai = Sledai()
    target_states: TargetStates = TargetStates()
    flare: Flare = Flare()
    landmarks: Landmarks = Landmarks()
    sensitivity: list[Sensitivity] = []
    expression: Expression
    qpcr: Qpcr = Qpcr()
    panel: Panel
    scaling: ScalingSpec = ScalingSpec()
    derivation: Derivation = Derivation()
    validation: Validation = Validation()
    analyses: list[Analysis]
    inference: Inference = Inference()
    disclosure: Disclosure = Disclosure()
    figures: Figures = Figures()

    def rules_with(self, changes: dict[str, Any]) -> tuple[Landmarks, Flare]:
        """Return the landmark and flare rules with some keys changed, checked like the plan itself."""
        rules = {"landmarks": self.landmarks.model_dump(), "flare": self.flare.model_dump()}
        for key, value in changes.items():
            section, _, name = key.partition(".")
            rules[section][name] = value
        return Landmarks.model_validate(rules["landmarks"]), Flare.model_validate(rules["flare"])

    @field_validator("analyses")
    @classmethod
    def _one_primary(cls, items: list[Analysis]) -> list[Analysis]:
        ids = [a.id for a in items]
        if len(set(ids)) < len(ids):
            raise ValueError("each analysis id stands once")
        if sum(a.role == "primary" for a in items) != 1:
            raise ValueError("exactly one analysis has role primary")
        return items

    @field_validator("rules")
    @classmethod
    def _rule_ids(cls, rules: list[Rule]) -> list[Rule]:
        ids = [rule.id for rule in rules]
        if twice := sorted({i for i in ids if ids.count(i) > 1}):
            raise ValueError(f"each rule id stands once; twice: {', '.join(twice)}")
        return rules

    @field_validator("sensitivity")
    @classmethod
    def _ids_stand_once(cls, items: list[Sensitivity]) -> list[Sensitivity]:
        ids = [s.id for s in items]
        if twice := sorted({i for i in ids if ids.count(i) > 1}):
            raise ValueError(f"each id stands once; twice: {', '.join(twice)}")
        return items

    @model_validator(mode="after")
    def _files_exist_in_plan(self) -> Plan:
        named = {f"tables.{k}.file": t.file for k, t in self.tables if t is not None}
        named["expression.file"] = self.expression.file
        if self.expression.annotation:
            named["expression.annotation"] = self.expression.annotation
        named |= {f"privacy.drop.{k}": k for k in self.privacy.drop}
        named |= {f"privacy.not_identifying.{k}": k for k in self.privacy.not_identifying}
        for key, file in named.items():
            if file not in self.files:
                raise ValueError(f"{key} names the file {file!r}, which is none of files: {', '.join(self.files)}")
        if self.flare.definition != "sledai_increase" and self.tables.flares is None:
            raise ValueError(f"flare.definition {self.flare.definition} needs tables.flares")
        for rule in self.rules:
            for key, table in (("table", rule.table), ("exists_in.table", rule.exists_in and rule.exists_in.table)):
                if table == "flares" and self.tables.flares is None:
                    raise ValueError(f"{key} of the rule {rule.id} is flares, and the plan has no tables.flares")
        return self


def _allowed(model: Any, location: tuple[Any, ...]) -> list[str]:
    """Return the keys allowed at the parent of `location`."""
    for step in location[:-1]:
        if isinstance(step, int) or not (isinstance(model, type) and issubclass(model, BaseModel)):
            continue
        field = model.model_fields.get(str(step))
        if field is None:
            continue
        inner = field.annotation
        candidates = [inner, *(a for arg in get_args(inner) for a in (arg, *get_args(arg)))]
        model = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    return [f.alias or name for name, f in model.model_fields.items()]


def _explain(error: dict[str, Any], path: Path) -> PlanError:
    """Turn one pydantic error into a sentence with key, found and allowed."""
    location = tuple(error["loc"])
    key = ".".join(str(step) for step in location) or "(the whole plan)"
    found = error.get("input")
    shown = f"{type(found).__name__}" if isinstance(found, dict | list) else repr(found)
    where = f"in {path.parent.name}/{path.name}"
    if error["type"] == "extra_forbidden":
        allowed = _allowed(Plan, location)
        near = difflib.get_close_matches(str(location[-1]), allowed, n=1, cutoff=0.5)
        fix = (f"did you mean {near[0]}? " if near else "") + f"Allowed here: {', '.join(allowed)}"
        return PlanError(f"Unknown key {key} {where}", fix=fix)
    if error["type"] == "missing":
        return PlanError(f"The key {key} is missing {where}", fix=f"add {location[-1]}: to the plan")
    return PlanError(
        f"The key {key} {where} cannot be read", found=shown, fix=error["msg"].removeprefix("Value error, ")
    )


def load_plan(path: Path) -> Plan:
    """Read and check a plan.

    Parameters
    ----------
    path : Path
        plan.yml.

    Returns
    -------
    Plan

    Raises
    ------
    PlanError
        No such file, not YAML, or a key that is unknown, missing or out of range; the message names the first such
        key, what was found and what is allowed, and counts the others.
    """
    path = Path(path)
    if not path.is_file():
        raise PlanError(f"No plan at {path.parent.name}/{path.name}", fix="copy data/synthetic/plan.yml and edit it")
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise PlanError(f"{path.name} is not UTF-8 (byte {error.start})", fix="save it as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise PlanError(
            f"{path.parent.name}/{path.name} is not valid YAML at {place}",
            found=str(getattr(error, "problem", "") or "") or None,
            fix="look at the indentation and the quotes there",
        ) from None
    if not isinstance(content, dict):
        raise PlanError(
            f"{path.name} holds no keys", found=type(content).__name__, fix="start from data/synthetic/plan.yml"
        )
    try:
        return Plan.model_validate(content)
    except ValidationError as error:
        first, *others = error.errors()
        explained = _explain(dict(first), path)
        if others:
            keys = ", ".join(".".join(str(s) for s in e["loc"]) or "plan" for e in others[:4])
            raise PlanError(f"{explained} And {len(others)} more ({keys})") from None
        raise explained from None
