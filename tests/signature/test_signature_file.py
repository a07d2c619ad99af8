from __future__ import annotations

import json

import jsonschema
import numpy as np
import pytest

from lumier_analysis.errors import SignatureError
from lumier_analysis.signature import LockedSignature, lock_module_score
from lumier_analysis.signature.signature_file import canonical_text, field_hashes


@pytest.fixture
def path(context, tmp_path):
    return lock_module_score(context, "ab").save(tmp_path / "locked_signature.json")


def test_any_altered_byte_is_refused(path):
    """300 places, each changed in three ways: another byte there, one byte less, one byte more."""
    good = path.read_bytes()
    LockedSignature.load(path)
    rng = np.random.default_rng(0)
    for at in rng.choice(len(good), size=300, replace=False):
        other = bytes([int(rng.integers(32, 127))])
        for changed in (good[:at] + other + good[at + 1 :], good[:at] + good[at + 1 :], good[:at] + other + good[at:]):
            if changed == good:
                continue
            path.write_bytes(changed)
            with pytest.raises(SignatureError):
                LockedSignature.load(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.replace("\n", "\r\n"),
        lambda t: t + "\n",
        lambda t: json.dumps(json.loads(t), indent=2, ensure_ascii=False),
        lambda t: json.dumps(dict(reversed(json.loads(t).items())), indent=1, ensure_ascii=False) + "\n",
        lambda t: t.replace('"threshold": 0.25', '"threshold": 25e-2'),
        lambda t: t.replace('"name": "ab"', '"name": "c",\n "name": "ab"'),
        lambda t: "\ufeff" + t,
    ],
)
def test_the_same_content_in_other_bytes_is_refused(path, change):
    path.write_bytes(change(path.read_text(encoding="utf-8")).encode())
    with pytest.raises(SignatureError, match=r"layout|not a JSON"):
        LockedSignature.load(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"threshold": "0.25"}, "threshold"),
        ({"weights": {"a1": None}}, r"weights\.a1"),
        ({"missing_gene_rule": {"rule": "guess"}}, "missing_gene_rule"),
        ({"kind": "forest"}, "kind"),
        ({"calibration": {"intercept": 0.0, "slope": 1.0, "curve": 2.0}}, r"calibration\.curve"),
        ({"measurement": {"limit_of_detection": 25.0}}, "measurement"),
        ({"genes": []}, "genes"),
        ({"plan_hash": "short"}, "plan_hash"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(path, change, words):
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SignatureError, match=rf"altered and cannot be read\. Found: .*{words}"):
        LockedSignature.load(path)


def test_infinite_and_nested_json_is_refused(path):
    text = path.read_text()
    for changed in (
        text.replace('"threshold": 0.25', '"threshold": NaN'),
        text.replace('"threshold": 0.25', '"threshold": 1e999'),
        "[" * 100_000,
    ):
        path.write_text(changed)
        with pytest.raises(SignatureError):
            LockedSignature.load(path)


def test_the_published_schema_is_that_of_the_code_and_holds(path, schema_path):
    """To write it anew: LUMIER_WRITE_SCHEMA=1 pytest tests/signature/test_signature_file.py."""
    schema = json.loads(schema_path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    content = json.loads(path.read_text(encoding="utf-8"))
    validator.validate(content)
    for field in content:
        assert not validator.is_valid({k: v for k, v in content.items() if k != field}), field
    assert not validator.is_valid(content | {"comment": "x"})
    assert not validator.is_valid(content | {"weights": {"a1": "much"}})
    vectors = [{k: v for k, v in content["test_vectors"][0].items() if k != "risk"}]
    assert not validator.is_valid(content | {"test_vectors": vectors})


def test_hashes_name_every_field_but_themselves(path):
    signature = LockedSignature.load(path)
    content = json.loads(canonical_text(signature))
    assert set(field_hashes(signature)) == set(content) - {"hashes"} | {"content"}
    assert path.read_text(encoding="utf-8") == canonical_text(signature)
