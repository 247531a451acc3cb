"""Where aims-mlops calls plugins, the built-in ones included.

A hook may add or object; none can allow a promotion, change evidence that exists, or stop a
training run. docs/plugins.md lists each hook with an example, and a test holds both equal.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from aims_mlops.evidence.encoding.envelope import Signer
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Evidence, Record
from aims_mlops.evidence.store import EvidenceStore
from aims_mlops.plugins import hookimpl, hookspec

if TYPE_CHECKING:
    from aims_mlops.capture.run import Run
    from aims_mlops.gates.decision.reason import Objection
    from aims_mlops.gates.decision.request import PromotionRequest
    from aims_mlops.operations.notices import Notice
    from aims_mlops.operations.publishing.report import PublishedReport

__all__ = [
    "Evidence",
    "EvidenceStore",
    "Hooks",
    "ModelReference",
    "Notice",
    "Objection",
    "PromotionRequest",
    "PublishedReport",
    "Record",
    "Run",
    "Signer",
    "hookimpl",
    "hookspec",
]

# A type that a hook is given -> the module that defines it, loaded when somebody asks for it.
_HOME = {
    "Notice": "aims_mlops.operations.notices",
    "Objection": "aims_mlops.gates.decision.reason",
    "PromotionRequest": "aims_mlops.gates.decision.request",
    "PublishedReport": "aims_mlops.operations.publishing.report",
    "Run": "aims_mlops.capture.run",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


class Hooks:
    """Every hook, in the order in which a run meets them."""

    @hookspec
    def register_evidence_stores(self) -> Mapping[str, Callable[[str], EvidenceStore]]:
        """Say which URL schemes this plugin can open as an evidence store.

        Called once a process. Returns {scheme: opener}; the opener takes the URL. An exception
        leaves the plugin's schemes unknown and is shown by `aims plugins`.
        """
        raise AssertionError("a specification is never called")

    @hookspec(firstresult=True)
    def open_signer(self, url: str) -> Signer | None:
        """Open the log's key in a key management service; None for a URL of another service.

        Called once for each store that is opened while $AIMS_SIGNER is set. Returns an object with
        `public` (32 raw bytes of an Ed25519 key) and `sign(message) -> 64 bytes`. An exception
        keeps the store closed.
        """

    @hookspec
    def register_measures(self) -> Mapping[str, Callable[..., Any]]:
        """Name the measures this plugin brings, such as {'bias': measure_bias}.

        Called by `run.check`, which takes 'performance' and 'bias' from here, and by
        `run.measure(name, …)`. A measure returns an object with `kind` and `to_body()`; a name
        that an earlier plugin brought stays that plugin's. An exception becomes a recorded gap.
        """
        raise AssertionError("a specification is never called")

    @hookspec
    def before_run_started(self, run: Run) -> None:
        """Look at a run before the user's code starts; set `run.links` to tie it to a tracker.

        Called once a run. An exception becomes a recorded gap.
        """

    @hookspec
    def collect_run_evidence(self, run: Run) -> Iterable[Evidence]:
        """Return evidence about a run that has ended; it is signed and stored as one batch.

        Called once a run, also for a failed one (`run.error` is set). An exception becomes a
        recorded gap; other plugins' evidence is kept.
        """
        raise AssertionError("a specification is never called")

    @hookspec(firstresult=True)
    def save_model(self, run: Run, model: object, name: str) -> ModelReference | None:
        """Write a model where the organisation keeps models and say what was written.

        Called for each model that a run captures; the first plugin that returns a reference
        wins. An exception becomes a recorded gap.
        """

    @hookspec
    def after_run_ended(self, run: Run, records: list[Record]) -> None:
        """Look at a run whose evidence is stored or spooled, such as to write links back.

        Called once a run. An exception becomes a gap, stored after the rest of the run.
        """

    @hookspec(firstresult=True)
    def resolve_model(self, uri: str) -> ModelReference | None:
        """Find the model behind a URI; None if the URI is not of a form this plugin knows.

        Raises ModelNotFoundError for a URI of a known form that leads nowhere. An exception makes
        the gate answer 'could not decide'.
        """

    @hookspec(firstresult=True)
    def recognise_model(self, model: object) -> ModelReference | None:
        """Say which stored model an object in memory was loaded from; None for an unknown object.

        Called for each model that an evaluation is given and the process has not recorded. What
        the object says of itself is no proof: return a reference only where the object is shown to
        be that content. An exception becomes a recorded gap, and the object goes by its pickle.
        """

    @hookspec(firstresult=True)
    def set_model_alias(self, model: ModelReference, alias: str) -> str | None:
        """Set an alias after an allowed decision and say in words what was done.

        Called by `aims promote`; the first plugin that knows `model.registry` answers. An
        exception is recorded as a failed promotion.
        """

    @hookspec(firstresult=True)
    def send_notice(self, notice: Notice) -> bool | None:
        """Deliver a notice of what was found wrong; None for a recipient of another plugin.

        Called once for each recipient with something new; `notice` has `recipient`, `title` and
        `text`. An exception is recorded, and the notice is tried again by the next run.
        """

    @hookspec(firstresult=True)
    def publish_report(self, report: PublishedReport, receiver: str) -> str | None:
        """Hand a report to a tool and say in words what was done; None for another's receiver.

        Called by `aims export … --publish RECEIVER`, once; the first plugin that knows the name
        answers. An exception is the command's error.
        """

    @hookspec
    def before_promotion_decided(self, request: PromotionRequest) -> Iterable[Objection]:
        """Object to a promotion; each objection is a reason to refuse.

        Called once a decision. There is no way to allow. An exception refuses the promotion.
        """
        raise AssertionError("a specification is never called")
