from __future__ import annotations

import json

from lumier_analysis.pipeline.crate import crate_metadata

FILES = {"plan.yml": b"x: 1", "runs/clean.json": b"{}", "report/report.html": b"<p>"}


def metadata(files: dict[str, bytes]) -> str:
    return crate_metadata(
        files,
        dict.fromkeys(files, "0" * 64),
        {"plan.yml": "The plan"},
        {"clean": {"started": "2026-01-02T03:04:05+00:00", "finished": "2026-01-02T03:05:05+00:00"}},
        name="A study", description="One run", licence="by agreement", date="2026-01-02",
        outputs={"clean": ["report/report.html", "not/packed.csv"]},
    )  # fmt: skip


def test_what_a_crate_must_say_of_itself() -> None:
    graph = {entity["@id"]: entity for entity in json.loads(metadata(FILES))["@graph"]}
    root = graph["./"]
    assert {"name", "description", "license", "datePublished"} <= root.keys()
    assert {part["@id"] for part in root["hasPart"]} == set(FILES)
    assert graph["ro-crate-metadata.json"]["conformsTo"]["@id"] == "https://w3id.org/ro/crate/1.2"
    plan = graph["plan.yml"]
    assert (plan["encodingFormat"], plan["contentSize"], plan["description"]) == ("application/yaml", "4", "The plan")
    action = graph["#stage-clean"]
    assert action["result"] == [{"@id": "report/report.html"}] and action["object"] == [{"@id": "runs/clean.json"}]
    assert action["startTime"] < action["endTime"] and action["instrument"] == {"@id": "#lumier-analysis"}


def test_the_same_files_give_the_same_text_in_any_order() -> None:
    assert metadata(FILES) == metadata(dict(reversed(FILES.items())))
