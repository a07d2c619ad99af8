"""Instrument exports that the tests write, from what is known of the formats; nothing is copied from real files."""

from __future__ import annotations

import csv
import io
import random
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import openpyxl

INFO = [
    "Application Version,4.0.1",
    "Application Build,20130423.0820",
    "Export Type,Table Results",
    "Quality Threshold,0.65",
    "Baseline Correction Method,Linear (Derivative)",
    "Ct Threshold Method,Auto (Global)",
    "",
    "",
]
GENERATIONS = {
    "v2": (
        "Chip Run Filename,R:\\ChipRun.bml",
        ["Experiment Information"] * 6 + ["FAM-MGB"] * 4,
        ["Chamber", "Sample", "Sample", "Sample", "FAM-MGB", "FAM-MGB", "Ct", "Ct", "Ct", "Ct"],
        ["ID", "Name", "Type", "rConc", "Name", "Type", "Value", "Quality", "Call", "Threshold"],
    ),
    "v4.0": (
        "Chip Run Info,D:\\ChipRun.bml,1131312108,{n}.{n} (113x),GE {n}x{n} Standard v1,ROX,FAM-MGB,8/26/2014",
        ["Experiment Information"] * 6 + ["FAM-MGB"] * 4 + ["User"],
        ["Chamber", "Sample", "Sample", "Sample", "FAM-MGB", "FAM-MGB", "Ct", "Ct", "Ct", "Ct", "Defined"],
        ["ID", "Name", "Type", "rConc", "Name", "Type", "Value", "Quality", "Call", "Threshold", "Comments"],
    ),
    "v4.1": (
        "Chip Run Info,C:\\ChipRun.bml,1361995085,{n}.{n} (136x),GE {n}x{n} Fast PCR+Melt v2,ROX,EvaGreen,2014-08-15",
        ["Experiment Information"] * 6 + ["EvaGreen"] * 7 + ["User"],
        ["Chamber", "Sample", "Sample", "Sample", "EvaGreen", "EvaGreen"] + ["Ct"] * 4 + ["Tm"] * 3 + ["Defined"],
        [
            *["ID", "Name", "Type", "rConc", "Name", "Type", "Value", "Quality", "Call", "Threshold"],
            *["In Range", "Out Range", "Peak Ratio", "Comments"],
        ],
    ),
}


def chip_lines(generation: str = "v4.0", n: int = 48) -> list[str]:
    """Write a chip: chamber s, a has Ct 10 + s / 10 + a / 100; S01-A01 is not detected, S01-A02 untrusted."""
    first, *header = GENERATIONS[generation]
    lines = [first.format(n=n), *INFO, *(",".join(h) for h in header)]
    extra = len(header[0]) - 10
    for s in range(n, 0, -1):
        for a in range(1, n + 1):
            ct, quality, call = f"{10 + s / 10 + a / 100:.2f}", "0.9", "Pass"
            if (s, a) == (1, 1):
                ct, quality, call = "999", "0", "Fail"
            if (s, a) == (1, 2):
                quality, call = "0.5", "Fail"
            kind = "NTC" if s == n else "Unknown"
            fields = [f"S{s:02d}-A{a:02d}", f"T{s:03d}", kind, "1", f"GENE{a}", "Test", ct, quality, call, "0.05"]
            lines.append(",".join(fields + ["x"] * extra))
    return lines


@dataclass(frozen=True)
class Export:
    """A text export that a test wrote: lines above the table, stacked header lines, rows, lines below."""

    headers: list[list[str]]
    rows: list[list[str]]
    above: list[list[str]] = field(default_factory=list)
    below: list[list[str]] = field(default_factory=list)
    fixed: int = 0
    reorders_rows: bool = True

    def shuffled(self, seed: int) -> Export:
        """Return the same export with rows and columns in another order."""
        rng = random.Random(seed)
        order = list(range(self.fixed, len(self.headers[0])))
        rng.shuffle(order)
        order = [*range(self.fixed), *order]
        rows = [[r[i] for i in order] for r in self.rows]
        if self.reorders_rows:
            rng.shuffle(rows)
        return replace(self, headers=[[h[i] for i in order] for h in self.headers], rows=rows)

    def text(self, separator: str = "\t", end: str = "\r\n", decimal: str = ".") -> str:
        """Write it in a dialect; a cell that holds the separator is quoted."""
        out = io.StringIO()
        writer = csv.writer(out, delimiter=separator, lineterminator=end)
        for line in [*self.above, *self.headers, *self.rows, *self.below]:
            if not line:
                out.write(end)
            else:
                writer.writerow([_localised(c) if decimal == "," else c for c in line])
        return out.getvalue()


def _localised(cell: str) -> str:
    """Return a number as a French computer writes it."""
    if re.fullmatch(r"-?[\d,]*\d\.\d+(E[+-]\d+)?", cell):
        return cell.replace(",", "\u00a0").replace(".", ",")
    return cell


