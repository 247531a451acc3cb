"""Messages of libraries: kept where they cannot hold data, left out where they might."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aims_mlops.capture.state.library_messages import constant_message

SURNAME = "Novakova"


def missing_package() -> Any:
    import a_package_that_is_not_there  # noqa: F401


def wrong_argument() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(surname=SURNAME)


def lock() -> Any:
    return pickle.dumps(threading.Lock())


def constant_of_a_library() -> Any:
    return pd.DataFrame({"a": [1]}).query("")


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (missing_package, "No module named 'a_package_that_is_not_there'"),
        (wrong_argument, "got an unexpected keyword argument 'surname'"),
        (lock, "cannot pickle '_thread.lock' object"),
        (constant_of_a_library, "expr cannot be an empty string"),
    ],
)
def test_message_of_names_and_constants_is_kept(act: Callable[[], Any], words: str) -> None:
    with pytest.raises(Exception) as raised:
        act()
    assert words in (constant_message(raised.value) or "")


@pytest.mark.parametrize(
    "act",
    [
        lambda: float(SURNAME),
        lambda: pd.DataFrame({"a": [SURNAME]}).astype(float),
        lambda: np.array([SURNAME]).astype(float),
        lambda: {}[SURNAME],
        lambda: exec(f"raise ValueError({SURNAME!r})", {"__name__": "__main__"}),
        lambda: getattr(pd.DataFrame({"a": [1]}), "jan@example.org"),
    ],
)
def test_message_that_may_quote_a_value_is_left_out(act: Callable[[], Any]) -> None:
    with pytest.raises(Exception) as raised:
        act()
    assert constant_message(raised.value) is None
