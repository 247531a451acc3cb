"""Markdown that people write as a document with keys."""

import pytest

from aims_mlops.documents.front_matter import parse_markdown
from aims_mlops.errors import DocumentError

TEXT = """\
---
system: diabetes-risk
scope:
  reviewed: 2026-11-01
---
# A title is for people

## Intended uses

Help a nurse plan visits.
<!-- a note -->

## Impacts

### Fairness

```
## not a heading
```
"""


def test_headings_become_keys_with_their_lines():
    document = parse_markdown(TEXT, path="a.md")
    assert document.data == {
        "system": "diabetes-risk",
        "scope": {"reviewed": "2026-11-01"},
        "intended_uses": "Help a nurse plan visits.",
        "impacts": {"fairness": "```\n## not a heading\n```"},
    }
    assert document.line(("system",)) == 2
    assert document.line(("intended_uses",)) == 8
    assert document.line(("impacts", "fairness")) == 15


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("no front matter", 1, "no front matter"),
        ("---\na: 1\n", 1, "does not end"),
        ("---\na: 1\n---\n## A\nagain\n", 4, "given twice"),
        ("---\na: [\n---\n", 3, "not valid YAML"),
        ("---\n- a\n---\n", 2, "keys and values"),
    ],
)
def test_broken_front_matter_is_refused_with_its_line(text, line, words):
    with pytest.raises(DocumentError, match=words) as caught:
        parse_markdown(text, path="a.md")
    assert caught.value.line == line
