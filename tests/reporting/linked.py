"""What of a report leads nowhere: numbers of its tables and figures without a link, and links without a target."""

from __future__ import annotations

import re
from html.parser import HTMLParser

#: Sections whose tables hold no results: settings as typed in the plan, and the provenance itself.
NOT_RESULTS = ("assumed", "provenance")
#: What stands in a cell for a number, or for one that is not shown.
NUMBER = re.compile(r"\d|\[c\]|<|–|not estimable|not available")
VOID = {"meta", "img", "br", "wbr", "hr", "link", "input"}


class Reader(HTMLParser):
    """Collects the ids of a page, and of each table cell and figure its text outside links and its links."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.cells: list[dict] = []
        self.figures: list[dict] = []
        self.open: list[dict] = []
        self.section = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.ids |= {attributes["id"]} if "id" in attributes else set()
        if tag == "section":
            self.section = attributes.get("id", "")
        if tag in {"td", "th", "figure"}:
            place = {"tag": tag, "class": attributes.get("class", ""), "text": "", "bare": "", "links": [], "link": ""}
            place["section"] = self.section
            (self.figures if tag == "figure" else self.cells).append(place)
            self.open.append(place)
        if tag == "a" and self.open:
            self.open[-1]["link"] = attributes["href"]
            self.open[-1]["links"].append(attributes["href"])

    def handle_endtag(self, tag):
        if tag in {"td", "th", "figure"}:
            self.open.pop()
        if tag == "a" and self.open:
            self.open[-1]["link"] = ""

    def handle_data(self, data):
        if self.open:
            self.open[-1]["text"] += data
            self.open[-1]["bare"] += "" if self.open[-1]["link"] else data


def number_cells(reader: Reader) -> list[dict]:
    """Return the cells with a number, or with what stands for one, of the tables of results and of Table 1."""
    results = [cell for cell in reader.cells if cell["section"] not in NOT_RESULTS]
    body = [cell for cell in results if cell["tag"] == "td" and NUMBER.search(cell["text"])]
    return body + [cell for cell in results if cell["tag"] == "th" and "(n =" in cell["text"]]


def leads_nowhere(html: str) -> list[str]:
    """Say which number of a table and which figure has no link, or one whose target is not in the page."""
    reader = Reader(html)
    found = []
    for cell in number_cells(reader):
        if NUMBER.search(cell["bare"]) or not cell["links"]:
            found.append(f"no link: {cell['text']!r} in {cell['section']}")
    for figure in reader.figures:
        if not any(link.startswith("#figure-") for link in figure["links"]):
            found.append(f"no link: figure {figure['text'].strip()!r}")
    for place in (*number_cells(reader), *reader.figures):
        absent = [link for link in place["links"] if not link.startswith("#") or link[1:] not in reader.ids]
        found += [f"no target: {link}" for link in absent]
    return found
