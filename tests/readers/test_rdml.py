"""RDML of every version, zipped or plain; references checked, attacks refused."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers import read_ct


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3", "1.4"])
@pytest.mark.parametrize("prefix", ["", "r"])
@pytest.mark.parametrize("zipped", [False, True])
def test_versions(tmp_path: Path, exports: ModuleType, version: str, prefix: str, zipped: bool) -> None:
    path = tmp_path / "run.rdml"
    content = exports.rdml_document(version, prefix=prefix)
    path.write_bytes(exports.zipped({"rdml_data.xml": content}) if zipped else content)
    frame = read_ct(path)
    assert len(frame) == 24 and frame.attrs == {}
    assert frame["well"].unique().tolist() == [f"B{c}" for c in range(1, 13)]
    by = frame.set_index(["well", "assay"])
    assert by.loc[("B1", "GAPDH"), ["sample", "task", "sample_type", "quantity", "assay_type"]].tolist() == [
        "Témoin 0",
        "standard",
        "Standard",
        1000.0,
        "Reference",
    ]
    assert by.loc[("B7", "IFIT1"), ["task", "sample_type", "assay_type"]].tolist() == ["ntc", "NTC", "Test"]
    assert by.loc[("B6", "GAPDH"), "state"] == "untrusted"  # excl
    assert by.loc[("B2", "IFIT1"), "state"] == "not detected"  # cq -1.0: not available
    assert by.loc[("B12", "IFIT1"), "state"] == "not detected"  # no cq
    assert np.isnan(by.loc[("B2", "IFIT1"), "ct"]) and set(frame["chip"]) == {"run"}
    assert content.decode().splitlines()[frame["row"].iloc[0] - 1].startswith("<" + (f"{prefix}:" if prefix else ""))


def test_several_runs_are_several_chips(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "run.rdml"
    path.write_bytes(exports.rdml_document(runs=2))
    assert read_ct(path)["chip"].value_counts().to_dict() == {"run E R0": 24, "run E R1": 24}


def test_a_sample_may_be_a_standard_for_one_target_alone(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "run.rdml"
    types = b'<type targetId="GAPDH">std</type><type targetId="IFIT1">unkn</type>'
    path.write_bytes(exports.rdml_document("1.3").replace(b"<type>std</type>", types))
    frame = read_ct(path)
    assert frame.loc[frame["quantity"].notna(), "assay"].unique().tolist() == ["GAPDH"]


def test_a_run_without_format_keeps_its_reaction_numbers(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "run.rdml"
    content = exports.rdml_document().replace(b"<columnLabel>123</columnLabel>", b"")
    path.write_bytes(content)
    assert read_ct(path)["well"].unique().tolist() == [str(i) for i in range(13, 25)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((b'version="1.2"', b'version="2.0"'), r"no RDML document of version 1.0 to 1.4.*'2.0'"),
        ((b'<sample id="T\xc3\xa9moin 1"/>', b'<sample id="other"/>'), "a sample that it does not describe.*line"),
        ((b'<tar id="IFIT1"/>', b'<tar id="other"/>'), "a target that it does not describe"),
        ((b'<react id="13">', b"<react>"), "a reaction has no id"),
        ((b"<cq>18.000</cq>", b"<cq>soon</cq>"), "a cq that is no number"),
        ((b"<cq>18.000</cq>", b"<cq>180.00</cq>"), "outside 0 to 100 cycles"),
        ((b'<react id="14">', b'<react id="13">'), "holds a reaction twice"),
        ((b"</rdml>", b""), "not well-formed"),
        ((b"<rdml ", b"<!DOCTYPE rdml><rdml "), "declares a document type"),
    ],
)
def test_what_is_refused(tmp_path: Path, exports: ModuleType, change: tuple[bytes, bytes], message: str) -> None:
    path = tmp_path / "run.rdml"
    content = exports.rdml_document()
    assert change[0] in content
    path.write_bytes(content.replace(*change))
    with pytest.raises(RawDataError, match=message):
        read_ct(path)


def test_entities_of_every_kind(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "run.rdml"
    for doctype in (
        '<!DOCTYPE rdml [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE rdml [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]>',
    ):
        content = exports.rdml_document(doctype=doctype)
        for written in (content, exports.zipped({"rdml_data.xml": content})):
            path.write_bytes(written)
            with pytest.raises(RawDataError, match="declares a document type"):
                read_ct(path)


def test_curves_without_cq(tmp_path: Path, exports: ModuleType) -> None:

    path = tmp_path / "run.rdml"
    path.write_bytes(re.sub(rb"<cq>[^<]*</cq>", b"", exports.rdml_document()))
    with pytest.raises(RawDataError, match=r"holds no Cq.*24 reactions"):
        read_ct(path)
