"""The plan taken apart by key, so that a lock can say which setting moved.

Comments count: the report prints which settings are marked ASSUMED, and the mark stands in a comment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import yaml

#: The part that holds the comments; no key path begins with "#".
COMMENTS = "plan:#"
_COMMENT = re.compile(r"\s*(#.*)$")
_IDENTIFIED = "id"


def _items(node: yaml.Node, loader: yaml.SafeLoader, path: str) -> Iterator[tuple[str, Any, int]]:
    """Yield (key path, value, line from 1) of every setting below a node."""
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode) and node.value:
        for key, child in node.value:
            name = str(loader.construct_object(key, deep=True))
            for inner, value, at in _items(child, loader, f"{path}.{name}" if path else name):
                # A value below its key: the line of the key is the one to look for.
                yield inner, value, key.start_mark.line + 1 if inner == (f"{path}.{name}" if path else name) else at
    elif isinstance(node, yaml.SequenceNode) and (names := _identifiers(node, loader)):
        yield path, names, line
        for name, child in zip(names, node.value, strict=True):
            yield from _items(child, loader, f"{path}[{name}]")
    else:
        yield path, loader.construct_object(node, deep=True), line


def _identifiers(node: yaml.SequenceNode, loader: yaml.SafeLoader) -> list[str]:
    """Return the ids of a list of mappings that each have one of their own; else nothing."""
    names = []
    for child in node.value:
        pairs = child.value if isinstance(child, yaml.MappingNode) else ()
        names += [str(loader.construct_object(v, deep=True)) for k, v in pairs if k.value == _IDENTIFIED]
    return names if len(set(names)) == len(node.value) > 0 else []


@lru_cache(maxsize=2)
def _settings(text: str) -> tuple[tuple[str, Any, int], ...]:
    """Return (key path, value, line from 1) of every setting; kept, as a frozen run asks for them four times."""
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()  # type: ignore[no-untyped-call]
        return tuple(_items(node, loader, "")) if node is not None else ()
    finally:
        loader.dispose()  # type: ignore[no-untyped-call]


@lru_cache(maxsize=2)
def comments(text: str) -> tuple[str, ...]:
    """Return the comments of a YAML text in order; a # inside a value is none."""
    covered: dict[int, float] = {}
    for token in yaml.scan(text):
        start, end = token.start_mark, token.end_mark
        for line in range(start.line, end.line + 1):
            column = end.column if line == end.line else float("inf")
            covered[line] = max(covered.get(line, 0), column)
    found: list[str] = []
    for number, content in enumerate(text.split("\n")):
        column = covered.get(number, 0)
        match = _COMMENT.match(content[int(column) :]) if column != float("inf") else None
        if match:
            found.append(match[1].rstrip())
    return tuple(found)


def plan_parts(text: str) -> dict[str, str]:
    """Return the settings of a plan, ``plan:landmarks.cap_days`` -> value as JSON, and its comments.

    Parameters
    ----------
    text : str
        plan.yml, valid.

    Returns
    -------
    dict
        An entry of a list is named by its id (``plan:analyses[primary].title``); the list itself holds the ids in
        order. Comments are one part of many lines, under `COMMENTS`.
    """
    parts = {
        f"plan:{key}": json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
        for key, value, _ in _settings(text)
    }
    return parts | {COMMENTS: "\n".join(comments(text))}


def key_lines(text: str) -> dict[str, int]:
    """Return the line of each setting, counted from 1, by the names of `plan_parts`."""
    return {f"plan:{key}": line for key, _, line in _settings(text)}
