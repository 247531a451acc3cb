"""Secrets are found by name, by form and by randomness, and reach nothing that is written."""

from __future__ import annotations

import base64
import json
import random
import string
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aims_mlops as aims
from aims_mlops.capture.secrets import is_secret, looks_secret
from aims_mlops.evidence.records import Evidence
from aims_mlops.inventory.project import find_project
from aims_mlops.store.spool import pending

Recorded = Callable[..., list[Evidence]]

UPPER = string.ascii_uppercase + string.digits
MIXED = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def seeded_secrets(count: int = 200) -> list[tuple[str, str]]:
    """(parameter name, secret): known forms and random texts under innocent names, and short
    human ones under telling names."""
    chance = random.Random(42)

    def text(letters: str, length: int) -> str:
        return "".join(chance.choice(letters) for _ in range(length))

    def urlsafe(length: int) -> str:
        return base64.urlsafe_b64encode(chance.randbytes(length)).decode().rstrip("=")

    makers: list[Callable[[], tuple[str, str]]] = [
        lambda: ("key_id", "AKIA" + text(UPPER, 16)),
        lambda: ("value", text(MIXED + "/+", 40)),
        lambda: ("remote", "ghp_" + text(MIXED, 36)),
        lambda: ("remote", "github_pat_" + text(MIXED, 30)),
        lambda: ("ci", "glpat-" + text(MIXED, 20)),
        lambda: ("channel", f"xoxb-{text(string.digits, 12)}-{text(MIXED, 24)}"),
        lambda: ("billing", "sk_live_" + text(MIXED, 24)),
        lambda: ("llm", "sk-proj-" + urlsafe(36)),
        lambda: ("maps", "AIza" + text(MIXED + "-_", 35)),
        lambda: ("hub", "hf_" + text(MIXED, 34)),
        lambda: ("claims", f"eyJhbGciOiJIUzI1NiJ9.{urlsafe(30)}.{urlsafe(32)}"),
        lambda: ("url", f"postgresql://ml:{text(MIXED, 12)}@db.example.org/loans"),
        lambda: ("connection", f"Server=db;Database=x;Password={text(MIXED, 10)};"),
        lambda: ("header", f"Bearer {urlsafe(24)}"),
        lambda: ("blob", f"https://x.blob.example.org/c?sv=2024&sig={text(MIXED, 43)}%3D"),
        lambda: ("pem", f"-----BEGIN RSA PRIVATE KEY-----\n{text(MIXED, 64)}\n"),
        lambda: ("note", text(HEX, 40)),
        lambda: ("tenant", str(uuid.UUID(int=chance.getrandbits(128), version=4))),
        lambda: ("extra", urlsafe(32)),
        lambda: ("option", text(string.ascii_lowercase + string.digits, 32)),
        lambda: ("db_password", chance.choice(["hunter2", "correcthorse"]) + text(HEX, 4)),
        lambda: ("apiKey", text(MIXED, 12)),
        lambda: ("access_token", text(MIXED, 16)),
        lambda: ("aws.secret", text(string.ascii_lowercase, 9)),
        lambda: ("SESSION_COOKIE", text(MIXED, 18)),
    ]
    return [makers[i % len(makers)]() for i in range(count)]


def test_200_seeded_secrets_are_all_recognised() -> None:
    missed = [(name, value) for name, value in seeded_secrets() if not is_secret(name, value)]
    assert missed == []


def written(folder: Path, evidence: list[Evidence]) -> bytes:
    """Every byte in files, and the evidence in plain, for the log keeps it in Base64."""
    parts = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
    parts += [json.dumps(item.to_statement()).encode() for item in evidence]
    return b"\0".join(parts)


def capture_all(secrets: list[tuple[str, str]]) -> None:
    """Each secret as argument, in a dict, in a declared parameter, a tag and a source."""

    @aims.training
    def train(**options: Any) -> None:
        for i, (name, secret) in enumerate(secrets):
            aims.current_run().parameter(f"declared{i}.{name}", secret)

    half = len(secrets) // 2
    train(
        **{f"p{i}_{name}": secret for i, (name, secret) in enumerate(secrets[:half])},
        nested={f"n{i}_{name}": [secret] for i, (name, secret) in enumerate(secrets[half:])},
    )
    tags = {f"t{i}_{name}": secret for i, (name, secret) in enumerate(secrets)}
    with aims.run("tagged", tags=tags):
        pass


def test_no_seeded_secret_reaches_log_or_blobs(
    recorded: Recorded, project: Path, fails_open: None
) -> None:
    secrets = seeded_secrets()
    capture_all(secrets)
    assert len(recorded("run")) == 2
    assert recorded("gap") == []
    content = written(project, recorded())
    assert b"scrubbed" in content
    assert [s for _, s in secrets if s.encode() in content] == []


def test_no_seeded_secret_reaches_the_spool(
    project: Path, fails_open: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMS_STORE_URL", "nowhere://store")
    secrets = seeded_secrets()
    with pytest.warns(aims.errors.CaptureWarning, match="spooled"):
        capture_all(secrets)
    assert len(pending(find_project().root)) == 2
    content = written(project, [])
    assert b"scrubbed" in content
    assert [s for _, s in secrets if s.encode() in content] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_tokens", 512),
        ("tokenizer", "bert-base-uncased"),
        ("model", "HistGradientBoostingClassifier"),
        ("estimator", "sklearn.ensemble._hist_gradient_boosting.gradient_boosting"),
        ("path", "/data/projects/loans-2026/train_2026-11-21_v2.parquet"),
        ("path", "s3://company-data/features/daily/part-00001-snapshot.parquet"),
        ("commit", "9fceb02d0ae598e95dc970b74767f19372d61af8"),
        ("data_sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("secret_santa", True),
        ("criterion", "neg_root_mean_squared_error"),
        ("url", "https://github.com/aims-mlops/aims-mlops/tree/main/docs"),
        ("when", "2026-11-21T09:30:00.000000Z"),
        ("description", "a model of the risk that a loan is not paid back within 24 months"),
        ("columns", "age,sex,bmi,bp,s1,s2,s3,s4,s5,s6"),
        ("name", "Donaudampfschifffahrtsgesellschaft"),
        ("author", "key account manager"),
        ("monkey", "business"),
        ("random_state", 42),
        ("base", "mistralai/Mistral-7B-Instruct-v0.3"),
        ("dtype", "datetime64[ns, Europe/Berlin]"),
    ],
)
def test_ordinary_value_is_kept(name: str, value: object) -> None:
    assert not is_secret(name, value)


def test_error_of_ours_is_scrubbed_before_it_becomes_a_gap(
    recorded: Recorded, fails_open: None
) -> None:
    uri = "models:/postgresql://ml:hunter2hunter2@db/1"
    assert looks_secret(uri)
    with pytest.warns(aims.errors.CaptureWarning), aims.run("evaluate") as run:
        run.model(f"unknown+{uri}")
    (gap,) = recorded("gap")
    assert "hunter2" not in str(gap.body)
