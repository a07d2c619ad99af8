"""Pages: one template environment for all of them."""

from __future__ import annotations

from typing import Any

from lumier_analysis.reporting.anchors import breakable, cell_anchor, figure_anchor, number_anchor


def render(template: str, **values: Any) -> str:
    """Return a template of this room filled in: HTML escapes what it is given, Markdown does not."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # here, as every stage imports this room

    environment = Environment(
        loader=PackageLoader("lumier_analysis.reporting", "templates"),
        autoescape=template.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"breakable": breakable, "number_anchor": number_anchor, "figure_anchor": figure_anchor}
    environment.globals["cell_anchor"] = cell_anchor
    return environment.get_template(template).render(**values)
