"""Mutation testing of the gate and of assessments: does a test notice each small change of logic?

    python tests/mutation/run.py [--only gates/decision/decide.py ...] [--sample N] [--jobs 1]

`mutants.py` says what is changed. The tests are collected and run once; then each mutant lives in a
fork of that process, in which the changed code takes the place of the code that tests hold
(`swapping.py`), and meets the tests that reach its line, the quickest first, until one fails
(`trying.py`). Tests slower than `--within` are left out, so that a mutant which only they would
notice counts as a survivor. Nothing on disk is touched. Survivors that README.md beside this file
explains are read from there. Exit 0: at least 95 % killed, and every survivor explained.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from mutants import Mutant, mutants
from trying import Trying

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "aims_mlops"
FOLDERS = ("gates", "assessments")
TESTS = ("tests/unit/gates", "tests/unit/assessments", "tests/adversary/gates", "tests/plugins")
LEAST_KILLED = 0.95


def main(arguments: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--only", nargs="+", help="files below src/aims_mlops/")
    options.add_argument("--sample", type=int, help="this many of them, the same each time")
    options.add_argument("--jobs", type=int, default=1)
    options.add_argument(
        "--within", type=float, default=1.0, help="seconds; no slower test is used"
    )
    chosen = options.parse_args(arguments)
    os.chdir(ROOT)
    sys.path.insert(0, str(SOURCE.parent))
    sys.dont_write_bytecode = True
    files = chosen.only or [
        str(path.relative_to(SOURCE)) for f in FOLDERS for path in sorted((SOURCE / f).glob("*.py"))
    ]
    todo = [mutant for file in files for mutant in mutants(SOURCE / file, file)]
    if chosen.sample:
        todo = random.Random(0).sample(todo, min(chosen.sample, len(todo)))
    _settle_hypothesis()
    _import_all()
    plugin = Trying(
        [SOURCE / folder for folder in FOLDERS],
        lambda tried: _told(tried, todo, chosen.jobs),
        within=chosen.within,
    )
    quiet = ("-q", "--capture=sys", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore")
    pytest.main([*quiet, *TESTS], plugins=[plugin])
    return plugin.answer


def _told(tried: Trying, todo: Sequence[Mutant], jobs: int) -> int:
    """Try every mutant, say which survive, and 0 if that is few enough and explained."""
    _say(f"{len(todo)} mutants")
    explained, survivors, begun = _explained(), [], time.monotonic()
    for number, (mutant, alive) in enumerate(tried.survive(todo, jobs), 1):
        if alive:
            survivors.append(mutant)
            known = "explained" if mutant.name in explained else "SURVIVES"
            _say(f"{number}/{len(todo)} {known} line {mutant.line} {mutant.name}")
        elif number % 100 == 0:
            _say(f"{number}/{len(todo)} after {time.monotonic() - begun:.0f} s")
    unexplained = [mutant for mutant in survivors if mutant.name not in explained]
    share = 1 - len(survivors) / max(len(todo), 1)
    _say(
        f"{len(todo) - len(survivors)} of {len(todo)} killed ({share:.1%}); "
        f"{len(survivors)} survive, {len(unexplained)} of them unexplained; "
        f"{time.monotonic() - begun:.0f} s"
    )
    return 0 if share >= LEAST_KILLED and not unexplained else 1


def _settle_hypothesis() -> None:
    """The same examples each time, none remembered, none shrunk: only whether one fails counts."""
    from hypothesis import Phase, settings

    settings.register_profile(
        "mutation", derandomize=True, database=None, phases=(Phase.explicit, Phase.generate)
    )
    settings.load_profile("mutation")


def _import_all() -> None:
    """Import every module that has mutants, so that each has something alive to change."""
    import importlib

    for folder in FOLDERS:
        for path in sorted((SOURCE / folder).glob("*.py")):
            importlib.import_module(f"aims_mlops.{folder}.{path.stem}".removesuffix(".__init__"))


def _explained() -> set[str]:
    text = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
    return set(re.findall(r"^- `(.+)`$", text, re.MULTILINE))


def _say(text: str) -> None:
    sys.__stderr__.write(text + "\n")
    sys.__stderr__.flush()


if __name__ == "__main__":
    sys.exit(main())
