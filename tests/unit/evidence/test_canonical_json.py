"""RFC 8785: published vectors, and the fast writer held against the slow one."""

from __future__ import annotations

import json
import math
import struct

import orjson
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from aims_mlops.errors import EvidenceFormatError
from aims_mlops.evidence.encoding.canonical import canonical, parse, parse_canonical, read
from aims_mlops.evidence.encoding.limits import MAX_DEPTH, Form, survey

# RFC 8785, appendix B: IEEE 754 bits and the number as it must be written.
APPENDIX_B = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]


@pytest.mark.parametrize(("bits", "written"), APPENDIX_B)
def test_number_of_appendix_b_is_written_as_published(bits: str, written: str) -> None:
    number = struct.unpack(">d", bytes.fromhex(bits))[0]
    assert canonical([number]) == f"[{written}]".encode()


def test_object_of_section_3_2_is_written_as_published() -> None:
    # RFC 8785, 3.2.2 (input) and 3.2.3 and 3.2.4 (output)
    value = json.loads(
        r"""{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]}"""
    )
    assert canonical(value).hex(" ") == (
        "7b 22 6c 69 74 65 72 61 6c 73 22 3a 5b 6e 75 6c 6c 2c 74 72 75 65 2c 66 61 6c 73 65 5d 2c "
        "22 6e 75 6d 62 65 72 73 22 3a 5b 33 33 33 33 33 33 33 33 33 2e 33 33 33 33 33 33 33 2c 31 "
        "65 2b 33 30 2c 34 2e 35 2c 30 2e 30 30 32 2c 31 65 2d 32 37 5d 2c 22 73 74 72 69 6e 67 22 "
        "3a 22 e2 82 ac 24 5c 75 30 30 30 66 5c 6e 41 27 42 5c 22 5c 5c 5c 5c 5c 22 2f 22 7d"
    )


def test_keys_sort_by_utf16_code_units_as_in_section_3_2_3() -> None:
    value = json.loads(
        r"""{"\u20ac": "Euro Sign", "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis"}"""
    )
    assert list(orjson.loads(canonical(value)).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


def test_fast_writer_escapes_every_code_point_as_the_slow_one() -> None:
    for start in range(0, 0x110000, 0x1000):
        text = "".join(chr(c) for c in range(start, start + 0x1000) if not 0xD800 <= c < 0xE000)
        assert survey([text]).form is Form.PLAIN
        assert canonical([text]) == rfc8785.dumps([text])


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=400, deadline=None)
@given(_json)
def test_any_json_value_is_written_as_the_slow_writer_does(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@settings(max_examples=2000, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_float_is_written_as_the_slow_writer_does(number: float) -> None:
    assert canonical([number]) == rfc8785.dumps([number])


def test_floats_at_the_borders_of_the_fast_writer_are_written_as_the_slow_one_does() -> None:
    checked = 0
    for exponent in range(-330, 309):
        for digits in ("1", "9.999999999999999", "1.5", "1.2345678901234567"):
            number = float(f"{digits}e{exponent}")
            for near in (number, math.nextafter(number, 0), math.nextafter(number, math.inf)):
                for signed in (near, -near) if math.isfinite(near) else ():
                    assert canonical([signed]) == rfc8785.dumps([signed])
                    checked += 1
    assert checked > 15_000


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ({"a": float("nan")}, "not finite"),
        ({"a": [1, float("inf")]}, "not finite"),
        ({"a": 2**53}, "2**53"),
        ({"a": -(2**53)}, "2**53"),
        ({"a": "\ud800"}, "surrogate"),
        ({"\udfff": 1}, "surrogate"),
        ({1: "a"}, "not a string"),
        ({"a": b"bytes"}, "bytes"),
        ({"a": {1, 2}}, "set"),
        ({"a": object()}, "object"),
    ],
)
def test_value_that_is_not_json_is_refused(value: object, what: str) -> None:
    with pytest.raises(EvidenceFormatError, match=what.replace("*", r"\*")):
        canonical(value)


def test_refusal_names_the_place_and_not_the_value() -> None:
    with pytest.raises(EvidenceFormatError) as caught:
        canonical({"body": {"figures": [{"value": 1.5}, {"value": float("nan")}]}})
    assert "body.figures[1].value" in str(caught.value)


def test_depth_of_ten_thousand_is_refused_and_not_recursed_into() -> None:
    value: list[object] = []
    for _ in range(10_000):
        value = [value]
    with pytest.raises(EvidenceFormatError, match="too deep"):
        canonical(value)
    with pytest.raises(EvidenceFormatError, match="too deep"):
        parse(b"[" * 10_000 + b"]" * 10_000)
    with pytest.raises(EvidenceFormatError, match="too deep"):
        parse(b'{"a":' * 10_000 + b"1" + b"}" * 10_000)


def test_value_that_contains_itself_is_refused() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(EvidenceFormatError, match="too deep"):
        canonical(value)


def test_depth_at_the_limit_is_accepted() -> None:
    value: object = 1
    for _ in range(MAX_DEPTH - 1):
        value = [value]
    assert canonical(value).startswith(b"[" * (MAX_DEPTH - 1))


def test_brackets_inside_strings_are_not_depth() -> None:
    text = '\\"[{' * 1000
    assert parse(canonical({"a": text})) == {"a": text}


def test_subclasses_are_written_as_their_json_type() -> None:
    numpy = pytest.importorskip("numpy")
    assert canonical({"a": numpy.float64(0.25), "b": (1, 2)}) == b'{"a":0.25,"b":[1,2]}'


@pytest.mark.parametrize(
    "content",
    [
        b'{"a":1,"a":2}',
        b'{"b":{"a":1,"\\u0061":2}}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":9007199254740993}',
        b'{"a":-9007199254740993}',
        b'{"a":1152921504606846976}',
        b'{"a":100000000000000000000000}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b"\xef\xbb\xbf{}",
        b"{}{}",
        b"",
        b'{"a":1e999}',
    ],
)
def test_json_from_a_stranger_that_says_two_things_is_refused(content: bytes) -> None:
    with pytest.raises(EvidenceFormatError):
        parse(content)


def test_json_that_is_not_canonical_is_told_apart() -> None:
    assert parse_canonical(b'{"a":1,"b":2}') == {"a": 1, "b": 2}
    for other in (b'{"b":2,"a":1}', b'{"a": 1,"b":2}', b'{"a":1.0,"b":2}'):
        with pytest.raises(EvidenceFormatError, match="canonical"):
            parse_canonical(other)


_whole = st.one_of(
    st.floats(min_value=2**53, allow_nan=False, allow_infinity=False),
    st.integers(2**53, 2**70).map(float),
    st.integers(15, 25).map(lambda power: float(10**power)),
)


@settings(max_examples=500, deadline=None)
@given(_json | _whole | _whole.map(lambda n: {"mean": [-n, {"clip": n}]}))
def test_what_is_written_is_read_back_as_it_was_by_every_reader(value: object) -> None:
    written = canonical(value)
    for read_by in (parse, parse_canonical, read):
        found = read_by(written)
        assert found == value
        assert canonical(found) == written


def test_digits_from_2_to_the_53_are_a_float_again() -> None:
    for content in (b"1000000000000000000", b"-9007199254740992", b"[1,295147905179352830000]"):
        for read_by in (parse, read):
            value = read_by(content)
            number = value[1] if isinstance(value, list) else value
            assert type(number) is float
            assert canonical(value) == content
    assert type(read(b'{"sha":"9007199254740993","n":9007199254740991}')["n"]) is int
