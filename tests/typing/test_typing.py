"""User code is checked as its author's type checker would: by mypy and by pyright, strictly."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

USER_CODE = Path(__file__).with_name("user_code.py")
MYPY = "[mypy]\nstrict = true\nwarn_unused_ignores = true\n"
PYRIGHT = {
    "typeCheckingMode": "standard",  # as pyright; basedpyright is pyright that installs whole
    "reportUnnecessaryTypeIgnoreComment": "error",
    "enableTypeIgnoreComments": False,
    "pythonVersion": "3.11",
}


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_user_code_has_the_types_that_it_says(checker: str, tmp_path: Path) -> None:
    code = USER_CODE.read_text()
    wrong = code.replace("train([1], depth=2), Model", "train([1], depth=2), int")
    (tmp_path / "right.py").write_text(code)
    (tmp_path / "wrong.py").write_text(wrong)
    (tmp_path / "mypy.ini").write_text(MYPY)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(PYRIGHT))
    commands = {
        "mypy": ["-m", "mypy", "--config-file", "mypy.ini"],
        "pyright": ["-m", "basedpyright", "--pythonpath", sys.executable],
    }
    done = subprocess.run(
        [sys.executable, *commands[checker], "right.py", "wrong.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [line for line in done.stdout.splitlines() if re.search(r"\berror\b:?", line)]
    assert [line for line in errors if "right.py" in line] == [], done.stdout + done.stderr
    assert len([line for line in errors if "wrong.py" in line]) == 1, done.stdout + done.stderr
