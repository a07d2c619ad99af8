"""Which packages are installed, read quickly: a run asks several times."""

from __future__ import annotations

import importlib.metadata
import re

_FIELD = re.compile(r"^(Name|Version):[ \t]*(.*?)[ \t]*$", re.MULTILINE)


def installed_packages() -> dict[str, str]:
    """Return name -> version of every installed package, as its metadata has them.

    The lines are looked for in the head of the metadata: `importlib.metadata` takes all of it apart, description
    included, once for the name and once for the version, which takes ten times as long.
    """
    found = {}
    for package in importlib.metadata.distributions():
        text = package.read_text("METADATA") or package.read_text("PKG-INFO") or ""
        fields = dict(reversed(_FIELD.findall(text.partition("\n\n")[0])))
        if len(fields) == 2:
            found[fields["Name"]] = fields["Version"]
    return found
