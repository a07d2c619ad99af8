"""The seal: round trip, wrong keys, altered archives, unchanged content, and tables that refuse to be read."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pandas as pd
import pytest

from lumier_analysis.errors import SealError
from lumier_analysis.study import Study, load_plan, opening_log, project_root, seal

FILES = {"tables/flares.parquet": b"flare of V-007 on 2031-03-17", "queries.csv": "requête;été".encode()}


@pytest.fixture
def study(tmp_path):
    """A study with a recipient; its identity is `tmp_path/key`."""
    folder = tmp_path / "data" / "sealed"
    folder.mkdir(parents=True)
    plan = load_plan(project_root() / "data/synthetic/plan.yml")
    identity, public = seal.new_identity()
    (tmp_path / "key").write_text(identity, encoding="utf-8")
    (folder / seal.RECIPIENT).write_text(f"# the data manager's\n{public}", encoding="utf-8")
    return Study(folder, folder / "raw", plan, tmp_path)


def opened(study, content):
    opening_log.append(study, who="A", when="2030-01-01", lock="l", signature="s", content=content, reason="first")


def test_round_trip_and_nothing_in_clear(study, tmp_path):
    path = seal.seal(study, FILES)
    assert seal.unseal(study, tmp_path / "key") == FILES
    for file in study.analysis.rglob("*"):
        assert not file.is_file() or b"2031-03-17" not in file.read_bytes()
    assert path.read_bytes().startswith(b"age-encryption.org/v1\n")
    manifest = json.loads(seal.manifest_path(study).read_text(encoding="utf-8"))
    assert manifest["content"] == seal.content_hash(FILES) and set(manifest["files"]) == set(FILES)


def test_unchanged_content_is_not_encrypted_again_and_changed_content_is(study, tmp_path):
    first = seal.seal(study, FILES).read_bytes()
    assert seal.seal(study, dict(reversed(FILES.items()))).read_bytes() == first
    assert seal.seal(study, FILES | {"queries.csv": b"x"}).read_bytes() != first
    again = seal.seal(study, FILES).read_bytes()
    assert again != first and seal.unseal(study, tmp_path / "key") == FILES
    # A new recipient needs the archive anew, too; so does an archive that is gone.
    identity, public = seal.new_identity()
    (study.folder / seal.RECIPIENT).write_text(public, encoding="utf-8")
    assert seal.seal(study, FILES).read_bytes() != again
    seal.archive_path(study).unlink()
    seal.seal(study, FILES)
    (tmp_path / "key").write_text(identity, encoding="utf-8")
    assert seal.unseal(study, tmp_path / "key") == FILES


def test_two_recipients_open_alike(study, tmp_path):
    identity, public = seal.new_identity()
    (tmp_path / "deputy").write_text(identity, encoding="utf-8")
    with seal.recipient_path(study).open("a", encoding="utf-8") as stream:
        stream.write(public)
    seal.seal(study, FILES)
    assert seal.unseal(study, tmp_path / "deputy") == seal.unseal(study, tmp_path / "key") == FILES


def test_wrong_and_broken_identities_are_refused_without_showing_them(study, tmp_path):
    seal.seal(study, FILES)
    (tmp_path / "other").write_text(seal.new_identity()[0], encoding="utf-8")
    with pytest.raises(SealError, match="does not fit"):
        seal.unseal(study, tmp_path / "other")
    for name, text in (("empty", "# nothing\n"), ("broken", "AGE-SECRET-KEY-1QQQQ\n"), ("public", "age1xyz")):
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(SealError, match="holds no age identity") as refused:
            seal.unseal(study, tmp_path / name)
        assert "QQQQ" not in str(refused.value)
    with pytest.raises(SealError, match="cannot be read"):
        seal.unseal(study, tmp_path / "absent")


@pytest.mark.parametrize("place", [0, 60, -1])
def test_an_altered_archive_is_refused(study, tmp_path, place):
    path = seal.seal(study, FILES)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(SealError, match="not the archive that its manifest names"):
        seal.unseal(study, tmp_path / "key")
    # With a manifest that was altered to fit, the encryption itself tells.
    manifest = seal.manifest_path(study)
    entries = json.loads(manifest.read_text(encoding="utf-8"))
    entries["archive"] = seal._sha256(bytes(content))
    manifest.write_text(json.dumps(entries), encoding="utf-8")
    with pytest.raises(SealError, match="altered"):
        seal.unseal(study, tmp_path / "key")
    seal.seal(study, FILES | {"more": b""})
    assert "more" in seal.unseal(study, tmp_path / "key")


def test_another_archive_under_the_old_manifest_is_refused(study, tmp_path):
    seal.seal(study, FILES)
    old = json.loads(seal.manifest_path(study).read_text(encoding="utf-8"))
    path = seal.seal(study, {"tables/flares.parquet": b"no flare"})
    seal.manifest_path(study).write_text(json.dumps(old | {"archive": seal._sha256(path.read_bytes())}))
    with pytest.raises(SealError, match="not what its manifest names"):
        seal.unseal(study, tmp_path / "key")


@pytest.mark.parametrize("text", ["", "# only a comment\n", "age1notakey\n", "AGE-SECRET-KEY-1\n"])
def test_a_recipient_file_without_a_key_stops_the_sealing(study, text):
    seal.recipient_path(study).write_text(text, encoding="utf-8")
    with pytest.raises(SealError, match="no age public key"):
        seal.seal(study, FILES)


def test_sealed_until_this_content_was_opened(study):
    content = seal.content_hash(FILES)
    assert seal.is_sealed(study)
    seal.seal(study, FILES)
    opened(study, "another content")
    assert seal.is_sealed(study)
    opened(study, content)
    assert not seal.is_sealed(study)
    seal.seal(study, FILES | {"tables/flares.parquet": b"corrected"})
    assert seal.is_sealed(study)
    seal.seal(study, FILES)
    assert not seal.is_sealed(study)
    seal.recipient_path(study).unlink()
    assert not seal.is_sealed(study) and not seal.has_seal(study)


def test_sealed_tables_refuse_and_say_what_to_type(study):
    study.analysis.joinpath("tables", "validation").mkdir(parents=True)
    pd.DataFrame({"day": [1]}).to_parquet(study.table_path("flares", "validation"))
    for ask in (study.has, study.read):
        for table in seal.SEALED_TABLES:
            with pytest.raises(SealError, match=r"sealed.*lumier lock data/sealed.*lumier unseal.*--identity KEY"):
                ask(table, "validation")
    with pytest.raises(SealError, match="sealed"):
        study.write("visits", "validation", pd.DataFrame())
    assert not study.has("flares", "test") and not study.has("samples", "validation")
    assert study.closed("flares", "validation") and not study.closed("samples", "validation")
    seal.seal(study, FILES)
    opened(study, seal.content_hash(FILES))
    assert study.read("flares", "validation")["day"].tolist() == [1]


def test_the_archive_depends_on_names_and_contents_alone():
    assert seal._tar(FILES) == seal._tar(dict(reversed(FILES.items())))
    assert seal._untar(seal._tar(FILES)) == FILES


def test_the_size_of_the_archive_does_not_tell_how_much_is_in_it(study):
    sizes = set()
    for rows in (1, 10, 3_000):  # the third is longer than a block of a tar
        files = FILES | {"flares.parquet": b"patient, day, organ\n" * rows}
        path = seal.seal(study, files)
        sizes.add(path.stat().st_size // seal.STEP)  # its header varies by chance
        assert seal._untar(seal._tar(files)) == files
    assert len(sizes) == 1
    assert seal.content_hash({"a": b"", "b": b"x"}) != seal.content_hash({"a": b"x", "b": b""})


def test_parts_for_the_freshness_of_the_cleaning(study):
    before = seal.seal_parts(study)
    assert set(before) == {"seal:recipient"}
    opened(study, "x")
    after = seal.seal_parts(study)
    assert set(after) == {"seal:recipient", "seal:openings"} and before.items() <= after.items()
    assert seal.seal_parts(SimpleNamespace(folder=study.folder / "none")) == {}
