"""Text from evidence as a reader may trust it: nothing that hides, reorders or steers."""

from __future__ import annotations

from aims_mlops.visible import one_line, visible

__all__ = ["one_line", "visible"]
