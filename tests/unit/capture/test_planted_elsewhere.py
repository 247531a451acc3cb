"""Personal data in odd objects, names of code, tables' fringes and a process's surroundings.

As in test_planted_data: every decoded statement and every file of the log is searched.
"""

from __future__ import annotations

import array
import collections
import contextvars
import dataclasses
import decimal
import enum
import functools
import io
import json
import os
import pathlib
import queue
import re
import subprocess
import sys
import types
import urllib.parse
import uuid
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic
import pytest
from sklearn.linear_model import LogisticRegression

import aims_mlops as aims
from aims_mlops.capture.facts.models import described
from aims_mlops.evidence.records import Evidence
from aims_mlops.inventory.project import find_project, forget_stores

Recorded = Callable[..., list[Evidence]]

NAME = "Zwing0 Ottokar-Břehyně"
MAIL = "zwing.0@ottokar.example.org"
CARD = "4111111111111111"
FORMED = f"{MAIL} {CARD}"  # what has a form, and so can be told wherever it stands
PLANTED = ("Zwing", "zwing", "Ottokar", "ottokar", CARD)

pytestmark = pytest.mark.filterwarnings("ignore::aims_mlops.errors.CaptureWarning")


@dataclasses.dataclass(slots=True, frozen=True)
class Slots:
    who: str = NAME
    mail: str = MAIL
    card: int = int(CARD)


class Word(enum.StrEnum):
    FIRST = NAME


class Number(enum.IntEnum):
    CARD = int(CARD)


class Bits(enum.Flag):
    A = enum.auto()
    B = enum.auto()


class Model(pydantic.BaseModel):
    who: str = NAME
    mail: pydantic.SecretStr = pydantic.SecretStr(MAIL)
    more: dict[str, Any] = {NAME: [MAIL]}


class Struct(msgspec.Struct):
    who: str = NAME
    card: str = CARD


class Person:
    __slots__ = ("__weakref__", "who")

    def __init__(self) -> None:
        self.who = NAME

    def __str__(self) -> str:
        return NAME

    def __format__(self, form: str) -> str:
        return MAIL

    def greet(self) -> str:
        return self.who


class Meta(type):
    def __repr__(cls) -> str:
        return f"<class of {NAME} {MAIL}>"


def closure() -> Callable[[], str]:
    who = NAME
    return lambda: who


def caused() -> BaseException:
    try:
        try:
            raise KeyError(NAME)
        except KeyError as inner:
            raise ValueError(MAIL) from inner
    except ValueError as error:
        error.add_note(f"seen at {NAME}, {CARD}")
        return error


def figure() -> Any:
    from matplotlib.figure import Figure

    drawn = Figure()
    axes = drawn.add_subplot()
    axes.set_title(f"{NAME} {MAIL}")
    return drawn


