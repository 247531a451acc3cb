"""Markdown of a card: text of evidence stays text."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.report.card.card import write_card
from aims_mlops.report.card.page import as_markdown
from aims_mlops.report.render.page import escaped_markdown, markdown_code

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](http://example.org/pixel.png)",
    "a | b | c",
    "line one\n\n# heading\n\n- item",
    "`code` ``` fence",
    "**bold** _em_ ~~gone~~",
    "http://example.org/ www.example.org",
    "&lt;b&gt; &amp;",
    "back\\slash \\| pipe",
]


def rendered(text):
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("escape", [escaped_markdown, markdown_code])
def test_hostile_text_becomes_no_markup_in_a_table(text, escape):
    html = rendered(f"| a | b |\n|---|---|\n| {escape(text)} | end |\n")
    for tag in ("<script", "<img", "<a ", "<h1", "<ul", "<strong", "<em>", "<s>", "<b>", "<pre"):
        assert tag not in html, html
    assert html.count("<td>") == 2


def test_text_reads_as_it_was_written():
    import html as entities
    import re

    for text in ("5 < 6 & 7 > 2", "snake_case_name", "a*b", "C:\\dir", "[1]", "#1"):
        shown = re.sub(r"<[^>]*>", "", rendered(escaped_markdown(text)))
        assert entities.unescape(shown).strip() == text


def test_card_with_hostile_evidence_has_no_markup_of_it(log, now, digest_of):
    text = " ".join(HOSTILE)
    body = {"name": text, "class": text, "framework": text, "parameters_of_model": {text: text}}
    log.add("model", body, about="m", run="r1")
    log.add("dataset", {"name": text, "source": text, "role": text}, about="d", run="r1")
    log.add("approval", {"approver": text, "reason": text}, about="m", actor=text)
    figures = [{"measure": text, "group": {text: text}, "value": 1, "method": text}]
    log.add("bias", {"figures": figures, "left_out": [text], "task": text}, about="m")
    model = ModelReference(uri=text, sha256=digest_of("m"), name=text)
    body = as_markdown(write_card(model, log.records, now)).split("---\n", 2)[2]
    html = rendered(body)
    for tag in ("<script", "<img", "<a ", "<strong", "<s>", "<b>", "<pre"):
        assert tag not in html