def _ct(i: int) -> str:
    """Return the Ct of the i-th well; every seventh has none ("")."""
    return "" if i % 7 == 3 else f"{18 + (i * 37 % 190) / 10:.3f}"


def plate(rows: int, columns: int) -> list[str]:
    return [f"{chr(65 + r)}{c + 1}" for r in range(rows) for c in range(columns)]


def quantstudio_export(*, set_up: bool = True, trailer: bool = True, wells: int = 30) -> Export:
    header = "Well,Well Position,Omit,Sample Name,Target Name,Task,Reporter,Quantity,CT,Ct Mean,Ct SD,Delta Ct,Tm1,"
    header += "Ct Threshold,NOAMP,HIGHSD,Cq Conf,Target Name,Task"
    rows = []
    for i, well in enumerate(plate(8, 12)[:wells]):
        kind = ("STANDARD", f"{10 ** (8 - i):,}.000") if i < 3 else ("NTC", "") if i == 3 else ("UNKNOWN", "1,234.500")
        who = [str(i + 1), well, "true" if i == 5 else "false", f"Témoin {i // 3}", f"GÈNE{i % 3}", kind[0], "FAM"]
        read = [kind[1], _ct(i) or "Undetermined", "20.000", "0.050", "", "81.200", "0.137"]
        flags = ["Y" if i == 8 else "N", "Y" if i == 9 else "N"]
        rows.append([*who, *read, *flags, "0.967", who[4], kind[0]])
    above = [["* Block Type = 96-Well Block"], ["* Experiment Type = Comparative C\u0442 (\u0394\u0394C\u0442)"]]
    above += [["* Instrument Type = QuantStudio(TM) 7 Flex System"], []]
    if set_up:
        above += [["[Sample Setup]"], ["Well", "Well Position", "Sample Name", "Target Name", "Task"]]
        above += [[r[0], r[1], r[3], r[4], r[5]] for r in rows] + [["96", "H12", "", "", ""], []]
        above += [["[Amplification Data]"], ["Well", "Cycle", "Target Name", "Rn", "Delta Rn"]]
        above += [[r[0], "1", r[4], "0.627", "0.001"] for r in rows] + [[]]
    below = [[], ["Analysis Type = Singleplex"], ["Endogenous Control = GAPDH"]] if trailer else []
    return Export([header.split(",")], rows, [*above, ["[Results]"]], below)


def stepone_export() -> Export:
    header = "Well,Sample Name,Target Name,Task,Reporter,Quantity,C\u0442,C\u0442 Mean,C\u0442 SD,Ct Threshold,HIGHSD"
    rows = [
        [w, f"Témoin {i // 3}", f"G{i % 3}", "UNKNOWN", "SYBR", "", _ct(i) or "Undetermined", "20.1", "0.1", "0.2", "N"]
        for i, w in enumerate(plate(6, 8)[:20])
    ]
    settings = [["Block Type", "48well"], ["Instrument Type", "stepone"], []]
    unused = ["C5", *[""] * 10]
    return Export([header.split(",")], [*rows, unused], settings, [[], ["RQ Min/Max Confidence Level", "95.0"]])


def design_export() -> Export:
    header = (
        "Well,Well Position,Omit,Sample,Target,Task,Reporter,Amp Status,Amp Score,Cq,Cq Confidence,Cq Mean,Threshold"
    )
    rows = []
    for i, well in enumerate(plate(8, 12)[:40]):
        read = ["No Amp" if i in (3, 4) else "Amp", "1.2", _ct(i) or "UNDETERMINED", "0.95", "20.0", "0.2"]
        rows.append([str(i + 1), well, "false", f"Témoin {i // 3}", f"G{i % 3}", "UNKNOWN", "FAM", *read])
    return Export([header.split(",")], rows, [["File Name", "a.eds"], ["Run End Data/Time", "2024"], []])


def sds_export(wells: int = 96) -> Export:
    header = "# ,Plate,Pos,Flag,Sample,Detector,Task,Ct,Delta Ct,Avg Delta Ct,?Ct SE,RQ,Omit,HMD"
    rows = []
    for i, well in enumerate(plate(8, 12)[:wells]):
        who = [str(i + 1), "P1", well, "Flagged" if i % 7 in (3, 5) else "Passed", f"Témoin {i // 3}", f"G{i % 3}"]
        read = ["Endogenous Control" if i % 3 == 0 else "Target", _ct(i) or "Undetermined", "", "12.5", "0.1", "1"]
        rows.append([*who, *read, "FALSE", ""])
    above = [["SDS 2.3 RQ Results", "1.2"], ["Filename", "x.sdm"], ["EmbeddedFile", "A"], ["Operator", ""], []]
    return Export([header.split(",")], rows, above)


