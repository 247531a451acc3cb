"""A page of ours as a PDF for reading aloud as well (PDF/UA-1), by WeasyPrint.

The one place that imports it. Nothing is fetched: a page has everything in itself. The fonts are
those of the machine, so that the bytes are the same only where the fonts are.
"""

from __future__ import annotations

import hashlib
from typing import Any, NoReturn

from aims_mlops.errors import MissingExtraError


def as_pdf(html: str) -> bytes:
    """The page as a tagged PDF. Raises MissingExtraError, also where Pango is not installed."""
    try:
        import weasyprint
    except (ImportError, OSError) as error:  # OSError: its libraries of the system are missing
        raise MissingExtraError("writing a PDF", library="weasyprint", extra="documents") from error
    identifier = hashlib.sha256(html.encode()).digest()[:16]
    document = weasyprint.HTML(string=html, base_url="about:blank", url_fetcher=_refuse)
    found: bytes = document.write_pdf(pdf_variant="pdf/ua-1", pdf_identifier=identifier)
    return found


def _refuse(url: str, *_: Any, **__: Any) -> NoReturn:
    raise ValueError("a page of ours needs nothing from elsewhere")
