"""The runner of examples notices an example that no longer holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).with_name("run_page.py")


@pytest.mark.parametrize(
    ("page", "holds"),
    [
        ("```python\nprint(1 + 1)\n```\n```text\n2\n```\n", True),
        ("```python\nprint(1 + 1)\n```\n```text\n3\n```\n", False),
        ("```python\nprint('id 5f3 stored')\n```\n```text\nid … stored\n```\n", True),
        ("```console\n$ echo id 0123456789ab\nid ba9876543210\n```\n", True),
        ("```console\n$ echo id 0123456789ab\nid ba98765432101\n```\n", False),
        ("```console\n$ date -u +%FT%TZ\n2026-11-21T09:30:00Z\n```\n", True),
        ("```console\n$ echo one; echo two\none\n…\n```\n", True),
        ("```console\n$ false\n```\n", False),
        ('```yaml title="a/b.yaml"\nx: 1\n```\n```console\n$ cat a/b.yaml\nx: 1\n```\n', True),
        ('```yaml title="b.yaml"\nx: 1\n```\n```console\n$ cat b.yaml\nx: 2\n```\n', False),
        ("```console\n$ export A=b c\n$ echo $A\nb c\n```\n", True),
        ("```console\n$ echo one\ntwo\n```\n", False),
    ],
)
def test_page_is_accepted_only_if_its_output_holds(page: str, holds: bool, tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(page)
    done = subprocess.run(
        [sys.executable, str(RUNNER), str(path)], cwd=tmp_path, capture_output=True, check=False
    )
    assert (done.returncode == 0) is holds
