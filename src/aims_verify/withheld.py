"""Records that come without their content: only what the export says, and never unnoticed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from aims_verify.bundle import Header
from aims_verify.findings import Findings, counted
from aims_verify.record import ROTATION, SPECIAL


def check_withheld(
    header: Header,
    findings: Findings,
    withheld: Sequence[tuple[int, str, str]],
    erased: Collection[str],
    *,
    accepted: bool,
) -> None:
    """Say of each record without its envelope whether that is explained.

    withheld : (sequence, kind, digest of the envelope).  erased : digests that records of an
    erasure name.  accepted : whether what is explained is no failure.
    """
    explained = 0
    for sequence, kind, digest in withheld:
        if kind in (ROTATION, *SPECIAL):
            findings.fail("a record about the log itself comes without it", f"record {sequence}")
        elif digest in erased or (header.signed and kind in header.withheld):
            explained += 1
        else:
            findings.fail(
                "a record comes without its content, and neither a header that the log signed nor "
                "a record of an erasure says so",
                f"record {sequence}",
            )
    if not explained:
        return
    kinds = ", ".join(sorted(header.withheld))[:200] or "erased"
    text = f"the content of {counted(explained, 'record')} is WITHHELD ({kinds})"
    if accepted:
        findings.unchecked.append(
            f"{text}: neither what they say nor that the log signed it was checked, only that they "
            "are in the log"
        )
    else:
        findings.fail(
            f"{text}: this is not the whole log. --accept-withheld takes that as no failure"
        )
