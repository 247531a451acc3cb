"""The one tree of errors.

    AimsError
    ├── InputError                 an argument, file or dataset that cannot be used
    │   ├── DocumentError          a file people edit, with path and line
    │   ├── ModelNotFoundError     a model URI that leads nowhere
    │   └── MissingExtraError      an optional library that is not installed
    ├── EvidenceError              a record that is not what it says
    │   ├── EvidenceFormatError    bytes that cannot become evidence
    │   ├── EvidenceNotFoundError  no record under this id
    │   ├── EvidenceConflictError  same idempotency key, another body
    │   └── VerificationError      a digest, signature or proof that does not hold
    ├── StoreError                 the evidence store cannot do what was asked
    │   ├── StoreUnavailableError  locked, read-only, full or unreachable
    │   │   └── NotAllowedError    a token that is not for this
    │   ├── StoreVersionError      written by a newer version than this one
    │   └── LogChangedError        the log changed after it was read
    ├── GovernanceError            a rule of the management system forbids it
    │   ├── SeparationOfDutiesError
    │   └── ModelRefusedError      no valid decision for this content
    ├── GateUndecidedError         the gate could not decide; counts as refused
    └── PluginError                a plugin failed, with its name

A message names the thing, what was got, what was expected and the next step. It never holds
data values of a dataset.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from aims_mlops.visible import plain, visible

__all__ = [
    "AimsError",
    "CaptureWarning",
    "DocumentError",
    "EvidenceConflictError",
    "EvidenceError",
    "EvidenceFormatError",
    "EvidenceNotFoundError",
    "GateUndecidedError",
    "GovernanceError",
    "InputError",
    "LogChangedError",
    "MissingExtraError",
    "ModelNotFoundError",
    "ModelRefusedError",
    "NotAllowedError",
    "OrderWarning",
    "PluginError",
    "SeparationOfDutiesError",
    "StoreError",
    "StoreUnavailableError",
    "StoreVersionError",
    "VerificationError",
]


class AimsError(Exception):
    """Base of every error raised on purpose by aims-mlops.

    Parameters
    ----------
    thing : what the error is about, with what is wrong, in one clause.
    got, expected : the two sides of the mismatch, in words or counts, never data values.
    next_step : what the reader can do now, a command where there is one.
    """

    def __init__(
        self,
        thing: str,
        *,
        got: str | None = None,
        expected: str | None = None,
        next_step: str | None = None,
    ) -> None:
        self.thing = thing
        self.got = got
        self.expected = expected
        self.next_step = next_step
        super().__init__(thing, got, expected, next_step)

    def __str__(self) -> str:
        text = self.thing
        if self.got is not None:
            text += f"; got {self.got}"
        if self.expected is not None:
            text += f"; expected {self.expected}"
        if self.next_step is not None:
            text += f". Next: {self.next_step}"
        return plain(text)

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default pickling of exceptions,
        # and these errors cross process borders under joblib and multiprocessing.
        return _rebuild, (type(self), self.__dict__, self.args)


def _rebuild(
    kind: type[AimsError], fields: dict[str, object], args: tuple[object, ...]
) -> AimsError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(fields)
    return error


class InputError(AimsError, ValueError):
    """An argument, file or dataset cannot be used as it is."""


class DocumentError(InputError):
    """A file that people edit is wrong; `path`, `line` (1-based) and `problems` say where."""

    def __init__(
        self,
        thing: str,
        *,
        path: Path | str,
        line: int | None = None,
        problems: tuple[str, ...] = (),
        got: str | None = None,
        expected: str | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(thing, got=got, expected=expected, next_step=next_step)
        self.path = str(path)
        self.line = line
        self.problems = problems

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        text = plain(f"{place}: {super().__str__()}")
        return "\n".join((text, *map(plain, self.problems)))


class ModelNotFoundError(InputError):
    """A model URI, path or digest leads to no model."""


class MissingExtraError(InputError, ImportError):
    """An optional library is needed and not installed; `extra` names what to install.

    next_step : where installing it here is not all that is to be done.
    """

    def __init__(
        self, purpose: str, *, library: str, extra: str, next_step: str | None = None
    ) -> None:
        super().__init__(
            f"{purpose} needs {library}, which is not installed",
            next_step=next_step or f"pip install 'aims-mlops[{extra}]'",
        )
        self.library = library
        self.extra = extra


class EvidenceError(AimsError):
    """A record is not what it says it is."""


class EvidenceFormatError(EvidenceError, ValueError):
    """Bytes or values that cannot become evidence: not canonical, too deep, not a number."""


class EvidenceNotFoundError(EvidenceError, KeyError):
    """No record or blob is stored under this id."""

    __str__ = AimsError.__str__  # KeyError would print the repr


class EvidenceConflictError(EvidenceError):
    """The idempotency key is taken by a record with another body."""


class VerificationError(EvidenceError):
    """A digest, signature or proof does not hold."""


class StoreError(AimsError):
    """The evidence store cannot do what was asked."""


class StoreUnavailableError(StoreError):
    """The store is locked, read-only, full or unreachable."""


class NotAllowedError(StoreUnavailableError):
    """The server knows our token, and it is not for this kind of evidence or this actor."""


class StoreVersionError(StoreError):
    """The store was written by a newer version of aims-mlops."""


class LogChangedError(StoreError):
    """The log changed after it was read; what was decided from it has to be decided again."""


class GovernanceError(AimsError):
    """A rule of the management system forbids the action."""


class SeparationOfDutiesError(GovernanceError):
    """The same person may not do both."""


class RefusedCheck(Protocol):
    """What the error knows of the check that failed; `check_model` fills it in."""

    @property
    def verdict(self) -> Literal["allowed", "refused", "undecided"]: ...
    @property
    def reasons(self) -> Sequence[Any]: ...
    @property
    def exit_code(self) -> int: ...
    def to_body(self) -> dict[str, Any]: ...


class ModelRefusedError(GovernanceError):
    """The model may not be used for the target, or it could not be told; `check` has the reasons.

    `check.verdict` is `refused` or `undecided`.
    """

    def __init__(self, check: RefusedCheck) -> None:
        super().__init__(str(check))
        self.check = check

    def __str__(self) -> str:
        return visible(self.thing)  # a line for each reason


class GateUndecidedError(AimsError):
    """The gate could not decide; whoever asks must treat it as refused."""


class PluginError(AimsError):
    """A plugin failed; `plugin` is its name."""

    def __init__(self, thing: str, *, plugin: str, next_step: str | None = None) -> None:
        super().__init__(thing, next_step=next_step)
        self.plugin = plugin


class OrderWarning(UserWarning):
    """Columns given to a measure have their rows in different orders by their pandas index."""


class CaptureWarning(UserWarning):
    """Something could not be captured; the run goes on and the gap is recorded."""
