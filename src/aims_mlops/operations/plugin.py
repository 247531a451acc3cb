"""The built-in plugin that sends notices, through Apprise."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aims_mlops.errors import InputError, MissingExtraError
from aims_mlops.plugins import hookimpl

if TYPE_CHECKING:
    from aims_mlops.operations.notices import Notice


@hookimpl(trylast=True)
def send_notice(notice: Notice) -> bool | None:
    """Through every address in the recipient's environment variable."""
    urls = os.environ.get(notice.urls_from, "").split()
    if not urls:
        raise InputError(
            f"notices.{notice.recipient} has no address",
            got=f"{notice.urls_from} is empty or not set",
            expected="addresses of Apprise, separated by spaces",
        )
    try:
        import apprise
    except ImportError as error:
        raise MissingExtraError("sending notices", library="apprise", extra="notices") from error
    # An address and its secret go where they were meant to go, and nowhere else.
    sender = apprise.Apprise(asset=apprise.AppriseAsset(http_redirects=False))
    for place, url in enumerate(urls, 1):
        if not sender.add(url):
            raise InputError(
                f"address {place} of {notice.urls_from} is none that Apprise knows",
                got=url.partition(":")[0] + "://…",
            )
    if not sender.notify(title=notice.title, body=notice.text):
        raise InputError(
            f"a notice to {notice.recipient} was not delivered",
            next_step="check the addresses and the network; it is tried again by the next run",
        )
    return True
