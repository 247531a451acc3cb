"""The examples in the pages about bias and performance hold, and name only figures there are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from aims_mlops.measures.bias.measure import measure_bias

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize("page", ["measures-bias.md", "measures-performance.md"])
def test_page_prints_what_it_says(page, tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tests/docs/run_page.py", ROOT / "docs" / page],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_figure_of_a_bias_result_is_on_the_page() -> None:
    generator = np.random.default_rng(0)
    score = generator.random(300)
    truth = (generator.random(300) < score).astype(int)
    group = generator.choice(["a", "b"], 300)
    page = (ROOT / "docs/measures-bias.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", page)) | set(re.findall(r"`(\w+)_…`", page))
    results = [
        measure_bias(y_true=truth, y_score=score, threshold=0.5, sensitive=group),
        measure_bias(y_true=truth * 10 + score, y_pred=score * 10, sensitive=group),
    ]
    for result in results:
        for name in {figure.measure for figure in result.figures}:
            stem = re.sub(r"_(difference|ratio)$", "", name)
            assert name in named or {f"{stem}_difference", stem} & named, name
