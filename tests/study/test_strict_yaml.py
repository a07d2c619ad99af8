import pytest
import yaml

from lumier_analysis.study.strict_yaml import load_yaml


def test_plain_yaml_is_read_as_the_safe_loader_does():
    text = "a: {b: [1, 2.5, no], c: &x {d: e}}\nf:\n  <<: *x\n  g: 2020-01-02\n"
    assert load_yaml(text) == yaml.safe_load(text)


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "x: {a: 1, a: 2}", "x:\n  - {a: 1}\n  - a: 1\n    a: 2\n"])
def test_a_doubled_key_is_an_error(text):
    with pytest.raises(yaml.YAMLError, match="the key a stands twice"):
        load_yaml(text)


def test_no_python_object_is_made():
    with pytest.raises(yaml.YAMLError):
        load_yaml("!!python/object/apply:os.getcwd []")


@pytest.mark.parametrize("text", ["a: {b: 5}\t# small\n", "a: |# words\n  b\n", "a: 1\nb: [1,\n"])
def test_what_the_quick_reader_would_take_or_tell_otherwise_is_told_as_ever(text):
    with pytest.raises(yaml.YAMLError) as error:
        load_yaml(text)
    with pytest.raises(yaml.YAMLError) as expected:
        yaml.safe_load(text)
    assert str(error.value) == str(expected.value)
