"""Secrets are found by name, by form and by randomness, and reach nothing that is written."""

from __future__ import annotations

import base64
import json
import random
import re
import string
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aims_mlops as aims
from aims_mlops.evidence.records import Evidence
from aims_mlops.evidence.secrets import SCRUBBED, cleaned, is_secret, looks_secret, scrubbed
from aims_mlops.evidence.urls import without_credentials
from aims_mlops.inventory.project import find_project, open_store
from aims_mlops.store.database.database import Database
from aims_mlops.store.disk.spool import pending

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


PASSWORDS = [
    "hunter/zebra",
    "hunter?zebra",
    "hunter#zebra",
    "hunter@zebra",
    "hunter:zebra/q?hunter#z@zebra",
    "12345/zebra",
    "hunter/",
    "hunter//zebra",
]
ADDRESSES = [
    "postgresql://ml:{}@db.example.org/loans",
    "postgresql+psycopg://ml:{}@db.example.org:5432/loans?sslmode=require",
    "postgresql://:{}@db/loans",
    "redis://:{}@cache:6379/0",
    "https://ml:{}@mlflow.example.org/api#part",
    "s3://key:{}@bucket.example.org/data.parquet",
    "sqlite+x://a.b:{}@host/x",
    "ml:{}@db.example.org:loans",
]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("password", PASSWORDS)
def test_password_in_an_address_survives_no_cleaning(address: str, password: str) -> None:
    url = address.format(password)
    short = without_credentials(url)
    parts = [part for part in re.split(r"[/?#@:]", password) if len(part) > 1]
    assert [part for part in parts if part in short] == []
    assert "@" not in short
    assert is_secret("address", url)
    assert scrubbed(f"cannot reach {url}") == SCRUBBED


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://token@github.com/o/n.git", "https://github.com/o/n.git"),
        ("git@github.com:o/n.git", "github.com:o/n.git"),
        ("https://u:p@mlflow.example.org:5000/x?y=1#z", "https://mlflow.example.org:5000/x"),
        ("https://mlflow.example.org/models@v1/x", "https://mlflow.example.org/models@v1/x"),
        ("http://localhost/a@b", "http://localhost/a@b"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("sqlite:////srv/who@where/mlflow.db", "sqlite:////srv/who@where/mlflow.db"),
        ("file:///srv/a@b", "file:///srv/a@b"),
        ("/srv/a@b", "/srv/a@b"),
        ("./mlruns", "./mlruns"),
        ("databricks", "databricks"),
    ],
)
def test_address_without_its_credentials_is_kept(url: str, kept: str) -> None:
    assert without_credentials(url) == kept


@pytest.mark.parametrize(
    "text",
    [
        "train.py --password hunter2",
        "train.py --password=hunter2 --rate 0.1",
        "train.py --db-password 'hunter2'",
        "train.py --pw hunter2",
        "train.py --pass hunter2",
        "train.py -pwd hunter2",
        "train.py --api-key hunter2",
        "curl --token hunter2",
        "pw=hunter2;host=db",
        "pass: hunter2",
        "passcode=hunter2",
    ],
)
def test_secret_after_a_flag_is_scrubbed(text: str) -> None:
    assert is_secret("command", text)
    assert scrubbed(text) == SCRUBBED


@pytest.mark.parametrize(
    "name",
    ["pass", "pw", "db_pass", "userPw", "dbpassword", "userpwd", "clientsecret", "passwords"],
)
def test_short_name_of_a_password_is_enough(name: str) -> None:
    assert is_secret(name, "hunter2")
    assert is_secret(name, 1234)


def test_flag_in_a_list_scrubs_what_follows(recorded: Recorded) -> None:
    @aims.training
    def train(argv: list[str]) -> None: ...

    train(["--password", "hunter2", "--rate", "3"])
    (parameters,) = recorded("parameters")
    assert parameters.body["parameters"] == {
        "argv.0": "--password",
        "argv.1": SCRUBBED,
        "argv.2": "--rate",
        "argv.3": "3",
    }


@pytest.mark.parametrize("name", ["bypass", "passthrough", "compass", "passes", "powered"])
def test_word_that_only_holds_a_telling_one_is_kept(name: str) -> None:
    assert not is_secret(name, 3)


def test_password_in_any_body_is_taken_out() -> None:
    body = {
        "uri": "s3://key:hunter/zebra@bucket/model",
        "note": "with --password hunter2",
        "postgresql://ml:hunter2@db/x": ["bearer hunter2hunter2"],
        "sha256": "4111111111111111" * 4,
        "mark": SCRUBBED,
    }
    assert cleaned(body) == {
        "uri": "s3://bucket/model",
        "note": SCRUBBED,
        "postgresql://db/x": [SCRUBBED],
        "sha256": "4111111111111111" * 4,
        "mark": SCRUBBED,
    }


def test_password_in_a_store_address_reaches_no_message(tmp_path: Path) -> None:
    with pytest.raises(aims.errors.InputError) as wrong:
        open_store("ml:hunter/zebra@db.example.org/loans")
    assert "zebra" not in str(wrong.value)
    assert "hunter" not in str(wrong.value)


def test_password_in_a_store_query_reaches_no_status(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'e.db'}?password=hunter2", create=True)
    try:
        assert "hunter2" not in database.url
    finally:
        database.close()
