from __future__ import annotations

import importlib.metadata

from lumier_analysis.pipeline.installed import installed_packages


def test_names_and_versions_are_those_of_the_standard_library() -> None:
    slow = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
    assert list(installed_packages().items()) == list(slow.items()) and len(slow) > 20
