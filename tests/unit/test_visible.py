"""What may hide, reorder or steer is shown, whatever Unicode calls it."""

from __future__ import annotations

import io
import json
import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from aims_mlops.errors import DocumentError, InputError
from aims_mlops.visible import MARK, VisibleStream, escaped, one_line, plain, plain_lines, visible

KEPT = "\t\n\r"


def hides(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs") and char not in KEPT


def test_every_control_format_and_separator_character_is_shown() -> None:
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        if hides(char):
            assert visible(char) == MARK, hex(code)
            assert not any(map(hides, escaped(char))), hex(code)


def test_letters_of_people_s_names_stay() -> None:
    text = "Zoë Ñandú 葛󠄀城 Ελένη Дарья प्रिया ❤️ 日本語 naïve – “quoted” …"
    assert visible(text) == plain(text) == escaped(text) == text


@given(st.text())
def test_plain_text_is_one_line_and_escaping_leaves_json_as_it_is(text: str) -> None:
    assert len(plain(text).splitlines()) <= 1
    assert len(one_line(text).splitlines()) <= 1
    assert not any(map(hides, visible(text) + escaped(text) + plain_lines(text)))
    for written in (json.dumps([text]), json.dumps([text], ensure_ascii=False)):
        assert json.loads(escaped(written)) == [text]


def test_stream_shows_what_hides_and_passes_bytes() -> None:
    raw = io.BytesIO()
    stream = VisibleStream(io.TextIOWrapper(raw, encoding="utf-8", newline="\n"))
    stream.write("a\u202eb\rc\r\n\U000e0041\x1b[2J\u2028é\n")
    stream.flush()  # type: ignore[operator]
    assert raw.getvalue().decode() == "a\\u202eb\\u000dc\n\\udb40\\udc41\\u001b[2J\\u2028é\n"


def test_error_shows_what_hides_in_what_it_quotes() -> None:
    for error in (
        InputError("no such thing \u202e\x1b", got="\u2028x"),
        DocumentError("bad", path="a\u202e.yaml", problems=("line\x1b",)),
    ):
        assert not any(map(hides, str(error)))