PERSON = Person()
SHAPES: dict[str, Callable[[], Any]] = {
    "a data class with slots": Slots,
    "a text enum": lambda: Word.FIRST,
    "a number enum": lambda: Number.CARD,
    "a flag of an enum made of data": lambda: enum.Flag("F", {MAIL: 1, NAME: 2})(3),
    "a Windows path": lambda: pathlib.PureWindowsPath(rf"C:\Users\{MAIL}\rows.csv"),
    "a path of cards": lambda: Path(f"/cards/{CARD}.csv"),
    "text of NumPy": lambda: np.str_(NAME),
    "bytes of NumPy": lambda: np.bytes_(MAIL.encode()),
    "an object scalar": lambda: np.array([NAME], dtype=object)[0],
    "a structured scalar": lambda: np.array([(NAME, 1)], dtype=[("who", "U40"), ("n", "i4")])[0],
    "an array without dimensions": lambda: np.array(MAIL),
    "a masked array": lambda: np.ma.array([NAME, MAIL], mask=[0, 1]),
    "a pydantic model": Model,
    "a msgspec struct": Struct,
    "a closure": closure,
    "a partial": lambda: functools.partial(print, NAME, sep=MAIL, end=CARD),
    "a bound method": lambda: PERSON.greet,
    "a class with a telling repr": lambda: Meta("Plain", (), {}),
    "a class named after data": lambda: type(NAME, (), {"__doc__": MAIL}),
    "a module named after data": lambda: types.ModuleType(NAME, MAIL),
    "a chained exception": caused,
    "a group of exceptions": lambda: ExceptionGroup(NAME, [ValueError(MAIL), caused()]),
    "a warning": lambda: UserWarning(f"{NAME} {MAIL}"),
    "a decimal": lambda: decimal.Decimal(CARD),
    "a pattern": lambda: re.compile(re.escape(MAIL)),
    "a counter": lambda: collections.Counter([NAME, NAME, MAIL]),
    "a chain of maps": lambda: collections.ChainMap({"who": NAME}, {MAIL: 1}),
    "a user's mapping": lambda: collections.UserDict({"who": NAME}),
    "a user's text": lambda: collections.UserString(NAME),
    "a mapping proxy": lambda: types.MappingProxyType({"who": NAME, CARD: 1}),
    "a default mapping": lambda: collections.defaultdict(lambda: MAIL, who=NAME),
    "a generator": lambda: (who for who in [NAME, MAIL]),
    "a slice": lambda: slice(NAME, MAIL),
    "a queue": lambda: queue.deque([NAME]) if hasattr(queue, "deque") else [NAME],
    "a text buffer": lambda: io.StringIO(NAME),
    "a byte array": lambda: bytearray(NAME.encode()),
    "a memory view": lambda: memoryview(MAIL.encode()),
    "an array of characters": lambda: array.array("u", NAME),
    "a parsed URL": lambda: urllib.parse.urlsplit(f"https://{MAIL}/x?card={CARD}#{MAIL}"),
    "a URL with a query": lambda: f"https://example.org/rows?who={MAIL}&card={CARD}",
    "a context variable": lambda: contextvars.ContextVar(NAME, default=MAIL),
    "a weak reference": lambda: weakref.ref(PERSON),
    "an f-string of an object": lambda: f"{PERSON} {PERSON!s} {PERSON:x}",
    "a UUID beside a name": lambda: (uuid.UUID(int=7), NAME),
    "an interval of names": lambda: pd.Interval(pd.Timestamp(0), pd.Timestamp(1)) and NAME,
    "a frame's row": lambda: next(pd.DataFrame({"who": [NAME]}).itertuples()),
    "a group of rows": lambda: pd.DataFrame({"who": [NAME], "n": [1]}).groupby("who"),
    "a series of polars": lambda: pl.Series("who", [NAME, MAIL]),
    "a lazy frame": lambda: pl.LazyFrame({"who": [NAME], "mail": [MAIL]}),
    "an expression of polars": lambda: pl.col(MAIL) == NAME,
    "a scalar of Arrow": lambda: pa.scalar(NAME),
    "a dictionary array": lambda: pa.array([NAME, MAIL]).dictionary_encode(),
    "a schema with metadata": lambda: pa.schema([("x", "int8")], metadata={"who": NAME}),
    "a figure": figure,
    "environment": lambda: {"OWNER": NAME, "CONTACT": MAIL},
    "a command line": lambda: ["--who", NAME, f"--mail={MAIL}", f"--card={CARD}"],
}


def everything(folder: Path, evidence: list[Evidence]) -> str:
    """All files of the log, and all statements decoded, as one text; both spellings of JSON."""
    log = folder / ".aims"
    files = [path.read_bytes() for path in sorted(log.rglob("*")) if path.is_file()]
    said = [item.to_statement() for item in evidence]
    text = b"\0".join(files).decode("utf-8", "replace")
    return text + json.dumps(said) + json.dumps(said, ensure_ascii=False)


def leaked(folder: Path, evidence: list[Evidence]) -> list[str]:
    text = everything(folder, evidence)
    places = (re.search(f".{{0,60}}{planted}.{{0,20}}", text) for planted in PLANTED)
    return [place[0] for place in places if place is not None]


@pytest.mark.parametrize("shape", SHAPES)
def test_personal_data_in_an_odd_object_reaches_no_evidence(
    shape: str, recorded: Recorded, project: Path, fails_open: None
) -> None:
    value = SHAPES[shape]()

    @aims.training(quality=False)
    def train(given: Any, *more: Any, default: Any = value, **options: Any) -> dict[str, Any]:
        aims.current_run().parameter("by hand", value)
        return {"result": value}

    train(value, [value], {"a": value}, option=value)
    functools.partial(train, given=value, keyword=value)()
    with aims.run("tagged", tags={"tag": value}, parameters={"p": value}, quality=False):
        pass
    assert len(recorded("run")) == 3
    assert leaked(project, recorded()) == []


def test_personal_data_in_names_and_words_of_code_reaches_no_evidence(
    recorded: Recorded, project: Path, fails_open: None
) -> None:
    def train(**options: Any) -> Any:
        """For zwing.0@ottokar.example.org, 4111111111111111."""
        warnings.warn(f"{NAME} {MAIL}", UserWarning, stacklevel=1)
        print(NAME, MAIL, CARD)
        return type(f"Model of {FORMED}", (LogisticRegression,), {"__doc__": MAIL})().fit(
            [[0.0], [1.0]], [0, 1]
        )

    train.__name__ = train.__qualname__ = f"train {FORMED}"
    model = type(NAME, (LogisticRegression,), {"__doc__": MAIL})()
    assert described("m", model).klass == "(a name that is no identifier)"
    with pytest.warns(UserWarning, match="Zwing"):
        aims.training(quality=False)(train)(**{MAIL: 1, f"card {CARD}": 2})
    assert recorded("run")
    assert leaked(project, recorded()) == []


