"""Who is told: `notices`, `webhooks` and `publishers` in aims.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from aims_mlops.documents.problems import Section

Variable = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")]


class Recipient(Section):
    """Where notices go.

    urls_from : environment variable with addresses of Apprise, one a word: they hold secrets, which
        do not belong in aims.yaml.  least : the least severity that is told.
    """

    urls_from: Variable
    least: Literal["minor", "major"] = "minor"


EventName = Literal["approval-wanted", "decision", "refused", "promoted", "expiring", "found-wrong"]


class Webhook(Section):
    """Where events for machines go, as CloudEvents that Standard Webhooks signs.

    url_from, secret_from : environment variables with the address, and with the secret (`whsec_…`).
    events : which of them.  private_hosts : names of hosts that may be of a private network, or
        plain HTTP; no other is.
    """

    url_from: Variable
    secret_from: Variable
    events: Annotated[tuple[EventName, ...], Field(min_length=1)] = (
        "approval-wanted",
        "decision",
        "refused",
        "promoted",
        "expiring",
        "found-wrong",
    )
    private_hosts: tuple[Annotated[str, StringConstraints(min_length=1)], ...] = ()


class Publisher(Section):
    """Where `aims export … --publish` sends a report.

    url_from : environment variable with the address.  headers : {header: environment variable}.
    mapping : a YAML file of the project that says what JSON is sent; without it the report itself.
    private_hosts : as for a webhook.
    """

    url_from: Variable
    method: Literal["POST", "PUT"] = "POST"
    headers: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,100}$")], Variable] = (
        Field(default_factory=dict)
    )
    mapping: str | None = None
    private_hosts: tuple[Annotated[str, StringConstraints(min_length=1)], ...] = ()
