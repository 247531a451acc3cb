"""YAML that people write, and YAML that attacks."""

import pytest

from aims_mlops.documents.reading import read_yaml
from aims_mlops.documents.yaml_events import parse_yaml
from aims_mlops.errors import DocumentError


def test_nested_lists_and_mappings_know_their_lines():
    text = "a: 1\nb:\n  - x: true\n    y: [1, 2]\n  - z\nc: ''\n"
    document = parse_yaml(text, path="p.yaml")
    assert document.data == {"a": 1, "b": [{"x": True, "y": [1, 2]}, "z"], "c": ""}
    assert document.lines[("b", 0, "y")] == 4
    assert document.lines[("b", 1)] == 5
    assert document.lines[("c",)] == 6
    assert document.line(("b", 0, "nowhere", 3)) == 3


def test_core_schema_of_yaml_1_2_keeps_yes_and_no_as_words():
    document = parse_yaml("[yes, no, on, 010, 1e3, ~, 'null', 2026-01-02, 1_000]", path="p")
    assert document.data == ["yes", "no", "on", 10, 1000.0, None, "null", "2026-01-02", "1_000"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\na: 2\n", 2, "written twice"),
        ("a: &x 1\nb: *x\n", 2, "aliases"),
        ("a: !!python/object:os.system 1\n", 1, "tags"),
        ("a: .nan\n", 1, "finite"),
        ("a: 1e999\n", 1, "finite"),
        ("a: 9007199254740992\n", 1, "too large"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("? [x, y]\n: 1\n", 1, "a key must be a word"),
        ("a: [1\nb: 2\n", 2, "not valid YAML"),
        ("x: " + "[" * 40 + "]" * 40, 1, "nested too deep"),
    ],
)
def test_hostile_or_broken_yaml_is_refused_with_its_line(text, line, words):
    with pytest.raises(DocumentError, match=words) as caught:
        parse_yaml(text, path="p.yaml")
    assert caught.value.line == line
    assert str(caught.value).startswith(f"p.yaml:{line}: ")


def test_file_over_the_limit_is_refused(tmp_path):
    (tmp_path / "big.yaml").write_text("a: " + "x" * 1_000_000)
    with pytest.raises(DocumentError, match="too large"):
        read_yaml(tmp_path / "big.yaml")


def test_file_that_is_missing_or_not_text_is_refused(tmp_path):
    with pytest.raises(DocumentError, match="cannot read"):
        read_yaml(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"a: \xff\xfe")
    with pytest.raises(DocumentError, match="UTF-8"):
        read_yaml(tmp_path / "bytes.yaml")