@pytest.mark.parametrize(
    "error",
    [
        caused(),
        ExceptionGroup(NAME, [caused()]),
        KeyError(NAME),
        SystemExit(MAIL),
        OSError(2, MAIL),
    ],
    ids=["chained", "group", "key", "exit", "os"],
)
def test_personal_data_in_an_error_of_the_users_code_reaches_no_evidence(
    error: BaseException, recorded: Recorded, project: Path, fails_open: None
) -> None:
    @aims.training(quality=False)
    def train() -> None:
        raise error

    with pytest.raises(type(error)):
        train()
    assert [item.body["status"] for item in recorded("run")] == ["failed"]
    assert leaked(project, recorded()) == []


FRINGES: dict[str, Callable[[], Any]] = {
    "column names": lambda: pd.DataFrame({MAIL: [1.0] * 9, f"card {CARD}": range(9)}),
    "nested column names": lambda: pd.DataFrame(
        np.ones((9, 2)), columns=pd.MultiIndex.from_tuples([(MAIL, CARD), ("x", MAIL)])
    ),
    "categories": lambda: pd.DataFrame({"who": pd.Categorical([NAME, MAIL] * 5)}),
    "values": lambda: pd.DataFrame({"who": [NAME] * 9, "card": [int(CARD)] * 9}),
    "many cards": lambda: pd.DataFrame({"n": [int(CARD), *range(10), *[2**60] * 10]}),
    "index": lambda: pd.DataFrame({"x": range(9)}, index=pd.Index([NAME] * 9, name=MAIL)),
    "name of the columns": lambda: pd.DataFrame({"x": range(9)}).rename_axis(columns=MAIL),
    "attributes": lambda: _with_attributes(pd.DataFrame({"x": range(9)})),
    "name of a series": lambda: pd.Series(range(9), name=MAIL),
    "fields of an array": lambda: np.zeros(9, dtype=[(MAIL, "f8"), ("card", "i8")]),
    "metadata of Arrow": lambda: pa.table({"x": range(9)}).replace_schema_metadata({"who": NAME}),
    "columns of polars": lambda: pl.DataFrame({MAIL: [NAME] * 9, "x": range(9)}),
    "an enum of polars": lambda: pl.DataFrame(
        {"x": pl.Series([NAME], dtype=pl.Enum([NAME, MAIL]))}
    ),
}


def _with_attributes(frame: pd.DataFrame) -> pd.DataFrame:
    frame.attrs = {"owner": NAME, MAIL: CARD}
    return frame


@pytest.mark.parametrize("fringe", FRINGES)
def test_personal_data_at_the_fringes_of_a_table_reaches_no_evidence(
    fringe: str, recorded: Recorded, project: Path, fails_open: None
) -> None:
    with aims.run("load"):
        aims.dataset(FRINGES[fringe](), "rows")
        aims.dataset(FRINGES[fringe](), f"rows of {FORMED}")
    assert recorded("dataset") or recorded("gap")
    assert leaked(project, recorded()) == []


SCRIPT = """
'''Trained for zwing.0@ottokar.example.org.'''
import aims_mlops as aims

@aims.training(quality=False)
def train(rate=0.1):  # zwing.0@ottokar.example.org
    return None

train()
"""


def test_personal_data_around_a_process_reaches_no_evidence(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script's file, its command line, its environment and the remote of its repository."""
    script = project / f"{MAIL}.py"
    script.write_text(SCRIPT)
    monkeypatch.setenv("HOME", str(project))
    for command in (
        ("init", "-q"),
        ("remote", "add", "origin", f"https://{MAIL}:{CARD}@git.example.org/{CARD}.git"),
        ("add", "."),
        ("-c", f"user.name={NAME}", "-c", f"user.email={MAIL}", "commit", "-qm", f"For {NAME}"),
    ):
        subprocess.run(["git", *command], cwd=project, check=True, capture_output=True)
    environment = {
        **os.environ,
        "AIMS_CAPTURE_ERRORS": "warn",
        "USER": MAIL,
        "LOGNAME": MAIL,
        "OWNER": NAME,
        "CARD": CARD,
        "GIT_AUTHOR_EMAIL": MAIL,
    }
    environment.pop("PYTEST_CURRENT_TEST", None)
    done = subprocess.run(
        [sys.executable, str(script), "--who", NAME, f"--card={CARD}", MAIL],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    records = [record.evidence for record in find_project().open_store().find()]
    forget_stores()
    assert {"run", "code"} <= {record.kind for record in records}
    assert leaked(project, records) == []
