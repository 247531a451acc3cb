"""Whatever a file holds, it is read, or refused as a document with its path."""

import contextlib
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from aims_mlops.documents.front_matter import parse_markdown
from aims_mlops.documents.yaml_events import parse_yaml
from aims_mlops.errors import DocumentError

YAML_PARTS = st.sampled_from(
    [
        "a",
        ": ",
        "- ",
        "\n",
        "  ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "#",
        "'",
        '"',
        "|",
        ">",
        "&x ",
        "*x",
        "!t ",
        "? ",
        "%",
        "@",
        "---\n",
        "...\n",
        "~",
        "1",
        "1e5",
        "\t",
        "\x00",
        "\ufeff",
        "\xe9",
        "\\u",
        "\\ud800",
    ]
)
SOUP = st.one_of(st.text(), st.lists(YAML_PARTS, max_size=30).map("".join))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=300)
@given(SOUP)
def test_any_text_as_yaml_is_data_or_a_document_error(text):
    with contextlib.suppress(DocumentError):
        document = parse_yaml(text, path="p")
        json.dumps(document.data, allow_nan=False, ensure_ascii=False).encode()


@settings(deadline=None, max_examples=150)
@given(SOUP, SOUP)
def test_any_text_as_markdown_is_data_or_a_document_error(front, body):
    with contextlib.suppress(DocumentError):
        document = parse_markdown(f"---\n{front}\n---\n{body}", path="p")
        assert isinstance(document.data, dict)


@settings(deadline=None, max_examples=150)
@given(PLAIN)
def test_json_is_yaml_and_comes_back_as_it_was(value):
    assert parse_yaml(json.dumps(value), path="p").data == value
