"""The RO-Crate metadata of an export: what each file is, which stage made it, and from what.

RO-Crate 1.2, profile Process Run Crate 0.5 (https://w3id.org/ro/wfrun/process/0.5): a CreateAction for each stage.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from lumier_analysis import __version__
from lumier_analysis.study.io import json_text

#: Not from the mimetypes module, which reads the table of the machine.
TYPES = {
    ".html": "text/html", ".md": "text/markdown", ".json": "application/json", ".csv": "text/csv",
    ".svg": "image/svg+xml", ".png": "image/png", ".pdf": "application/pdf", ".tiff": "image/tiff",
    ".yml": "application/yaml", ".ipynb": "application/x-ipynb+json", ".txt": "text/plain", ".lock": "text/plain",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}  # fmt: skip
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
SOFTWARE = "#lumier-analysis"


def crate_metadata(
    files: Mapping[str, bytes],
    hashes: Mapping[str, str],
    descriptions: Mapping[str, str],
    records: Mapping[str, Mapping[str, Any]],
    *,
    name: str,
    description: str,
    licence: str,
    date: str,
    outputs: Mapping[str, list[str]],
) -> str:
    """Return ro-crate-metadata.json as text; the same files and records give the same text.

    Parameters
    ----------
    files, hashes, descriptions : mapping
        By path in the crate: content, SHA-256, what it is.
    records : mapping
        Stage -> its run record, without paths and hosts.
    name, description, licence : str
        Of the crate.
    date : str
        ISO 8601; the day the run ended.
    outputs : mapping
        Stage -> its outputs, as paths in the crate.
    """
    from rocrate.model import ContextEntity, SoftwareApplication
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version="1.2")
    crate.name, crate.description, crate.license = name, description, licence
    crate.root_dataset["datePublished"] = date
    profile = {"@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
    crate.root_dataset["conformsTo"] = crate.add(ContextEntity(crate, PROFILE, properties=profile))
    about = {"name": "lumier-analysis", "version": __version__, "softwareVersion": __version__}
    software = crate.add(SoftwareApplication(crate, SOFTWARE, properties=about))
    for path in sorted(files):
        properties = {
            "name": path,
            "description": descriptions.get(path, ""),
            "encodingFormat": TYPES.get(PurePosixPath(path).suffix, "application/octet-stream"),
            "contentSize": str(len(files[path])),
            "sha256": hashes[path],
        }
        # No source: the content is packed elsewhere, the entity alone is wanted here.
        crate.add_file(dest_path=path, properties={k: v for k, v in properties.items() if v})
    actions = [_action(crate, stage, record, outputs.get(stage, []), software) for stage, record in records.items()]
    if actions:
        crate.root_dataset["mentions"] = actions
    graph = crate.metadata.generate()
    return json_text(json.loads(json.dumps(graph)))


def _action(crate: Any, stage: str, record: Mapping[str, Any], outputs: list[str], software: Any) -> Any:
    """Add the CreateAction of a stage: when, by what, what it made; the hashes of its inputs are in its record."""
    from rocrate.model import ContextEntity

    properties = {
        "@type": "CreateAction",
        "name": f"Stage {stage}",
        "description": f"Inputs and their SHA-256: runs/{stage}.json",
        "startTime": record.get("started"),
        "endTime": record.get("finished"),
    }
    action = crate.add(ContextEntity(crate, f"#stage-{stage}", properties={k: v for k, v in properties.items() if v}))
    action["instrument"] = software
    action["object"] = [crate.dereference(f"runs/{stage}.json")]
    made = [entity for path in outputs if (entity := crate.dereference(path)) is not None]
    if made:
        action["result"] = made
    return action
