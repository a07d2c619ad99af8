"""YAML in which a key stands once: the standard reader keeps the last of two and says nothing."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import yaml

#: What libyaml accepts in places where PyYAML does not: a tab, and a comment right after the sign of a block.
_DIFFERS = re.compile(r"\t|[|>][+-]?\d?#")


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, refusing a mapping with the same key twice."""


class _QuickLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same over libyaml, ten times as quick, where PyYAML was built with it."""


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: dict[Any, int] = {}
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if isinstance(key, str | int | float | bool) and key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key} stands twice, first on line {seen[key]}", key_node.start_mark
            )
        seen[key] = line
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


for _loader in (_StrictLoader, _QuickLoader):
    _loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load_yaml(text: str) -> Any:
    """Read YAML.

    Parameters
    ----------
    text : str

    Returns
    -------
    dict, list, or a single value

    Raises
    ------
    yaml.YAMLError
        No valid YAML, or a key that stands twice in one mapping; the error carries the line.
    """
    if not _DIFFERS.search(text):
        with suppress(yaml.YAMLError):
            return yaml.load(text, Loader=_QuickLoader)
    return yaml.load(text, Loader=_StrictLoader)  # its words are the same on every machine
