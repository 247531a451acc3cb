"""What keeps predictions out of the inference log, or the model out of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

_MESSAGE = 300  # characters; it has to fit beside the counts of a process


@dataclass(frozen=True, slots=True)
class Trouble:
    """what : `log`, which cannot be opened, so that no row is written; or `model`, which cannot be
    told, so that rows lack its digest.  error : class of the error.  message : without values.
    """

    what: Literal["log", "model"]
    error: str
    message: str

    @classmethod
    def of(cls, what: Literal["log", "model"], error: Exception) -> Trouble:
        """An error of ours speaks for itself; another's message could hold anything."""
        from aims_mlops.errors import AimsError

        ours = isinstance(error, AimsError)
        message = str(error) if ours else f"{type(error).__name__}; see the log of the process"
        return cls(what, type(error).__qualname__, message[:_MESSAGE])

    def to_body(self) -> dict[str, Any]:
        """As a `gap` says it, and `trouble` of an `inference-log`."""
        return {
            "where": f"inference log ({self.what})",
            "error": self.error,
            "message": self.message,
        }