def cfx_export(wells: int = 50) -> Export:
    header = ",Well,Fluor,Target,Content,Sample,Biological Set Name,Cq,Cq Mean,Cq Std. Dev,Starting Quantity (SQ),"
    header += "Log Starting Quantity,Set Point,Well Note"
    rows = []
    for i, w in enumerate(plate(8, 12)[:wells]):
        content = "Std-01" if i < 3 else "NTC" if i == 3 else f"Unkn-{i:02d}"
        ct = _ct(i)
        cq = [ct, "20.10"] if ct else ["N/A" if i % 2 else "NaN", "0.00"]
        who = ["", f"{w[0]}{int(w[1:]):02d}", "SYBR", f"G{i % 3}", content, "" if i == 3 else f"Témoin {i // 3}", ""]
        rows.append([*who, *cq, "0.100", "2.500E-03", "-2.602", "60.0", ""])
    return Export([header.split(",")], rows)


def lightcycler_export(wells: int = 96) -> Export:
    header = "Include,Color,Pos,Name,Cp,Concentration,Standard,Status"
    rows = []
    for i, well in enumerate(plate(8, 12)[:wells]):
        sample = "no template control" if i == 3 else f"Témoin {i // 3}"
        read = [_ct(i), "1.01E+05", "1000" if i < 3 else "0", "late" if i == 9 else ""]
        rows.append(["False" if i == 5 else "True", "255", well, sample, *read])
    return Export([header.split(",")], rows, [["Experiment: Essai  Selected Filter: SYBR Green (483-533)"]])


def biomark_export(generation: str = "v2") -> Export:
    lines = [line.split(",") for line in chip_lines(generation)]
    return Export(lines[9:12], lines[12:], lines[:9], fixed=1)


TEXT_EXPORTS: dict[str, Callable[[], Export]] = {
    "biomark": biomark_export,
    "biomark 4.1": lambda: biomark_export("v4.1"),
    "quantstudio": quantstudio_export,
    "quantstudio bare": lambda: quantstudio_export(set_up=False, trailer=False),
    "stepone": stepone_export,
    "sds": sds_export,
    "cfx": cfx_export,
    "lightcycler": lightcycler_export,
}


def workbook(export: Export, sheet: str = "Results", also: str = "") -> bytes:
    """Write an export as .xlsx, numbers as numbers, behind a sheet of settings; `also` names a second sheet of it."""
    book = openpyxl.Workbook()
    settings = book.active
    settings.title = "Sample Setup"
    settings.append(["Well", "Sample"])
    for title in filter(None, (sheet, also)):
        target = book.create_sheet(title)
        for line in [*export.above, *export.headers, *export.rows, *export.below]:
            target.append([float(c) if re.fullmatch(r"-?\d+(\.\d+)?", c) else c or None for c in line])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def rdml_document(version: str = "1.2", *, prefix: str = "", doctype: str = "", runs: int = 1) -> bytes:
    """Write an RDML document: 12 wells of a 96-well plate, two targets in each."""
    p = f"{prefix}:" if prefix else ""
    xmlns = f"xmlns:{prefix}" if prefix else "xmlns"
    out = [
        f'<?xml version="1.0" encoding="UTF-8"?>{doctype}\n<{p}rdml version="{version}" {xmlns}="http://www.rdml.org">'
    ]
    kinds = {0: ("std", 1000), 1: ("std", 100), 2: ("ntc", None)}
    for s in range(4):
        kind, amount = kinds.get(s, ("unkn", None))
        quantity = f"<{p}quantity><{p}value>{amount}</{p}value><{p}unit>cop</{p}unit></{p}quantity>" if amount else ""
        out.append(f'<{p}sample id="Témoin {s}"><{p}type>{kind}</{p}type>{quantity}</{p}sample>')
    out += [f'<{p}target id="{t}"><{p}type>{k}</{p}type></{p}target>' for t, k in (("GAPDH", "ref"), ("IFIT1", "toi"))]
    out.append(f'<{p}experiment id="E">')
    for run in range(runs):
        out.append(f'<{p}run id="R{run}"><{p}pcrFormat><{p}rows>8</{p}rows><{p}columns>12</{p}columns>')
        out.append(f"<{p}rowLabel>ABC</{p}rowLabel><{p}columnLabel>123</{p}columnLabel></{p}pcrFormat>")
        for i in range(12):
            out.append(f'<{p}react id="{i + 13}"><{p}sample id="Témoin {i // 3}"/>')
            for j, target in enumerate(("GAPDH", "IFIT1")):
                cq = _ct(2 * i + j)
                words = f"<{p}cq>{cq or '-1.0'}</{p}cq>" if (i, j) != (11, 1) else ""
                excluded = f"<{p}excl>bad</{p}excl>" if (i, j) == (5, 0) else ""
                out.append(
                    f'<{p}data><{p}tar id="{target}"/>{words}{excluded}<{p}adp><{p}cyc>1</{p}cyc></{p}adp></{p}data>'
                )
            out.append(f"</{p}react>")
        out.append(f"</{p}run>")
    out.append(f"</{p}experiment></{p}rdml>")
    return "\n".join(out).encode()


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()
