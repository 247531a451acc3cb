"""A small real world: aims.yaml, a policy, a SQLite log, a recorded model, people with keys."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from aims_mlops.approvals.approve import answer
from aims_mlops.approvals.enrol import confirm, enrol, waiting
from aims_mlops.approvals.keys.personal_key import personal_key
from aims_mlops.approvals.keys.signature import sign_consent
from aims_mlops.assessments.review import load_review
from aims_mlops.assessments.submit import submit
from aims_mlops.dossier.binding import Binding
from aims_mlops.dossier.query import gather, system_of, with_assessed
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.gates.decision.decide import decide
from aims_mlops.gates.decision.request import PromotionRequest
from aims_mlops.gates.gate import gate
from aims_mlops.inventory.project import find_project
from aims_mlops.policy.loading import load_policy

REGISTRAR = "reg"
SETTINGS = """\
systems:
  - id: loans
    title: Loan decisions
    purpose: help clerks
    owner: ana
    risk_owner: bo
    risk_tier: minimal
    intended_use: clerks look at the score
    models: ["loans*"]
    assessment: assessment.yaml
people:
  - {id: ana, roles: [developer], also_known_as: [ana@example.org, alima]}
  - {id: bo, roles: [risk-owner], also_known_as: [bo@example.org]}
  - {id: cy, roles: [risk-owner, security]}
  - {id: dee, roles: [developer]}
  - {id: train-bot, acts_for: ana}
  - {id: bo-bot, roles: [risk-owner], acts_for: bo}
targets:
  production: {policy: policies/production.yaml, aliases: [champion]}
"""
POLICY = """\
id: production
requires:
  - {id: evidence.run, kind: run}
  - {id: evidence.dataset, kind: dataset}
  - {id: evidence.performance, kind: performance, max_age_days: 30}
rules:
  - {id: performance.recall, measure: recall_score, min: 0.6, controls: [A.6.2.4]}
assessment: {required: true}
approvals: {count: 1, roles: [risk-owner], enrolment: confirmed}
"""
ASSESSMENT = """\
system: loans
author: ana
scope: {covers: version one}
system_information:
  description: a score
  purpose: help clerks
  intended_uses: clerks look at it
