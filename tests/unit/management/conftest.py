"""An organisation of its own for each test that writes."""

from __future__ import annotations

import pytest

from support.registers import Organisation


@pytest.fixture
def organisation(tmp_path, monkeypatch):
    monkeypatch.setenv("AIMS_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("AIMS_CREATE_STORE", "on")
    return Organisation(tmp_path)
