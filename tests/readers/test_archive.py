"""Zip files from outside: bounded, whole, or refused."""

from __future__ import annotations

import struct
from types import ModuleType

import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers import archive


def test_members(exports: ModuleType) -> None:
    found = archive.Archive(exports.zipped({"a.xml": b"x" * 100}), "a.zip")
    assert found.members == ["a.xml"] and found.read("a.xml") == b"x" * 100
    with pytest.raises(RawDataError, match="cut or damaged"):
        found.read("b.xml")


def test_a_bomb_is_refused_before_it_is_unzipped(exports: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = exports.zipped({"a.xml": bytes(5_000_000)})
    assert len(bomb) < 10_000
    monkeypatch.setattr(archive, "MAXIMUM_BYTES", 1_000_000)
    with pytest.raises(RawDataError, match=r"too large.*5,000,000 bytes in 1 files"):
        archive.Archive(bomb, "a.zip")
    monkeypatch.setattr(archive, "MAXIMUM_MEMBERS", 1)
    with pytest.raises(RawDataError, match="2 files"):
        archive.Archive(exports.zipped({"a": b"", "b": b""}), "a.zip")


def test_a_bomb_that_lies_about_its_size(exports: ModuleType) -> None:
    bomb = bytearray(exports.zipped({"a.xml": bytes(5_000_000)}))
    for start, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = bomb.index(start)
        bomb[at + offset : at + offset + 4] = struct.pack("<I", 1000)
    with pytest.raises(RawDataError, match="does not open whole"):
        archive.Archive(bytes(bomb), "a.zip").read("a.xml")


def test_damage_and_passwords(exports: ModuleType) -> None:
    whole = bytearray(exports.zipped({"a.xml": b"some text that is long enough" * 9}))
    with pytest.raises(RawDataError, match="does not open whole"):
        archive.Archive(bytes(whole[:-30]), "a.zip")
    broken = bytearray(whole)
    broken[45] ^= 0xFF
    with pytest.raises(RawDataError, match="does not open whole"):
        archive.Archive(bytes(broken), "a.zip").read("a.xml")
    at = whole.index(b"PK\x01\x02")
    whole[at + 8] |= 1
    with pytest.raises(RawDataError, match="protected by a password"):
        archive.Archive(bytes(whole), "a.zip")
