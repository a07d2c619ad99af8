"""Everything the query list is asked beyond reading and deriving: the plan's rules, sex genes, digits, centres."""

from __future__ import annotations

import pandas as pd

from lumier_analysis.cleaning.centres import query_centre_levels, query_centre_rates
from lumier_analysis.cleaning.digits import query_end_digits
from lumier_analysis.cleaning.privacy import free_text_columns
from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.cleaning.query_files import write_queries
from lumier_analysis.cleaning.raw import RawFiles
from lumier_analysis.cleaning.study_rules import query_plan_rules
from lumier_analysis.cleaning.swaps import levels_from_probes, levels_from_reactions, query_swaps, sex_score
from lumier_analysis.errors import RawDataError
from lumier_analysis.readers import detect_scale, to_log2
from lumier_analysis.study import Study
from lumier_analysis.study.plan import Plan

#: Where the query list stands when a rule of severity error stops the run; a failed stage leaves nothing elsewhere.
STOPPED = "run/stopped"


def check_sex(
    raw: RawFiles, samples: pd.DataFrame, patients: pd.DataFrame, plan: Plan, queries: Queries
) -> pd.DataFrame:
    """Hold the samples' sex genes against the recorded sex, where plan and data have both."""
    genes = plan.panel.sex_genes
    if genes is None or "sex" not in patients:
        return samples
    source, wanted = plan.expression, [*genes.female, *genes.male, *plan.panel.reference_genes]
    if source.source == "qpcr":
        levels = levels_from_reactions(raw.content[source.file], wanted, plan.qpcr.limit_of_detection)
    else:
        matrix = raw.content[f"{source.file} (matrix)"]
        scale = detect_scale(matrix.to_numpy()) if source.scale == "auto" else source.scale
        levels = levels_from_probes(to_log2(matrix, scale), raw.content[str(source.annotation)], wanted)
    return query_swaps(samples, patients, sex_score(levels, genes, plan.panel.reference_genes), genes, queries)


def check_tables(tables: dict[str, pd.DataFrame], plan: Plan, queries: Queries) -> None:
    """Apply the plan's rules, and the looks at digits and centres that `checks` of the plan asks for.

    Parameters
    ----------
    tables : dict of DataFrame
        patients, visits, flares, samples: every row that could be read, of analysed patients or not.
    """
    query_plan_rules(plan, tables, queries)
    checks, patients = plan.checks, tables["patients"]
    centres = patients.drop_duplicates("patient_id").set_index("patient_id")["centre"]
    query_end_digits(tables["visits"], centres, checks.end_digits, checks.alpha, queries)
    query_centre_levels(tables["visits"], patients, checks.centre_levels, checks.alpha, queries)
    if checks.centre_queries:
        query_centre_rates(queries.frame(centres), patients, checks.alpha, queries)


def without_free_text(tables: dict[str, pd.DataFrame], plan: Plan, queries: Queries) -> dict[str, pd.DataFrame]:
    """Take free text out of the tables: what a sentence says of whom is unknown, so no report may hold it."""
    kept = {}
    for name, table in tables.items():
        free = [c for c in free_text_columns(plan, name) if c in table]
        for column in free:
            queries.add(
                "free_text_column",
                table.iloc[:1][["source_file"]],
                field=column,
                value="(not shown)",
                expected="keys alone are of type text; codes are of type category",
                action="column kept out of the analysis tables",
                severity="note",
            )
        kept[name] = table.drop(columns=free)
    return kept


def stop_on_errors(study: Study, queries: pd.DataFrame, rules: dict[str, str], shown: pd.Series | None = None) -> None:
    """Stop the run if a rule of severity error found anything; the query list is written first.

    Parameters
    ----------
    study : Study
    queries : DataFrame
        As `Queries.frame` gives it.
    rules : dict
        Rule -> what it finds.
    shown : Series of bool, optional
        Which queries may be written and counted: all, unless outcomes are sealed.

    Raises
    ------
    RawDataError
        Names the rules, counts rows, and says where the list is; no patient is named.
    """
    errors = queries[queries["severity"] == "error"]
    if errors.empty:
        return
    sealed = shown is not None and not bool(shown[errors.index].all())
    if shown is not None:
        queries, errors = queries[shown], errors[shown[errors.index]]
    folder = study.analysis / STOPPED
    write_queries(study, folder, queries, rules)
    counts = errors.groupby("rule", sort=False).size()
    listed = [f"{rule}: {n}" for rule, n in counts.items()]
    listed += ["some on sealed rows of the validation cohort, which are not listed"] if sealed else []
    what = f"{len(counts)} {'rule' if len(counts) == 1 else 'rules'} of severity error found "
    what += f"{len(errors)} {'row' if len(errors) == 1 else 'rows'}, so the run stops"
    own = "; for sealed rows the data manager cleans the study without its seal" if sealed else ""
    raise RawDataError(
        what if len(errors) else "Rules of severity error found rows, so the run stops",
        found="; ".join(listed),
        fix=f"look at data/{study.name}/analysis/{STOPPED}/queries.html, then correct the export, sign the corrections "
        f"in data/{study.name}/corrections.csv, or change the rule's severity in the plan{own}",
    )