"""


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def figure(value, low, high, n=500, measure="recall_score", group=None):
    return {
        "measure": measure,
        "group": group,
        "value": value,
        "low": low,
        "high": high,
        "numerator": None,
        "denominator": None,
        "n": n,
        "method": "clopper-pearson, 0.95",
        "source": "scikit-learn 1.9.1: recall_score",
    }


GOOD = [figure(0.8, 0.76, 0.84)]
BAD = [figure(0.4, 0.36, 0.44)]


@dataclass
class World:
    """What tests do to a project; everything is real but the model's bytes."""

    root: Path
    models: dict[str, ModelReference] = field(default_factory=dict)

    def __post_init__(self):
        (self.root / "policies").mkdir()
        self.write("aims.yaml", SETTINGS)
        self.write("policies/production.yaml", POLICY)
        self.write("assessment.yaml", ASSESSMENT)

        for person in ("ana", "bo", "cy", "dee"):
            self.enrol(person)

    def write(self, name, text):
        """A file of the project; aims.yaml lists the key of the person who confirms all others."""
        if name == "aims.yaml" and f"{{id: {REGISTRAR}," not in text:
            key = personal_key(REGISTRAR).signer.public.hex()
            line = f"  - {{id: {REGISTRAR}, keys: [{{public_key: {key}}}]}}\n"
            text = text.replace("people:\n", "people:\n" + line)
        (self.root / name).write_text(text)

    def enrol(self, person, *, by=REGISTRAR):
        """A person's key, enrolled and confirmed by another person."""
        enrol(self.project, self.store, person=person)
        return self.confirm(person, by=by)

    def confirm(self, person, *, by):
        return confirm(
            self.project, self.store, waiting(self.project, self.store, person, None), by=by
        )

    @property
    def project(self):
        return find_project(self.root)

    @property
    def store(self):
        return self.project.open_store()

    @property
    def policy(self):
        return load_policy(self.root / "policies/production.yaml")

    def sha(self, text):
        return sha(text)

    def record(self, kind, subjects, body, *, actor="ana", run=None, system="loans") -> Record:
        return self.store.append(
            Evidence(
                kind=kind,
                subjects=tuple(subjects),
                body=body,
                actor=actor,
                claimed_at=now(),
                system=system,
                run=run,
            )
        )

    def train(self, name="one", *, actor="ana", figures=GOOD, system="loans", registered=None):
        """A recorded training run with one dataset, one model and its performance."""
        run = sha(f"run {name}")[:32]
        data = sha(f"data {name}")
        model = ModelReference(
            uri=f"sha256:{sha(f'model {name}')}", sha256=sha(f"model {name}"), name=registered
        )
        about = {"run": run, "actor": actor, "system": system}
        of_run = Subject.of_name(f"run:{run}")
        self.record("run", [of_run], {"activity": "training", "status": "finished"}, **about)
        self.record("dataset", [Subject("dataset:d", data)], {"name": "d", "sha256": data}, **about)
        self.record(
            "model",
            [model.subject, of_run],
            {"name": name, "sha256": model.sha256,
             "datasets": [{"name": "d", "role": "train", "sha256": data}]},
            **about,
        )  # fmt: skip
        if figures is not None:
            self.measure(model, figures, run=run, actor=actor)
        self.models[name] = model
        return model

    def measure(self, model, figures, *, run=None, actor="ana"):
        body = {"figures": figures, "task": "binary"}
        return self.record("performance", [model.subject], body, run=run, actor=actor)

    def submit(self, model, *, actor="ana", file="assessment.yaml"):
        return submit(self.project, self.store, self.root / file, model, actor=actor)

    def approve(
        self,
        model,
        person="bo",
        *,
        target="production",
        verdict="approve",
        reason="ok",
        token=None,
        dossier=None,
    ):
        return answer(
            self.project,
            self.store,
            model,
            self.policy,
            dossier=dossier or self.dossier(model, target=target),
            target=target,
            person=person,
            verdict=verdict,
            reason=reason,
            shown="what was shown",
            token=token,
        ).record

    def dossier(self, model, *, target="production"):
        """What an approver of a model is shown now."""
        system = system_of(self.project, self.store, model)
        return load_review(
            self.project, self.store, model, self.policy, target=target, system=system,
            now=datetime.now(UTC),
        ).dossier  # fmt: skip

    def forge_approval(self, model, person, **said):
        """An approval that a person signed and wrote past our code."""
        signer = personal_key(person).signer
        binding = Binding.of(
            gather(self.store, model.sha256, "loans"),
            target="production",
            policy=self.policy.digest,
        )
        body = {**binding.to_body(), "verdict": "approve", "approver": person, **said}
        return self.record("approval", [model.subject], sign_consent(body, signer), actor=person)

    def ready(self, name="one", **how):
        """A model that the policy allows."""
        model = self.train(name, **how)
        self.submit(model)
        self.approve(model)
        return model

    def gate(self, model, *, requester="dee", **how):
        return gate(model, target="production", project=self.project, requester=requester, **how)

    def decide(self, model, records=None, *, moment=None, policy=None, **request):
        """The pure decision on the world's records, or on the given ones."""
        system = system_of(self.project, self.store, model)
        found = self.records(model) if records is None else records
        return decide(
            PromotionRequest(
                model=model,
                target="production",
                requester="dee",
                system=system,
                people=self.project.humans,
                single_user=self.project.settings.single_user,
                **request,
            ),
            policy or self.policy,
            found,
            moment or datetime.now(UTC),
        )

    def records(self, model):
        """What the gate reads about a model."""
        found = gather(self.store, model.sha256, "loans")
        return with_assessed(self.store, found, self.policy).records
