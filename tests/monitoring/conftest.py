"""A project with one AI system in operation, monitored daily, and commands as people type them."""

from __future__ import annotations

import contextlib
import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import time_machine

from aims_mlops.cli.main import main
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.inventory.project import find_project, forget_stores

DAY_0 = datetime(2026, 1, 5, tzinfo=UTC)
MODEL = "a" * 64
_NAMED = '    assessment: "assessments/loans.yaml"\n'


class Loans:
    """The project `loans`, whose files a test writes day by day."""

    def __init__(self, folder: Path, clock: Any) -> None:
        self.folder = folder
        self.clock = clock
        self._begun = False

    def aims(self, *arguments: str) -> tuple[int, str]:
        said = io.StringIO()
        code: Any = 0
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                main(list(arguments))
            except SystemExit as end:
                code = end.code or 0
        return code, said.getvalue()

    def run(self) -> dict[str, Any]:
        """One round, as JSON."""
        _, said = self.aims("monitor", "run", "--json")
        found: dict[str, Any] = json.loads(said)
        return found

    def at(self, day: int, hour: float = 7) -> None:
        """The morning of a day. The schedules have begun before, with the first look."""
        if not self._begun:
            self._begun = True
            self.aims("monitor", "run")
        self.clock.move_to(DAY_0 + timedelta(days=day, hours=hour))

    def monitor(self, **fields: Any) -> None:
        """aims.yaml with one monitor; its fields as JSON, which YAML reads."""
        monitor = {"id": "daily", "data": "data/{day}.parquet", "plots": "never"} | fields
        self.monitors(monitor)

    def monitors(self, *monitors: dict[str, Any], system: str = "loans") -> None:
        """aims.yaml with these monitors of one system."""
        text = (self.folder / "plain.yaml").read_text()
        text = text.replace('  - id: "loans"\n', f"  - id: {system}\n")
        path = self.folder / "aims.yaml"
        path.write_text(text.replace(_NAMED, f"{_NAMED}    monitoring: {json.dumps(monitors)}\n"))

    def frame(self, rows: int = 500, *, seed: int = 0, shift: float = 0.0) -> pd.DataFrame:
        chance = np.random.default_rng(seed)
        return pd.DataFrame(
            {
                "income": chance.normal(50 + shift, 10, rows),
                "age": chance.integers(20, 70, rows),
                "branch": chance.choice(["north", "south"], rows),
                "approved": chance.integers(0, 2, rows),
            }
        )

    def day(self, day: int, frame: pd.DataFrame | None = None, name: str = "") -> Path:
        """The batch of a day."""
        moment = DAY_0 + timedelta(days=day)
        path = self.folder / "data" / f"{moment:%Y-%m-%d}{name}.parquet"
        path.parent.mkdir(exist_ok=True)
        (frame if frame is not None else self.frame(seed=day)).to_parquet(path)
        return path

    def records(self, kind: str) -> list[Record]:
        return list(find_project().open_store().find(kind=kind))

    def runs(self) -> list[dict[str, Any]]:
        """Bodies of the runs in the log."""
        return [dict(record.evidence.body) for record in self.records("monitoring-run")]


@pytest.fixture
def loans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loans]:
    """In operation since day 0, 09:00, with a reference profile of 2,000 rows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIMS_ACTOR", "ana")
    logging.getLogger("alembic").setLevel(logging.ERROR)
    with time_machine.travel(DAY_0 + timedelta(hours=9)) as clock:
        live = Loans(tmp_path, clock)
        assert live.aims("init", "--system", "loans")[0] == 0
        (tmp_path / "aims.yaml").rename(tmp_path / "plain.yaml")
        live.monitor()
        live.frame(2000, seed=99).to_parquet("reference.parquet")
        assert live.aims("drift", "profile", "reference.parquet", "--system", "loans")[0] == 0
        find_project().open_store().append(
            Evidence(
                kind="deployment",
                subjects=(Subject("model:loans", MODEL),),
                body={"event": "deployed", "target": "pilot", "where": "here", "model": MODEL},
                actor="ana",
                claimed_at=now(),
                system="loans",
            )
        )
        yield live
    forget_stores()
