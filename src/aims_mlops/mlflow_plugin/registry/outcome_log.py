"""What came of a write that promotes or takes a promotion away, kept in the log.

The registry has answered by then: what cannot be kept is a line in the server's own log.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aims_mlops.evidence.clock import now
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Evidence
from aims_mlops.mlflow_plugin.registry.promoted_versions import PromotedVersion, promotions_of
from aims_mlops.mlflow_plugin.registry.promotion_rules import Guard, Promotion, requester
from aims_mlops.mlflow_plugin.registry.version_content import reference_of

if TYPE_CHECKING:
    from aims_mlops.gates.decision.decision import Decision

_logger = logging.getLogger(__name__)


class NotedOutcomes:
    """The part of a gated registry that writes `promotion` records."""

    aims_uri = ""
    aims_triggers = False

    @property
    def aims_guard(self) -> Guard:
        """The rules that say what is a promotion here."""
        return Guard()

    def _note(
        self,
        wanted: Promotion,
        outcome: str,
        decision: Decision | None,
        reference: ModelReference | None,
    ) -> None:
        """Record what came of it; the registry has answered, so a failure is only logged."""
        try:
            project = self.aims_guard.project
            reference = reference or reference_of(self, wanted.name, str(wanted.version))
            request = decision.request if decision else None
            system = request.system if request else project.system_of_model(wanted.name)
            project.open_store().append(
                Evidence(
                    kind="promotion",
                    version=2,
                    subjects=(reference.subject,),
                    body={
                        "decision": decision.record if decision else None,
                        "alias": wanted.key,
                        "route": wanted.kind,
                        "target": wanted.target,
                        "model_uri": reference.uri,
                        "model": reference.sha256,
                        "name": wanted.name,
                        "version": wanted.version,
                        "created_at": reference.created_at,
                        "outcome": outcome,
                        "said": wanted.words,
                        "enforced_by": self._enforced_by(),
                        **({"archived_others": True} if wanted.archives_others else {}),
                    },
                    actor=requester(project),
                    claimed_at=now(),
                    system=system.id if system else None,
                )
            )
        except Exception:
            _logger.exception("aims: the outcome of a promotion could not be recorded")

    def _held(
        self, name: str, version: str | None, kind: str | None = None, key: str | None = None
    ) -> list[tuple[PromotedVersion, ModelReference]]:
        """What promotes a version, or any of the model, with the content; nothing if it fails.

        kind, key : only what promotes it by this, such as 'tag' and the tag's name.
        """
        try:
            guard = self.aims_guard
            return [
                (held, reference_of(self, name, held.version))
                for held in (promotions_of(self, guard, name) if guard.governs(name) else ())
                if version in (None, held.version)
                and kind in (None, held.kind)
                and key in (None, held.key)
            ]
        except Exception as error:  # noqa: BLE001  the deletion is not the gate's to stop
            _logger.warning("aims: what a deletion takes away could not be told: %r", error)
            return []

    def _note_gone(self, held: list[tuple[PromotedVersion, ModelReference]]) -> None:
        for gone, reference in held:
            wanted = Promotion(gone.kind, gone.name, gone.version, gone.key, gone.target)
            self._note(wanted, "removed", None, reference)

    def _enforced_by(self) -> str:
        below = " and by triggers in its database" if self.aims_triggers else ""
        return f"the registry store of MLflow, in front of {self.aims_uri}{below}"
