"""The built-in publisher: one HTTP request to an address that aims.yaml names.

The body is the report itself, or JSON whose texts are filled from it: names with texts that hold
`{format}`, `{version}`, `{subject}`, `{sha256}`, `{log}`, `{size}`, `{text}` and `{base64}`.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from typing import Any

from aims_mlops.documents.reading import read_yaml
from aims_mlops.errors import InputError
from aims_mlops.inventory.declared.notices import Publisher
from aims_mlops.inventory.project import Project, find_project
from aims_mlops.operations.publishing.report import PublishedReport
from aims_mlops.operations.webhooks.delivery import post
from aims_mlops.plugins import hookimpl

_DEPTH = 20  # of a mapping


@hookimpl(trylast=True)
def publish_report(report: PublishedReport, receiver: str) -> str | None:
    """Send to the receiver of this name under `publishers`; None if there is none."""
    project = find_project()
    publisher = project.settings.publishers.get(receiver)
    if publisher is None:
        return None
    headers = {"Content-Type": report.media_type, "User-Agent": "aims-mlops"}
    body = report.content
    if publisher.mapping is not None:
        body = json.dumps(_filled(_mapping(project, publisher), _values(report), 0)).encode()
        headers["Content-Type"] = "application/json"
    headers |= {name: _variable(variable) for name, variable in publisher.headers.items()}
    status = post(
        _variable(publisher.url_from),
        headers,
        body,
        method=publisher.method,
        private_hosts=publisher.private_hosts,
        what="publisher",
    )
    return f"sent to {receiver}: status {status}"


def _mapping(project: Project, publisher: Publisher) -> Any:
    found = read_yaml(project.root / str(publisher.mapping)).data
    if not isinstance(found, dict):
        raise InputError(
            f"{publisher.mapping} is no mapping",
            expected="names with texts, such as name: {format}",
        )
    return found


def _values(report: PublishedReport) -> dict[str, str]:
    return {
        "format": report.format,
        "version": report.version,
        "subject": report.subject,
        "sha256": report.sha256,
        "log": report.log_id,
        "size": str(report.size),
        "base64": base64.b64encode(report.content).decode(),
        "text": report.content.decode("utf-8", "replace"),
    }


def _filled(value: Any, values: Mapping[str, str], depth: int) -> Any:
    """The mapping with each `{name}` of ours replaced once; what was put in is not read again."""
    if depth > _DEPTH:
        raise InputError("a publisher's mapping is too deep", expected=f"at most {_DEPTH} levels")
    if isinstance(value, dict):
        return {str(k): _filled(v, values, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_filled(entry, values, depth + 1) for entry in value]
    if not isinstance(value, str):
        return value
    parts = []
    rest = value
    while "{" in rest:
        before, _, after = rest.partition("{")
        name, closed, tail = after.partition("}")
        known = closed and name in values
        parts += [before, values[name] if known else "{"]
        rest = tail if known else after
    return "".join((*parts, rest))


def _variable(name: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise InputError(f"{name} is empty or not set", next_step="set it where reports are sent")
    return value
