"""What people copy from hooks/ trusts no moving tag and asks for no right beyond its needs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
HOOKS = ROOT / "hooks"
# The release workflow holds it against the tag.
RELEASE = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["version"][
    "fallback-version"
]
WORKFLOWS = sorted(HOOKS.glob("github-actions/*.yml"))
FILES = [path for path in sorted(HOOKS.rglob("*")) if path.is_file() and path.suffix != ".md"]
_SECRET = re.compile(r"(--[a-z-]*(uri|url|token|password)\b|postgresql://)")


def load(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text())


def actions() -> list[tuple[str, str, str]]:
    """Action, what it is pinned by, and the version in the comment."""
    found = []
    for path in WORKFLOWS:
        for line in re.findall(r"uses: (actions/.*)", path.read_text()):
            name, _, rest = line.partition("@")
            pin, _, version = rest.partition("  # ")
            found.append((name, pin, version))
    return found


def test_every_action_is_pinned_by_digest_with_its_version() -> None:
    assert actions()
    for name, pin, version in actions():
        assert re.fullmatch(r"[0-9a-f]{40}", pin), name
        assert re.fullmatch(r"v\d+\.\d+\.\d+", version), name


def test_each_action_has_one_version_everywhere() -> None:
    pins: dict[str, set[tuple[str, str]]] = {}
    for name, pin, version in actions():
        pins.setdefault(name, set()).add((pin, version))
    assert {name: len(found) for name, found in pins.items() if len(found) > 1} == {}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_installed_or_pulled_has_a_version(path: Path) -> None:
    for install in re.findall(r"pip install '(aims-mlops[^']+)'", path.read_text()):
        assert install.endswith(f"=={RELEASE}")
    for image in re.findall(r"image: (\S+)", path.read_text()):
        assert re.search(r":\d+\.\d+\.\d+", image), image


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_secret_stands_on_a_command_line(path: Path) -> None:
    commands = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    for line in commands:
        if re.search(r"\b(aims|mlflow|python|curl)\b .*\s", line) and "=" not in line.split()[0]:
            assert not _SECRET.search(line), line
            assert not re.search(r"(aims|mlflow) .*\$\{?(MLFLOW_DATABASE|AIMS_STORE_URL)", line), (
                line
            )


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_has_a_deadline_and_reads_only(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 60
        (checkout,) = [s for s in job["steps"] if "checkout" in s.get("uses", "")]
        assert checkout["with"]["persist-credentials"] is False


def test_pod_has_no_more_rights_than_it_needs_and_a_deadline() -> None:
    job = load(HOOKS / "kubernetes/aims-monitor.yaml")["spec"]["jobTemplate"]["spec"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    assert job["activeDeadlineSeconds"] <= 3600
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    writable = {m["mountPath"] for m in container["volumeMounts"] if not m.get("readOnly")}
    assert writable == {"/srv/aims", "/tmp"}


@pytest.mark.parametrize(
    "directive",
    [
        "NoNewPrivileges=true",
        "CapabilityBoundingSet=",
        "PrivateUsers=true",
        "PrivateDevices=true",
        "ProtectHome=true",
        "ProtectSystem=strict",
        "ProtectProc=invisible",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
        "RestrictNamespaces=true",
        "SystemCallFilter=@system-service",
        "SystemCallFilter=~@privileged @resources",
        "TimeoutStartSec=1h",
        "UMask=0077",
    ],
)
def test_service_gives_up_what_it_does_not_need(directive: str) -> None:
    assert directive in (HOOKS / "systemd/aims-monitor.service").read_text().splitlines()
