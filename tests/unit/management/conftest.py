"""An organisation of its own for each test that writes: a copy of one that was set up once."""

from __future__ import annotations

import shutil

import pytest

from aims_mlops.inventory.project import forget_stores
from support.registers import Organisation


@pytest.fixture(scope="session")
def set_up_once(tmp_path_factory):
    root = tmp_path_factory.mktemp("organisation")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIMS_KEYS", str(root / "keys"))
        Organisation(root).set_up()
    forget_stores()
    return root


@pytest.fixture
def organisation(tmp_path, monkeypatch, set_up_once):
    shutil.copytree(set_up_once, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("AIMS_KEYS", str(tmp_path / "keys"))
    yield Organisation(tmp_path)
    forget_stores()
