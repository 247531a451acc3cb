"""Names, mail addresses and card numbers, planted wherever a run can meet them, reach no evidence.

The bytes of the log are Base64, so the decoded statements are searched as well as every file.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import datetime
import enum
import json
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import aims_mlops as aims
from aims_mlops.capture.facts.models import described
from aims_mlops.capture.state.statement import statement
from aims_mlops.evidence.records import Evidence
from aims_mlops.inventory.project import find_project
from aims_mlops.plugins import hookimpl, manager
from aims_mlops.store.disk.spool import pending

Recorded = Callable[..., list[Evidence]]

NAMES = [f"Zwing{i} Ottokar-Břehyně" for i in range(60)]
SURNAMES = [f"Zwingenberger{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(60)]
MAILS = [f"zwing.{i}@ottokar.example.org" for i in range(60)]
CARDS = [
    "4111111111111111",
    "5555555555554444",
    "378282246310005",
    "6011111111111117",
    "4000-0566-5566-5556",
    "3566 0020 2036 0505",
]
IBANS = ["DE89370400440532013000", "CZ65 0800 0000 1920 0014 5399"]
PHONES = ["+420 777 123 456", "+1 (212) 555-0187"]
PLANTED = ("Zwing", "zwing", "Ottokar", "ottokar", *CARDS, *IBANS, *PHONES, "4111111111111111.0")
RECORDS = [
    {"name": n, "mail": m, "card": CARDS[i % 6], "age": 30 + i}
    for i, (n, m) in enumerate(zip(NAMES, MAILS, strict=True))
]


@dataclasses.dataclass
class Settings:
    labels: Any
    contact: str = MAILS[0]
    rate: float = 0.1


class Person:
    """Something with attributes and a telling repr."""

    def __init__(self) -> None:
        self.name, self.mail, self.card = NAMES[0], MAILS[0], CARDS[0]

    def __repr__(self) -> str:
        return f"Person({self.name}, {self.mail}, {self.card})"


class Who(enum.Enum):
    FIRST = NAMES[0]


Named = collections.namedtuple("Named", "name mail")
Odd = enum.Enum("Odd", {NAMES[0]: 1})  # type: ignore[misc]

SHAPES: dict[str, Any] = {
    "a mapping of columns": {"surname": SURNAMES[:3], "age": [34, 56, 21]},
    "a long mapping of columns": {"surname": SURNAMES, "mail": MAILS},
    "a mapping of columns of other lengths": {"train": SURNAMES[:2], "test": SURNAMES[2:5]},
    "a mapping of arrays": {"surname": np.array(SURNAMES), "mail": np.array(MAILS)},
    "records": RECORDS,
    "few records": RECORDS[:2],
    "one record in a list": RECORDS[:1],
    "records as tuples": [tuple(record.values()) for record in RECORDS],
    "few records as lists": [list(record.values()) for record in RECORDS[:3]],
    "records as data classes": [Settings(n) for n in NAMES[:3]],
    "records as named tuples": [Named(n, m) for n, m in zip(NAMES, MAILS, strict=True)],
    "a record": RECORDS[0],
    "a list of surnames": pd.Series(SURNAMES).tolist(),
    "a short list of surnames": SURNAMES[:6],
    "a short list of names": NAMES[:2],
    "a list of mails": MAILS[:2],
    "a tuple of cards": tuple(CARDS),
    "a set of surnames": set(SURNAMES),
    "a frozen set of names": frozenset(NAMES[:3]),
    "a queue of surnames": collections.deque(SURNAMES[:10]),
    "values of a mapping": dict.fromkeys(SURNAMES).keys(),
    "names as keys": {name: i for i, name in enumerate(NAMES)},
    "mails as keys": {mail: i for i, mail in enumerate(MAILS[:3])},
    "cards as keys": {card: i for i, card in enumerate(CARDS)},
    "a list deep inside": {"model": {"options": {"labels": SURNAMES, "who": NAMES[:2]}}},
    "beside a frame": {"data": pd.DataFrame({"x": [1, 2]}), "who": NAMES[0], "all": SURNAMES},
    "a data class": Settings(SURNAMES),
    "a namespace": argparse.Namespace(who=NAMES[0], mail=MAILS[0], all=SURNAMES),
    "a simple namespace": types.SimpleNamespace(who=NAMES[0], mail=MAILS[0]),
    "a named tuple": Named(NAMES[0], MAILS[0]),
    "an object": Person(),
    "objects": [Person(), Person()],
    "an enum": Who.FIRST,
    "an enum named after data": next(iter(Odd)),
    "a name": NAMES[0],
    "a mail": MAILS[0],
    "a card": CARDS[0],
    "a card as a number": int(CARDS[0]),
    "a card as a float": float(CARDS[0]),
    "a card of NumPy": np.int64(CARDS[0]),
    "a card in words": f"card-{CARDS[0]}",
    "an account": IBANS[0],
    "a phone": PHONES[0],
    "a path": Path(f"/exports/{MAILS[0]}/rows.csv"),
    "a long text": " ".join(NAMES),
    "bytes": NAMES[0].encode(),
    "an exception": ValueError(NAMES[0]),
    "a series": pd.Series(SURNAMES),
    "an index": pd.Index(SURNAMES),
    "an array": np.array(MAILS),
    "categories": pd.Categorical(SURNAMES),
    "json": json.dumps(RECORDS[0]),
    "a csv line": ",".join(SURNAMES[:4]),
    "a time of birth": {"surname": SURNAMES[0], "birth_date": datetime.date(1980, 1, 1)},
}


def everything(folder: Path, evidence: list[Evidence]) -> str:
    """All files, and all statements decoded, as one text; in both spellings of JSON."""
    files = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
    said = [item.to_statement() for item in evidence]
    text = b"\0".join(files).decode("utf-8", "replace")
    return text + json.dumps(said) + json.dumps(said, ensure_ascii=False)


def found_in(text: str) -> list[str]:
    return [planted for planted in PLANTED if planted in text]


def default_of(value: Any) -> Callable[..., None]:
    def train(given: Any = value) -> None: ...

    return train


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.filterwarnings("ignore::aims_mlops.errors.CaptureWarning")
def test_personal_data_in_an_argument_reaches_no_evidence(
    shape: str, recorded: Recorded, project: Path, fails_open: None
) -> None:
    value = SHAPES[shape]

    @aims.training(quality=False)
    def train(given: Any, *more: Any, **options: Any) -> None:
        aims.current_run().parameter("by hand", value)

    train(value, value, [value], option=value, nested={"inside": value})
    aims.training(quality=False)(default_of(value))()
    with aims.run(
        "tagged", tags={"tag": value, "b": [value]}, parameters={"p": value}, quality=False
    ):
        pass
    assert len(recorded("run")) == 3
    assert found_in(everything(project, recorded())) == []


@pytest.mark.parametrize("shape", ["records", "names as keys", "a name", "a list of surnames"])
@pytest.mark.filterwarnings("ignore::aims_mlops.errors.CaptureWarning")
def test_personal_data_reaches_no_spool(
    shape: str, project: Path, fails_open: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMS_STORE_URL", "nowhere://store")
    aims.training(quality=False)(default_of(SHAPES[shape]))()
    assert len(pending(find_project().root)) == 1
    assert found_in(everything(project, [])) == []


def test_personal_data_in_an_exception_reaches_no_evidence(
    recorded: Recorded, project: Path, fails_open: None
) -> None:
    @aims.training
    def train() -> None:
        raise type(NAMES[0], (ValueError,), {})(f"{NAMES[1]} {MAILS[0]} {CARDS[0]}")

    with pytest.raises(ValueError, match="Zwing"):
        train()
    (run,) = recorded("run")
    assert run.body["error"] == "Exception"
    assert found_in(everything(project, recorded())) == []


@pytest.mark.filterwarnings("ignore::aims_mlops.errors.CaptureWarning")
def test_personal_data_in_an_error_of_capture_reaches_no_evidence(
    recorded: Recorded, project: Path, fails_open: None
) -> None:
    class Broken(LogisticRegression):  # type: ignore[misc]
        def __reduce__(self) -> Any:
            raise OSError(5, f"cannot write {NAMES[0]}")

    model = Broken().fit([[0.0], [1.0]], [0, 1])

    with aims.run("r", quality=False) as run:
        run.model(model)
        run.check(y_true=[0, 1], y_pred=[0, 1], sensitive=NAMES[0])
        run.check(y_true=[0, 1] * 9, y_pred=[0, 1] * 9, positive_label=NAMES[0])
    assert recorded("gap")
    assert found_in(everything(project, recorded())) == []


def test_personal_data_in_what_is_said_of_a_dataset_is_masked(
    recorded: Recorded, project: Path, fails_open: None
) -> None:
    frame = pd.DataFrame({f"scores of {MAILS[0]}": [1.0] * 9, "x": range(9)})
    about = f"owner: {MAILS[0]}, card {CARDS[0]}, call {PHONES[0]}"
    with aims.run("load", quality=False):
        aims.dataset(frame, f"of {MAILS[0]}", source=about, licence=about, purpose=about)
    (dataset,) = recorded("dataset")
    assert dataset.body["source"].startswith("owner: [left out: personal data]")
    assert found_in(everything(project, recorded())) == []


def test_personal_data_in_what_a_plugin_says_is_masked(
    recorded: Recorded, project: Path, fails_open: None
) -> None:
    class Noting:
        @hookimpl
        def collect_run_evidence(self, run: Any) -> list[Evidence]:
            body = {
                "figures": [],
                "notes": [f"seen: {MAILS[0]}", {"card": [CARDS[0]]}],
                "curves": [],
            }
            told = statement(run, "performance", body)
            return [told, dataclasses.replace(told, body={**body, "plot": {MAILS[1]: 1}})]

    manager().register(Noting(), "noting")
    try:
        with aims.run("load", quality=False):
            pass
    finally:
        manager().unregister(name="noting")
    assert len(recorded("performance")) == 2
    assert found_in(everything(project, recorded())) == []


def test_personal_data_in_a_models_parameters_reaches_no_evidence(fails_open: None) -> None:
    class Named:
        def get_params(self) -> dict[str, Any]:
            return {"classes": SURNAMES[:9], "who": NAMES[0], "mail": MAILS[0], "C": 1.0}

        def predict(self) -> None: ...

    kept = described("m", Named()).parameters
    assert kept["C"] == 1.0
    assert found_in(json.dumps(dict(kept), ensure_ascii=False)) == []


def test_personal_data_as_the_key_of_a_model_reaches_no_evidence(
    recorded: Recorded, project: Path, fails_open: None
) -> None:
    @aims.training
    def train() -> dict[str, Any]:
        return {NAMES[0]: LogisticRegression().fit([[0.0], [1.0]], [0, 1])}

    train()
    assert [item.body["name"] for item in recorded("model")] == ["model"]
    assert found_in(everything(project, recorded())) == []
