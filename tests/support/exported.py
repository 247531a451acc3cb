"""A model about which everything is recorded that a run can record: what exports are tried with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SETTINGS = """\
systems:
  - id: loans
    title: Loan decisions
    purpose: help clerks decide about loans
    owner: ana
    risk_owner: bo
    risk_tier: high
    intended_use: clerks look at the score before they decide
    foreseeable_misuse: [the score decides alone]
    affected_people: [applicants]
    models: ["loans*", "model*"]
    assessment: assessment.yaml
    suppliers:
      - {name: scores-inc, provides: bureau scores, version: "7", licence: proprietary terms}
people:
  - {id: ana, roles: [developer]}
  - {id: bo, roles: [risk-owner]}
targets:
  production: {policy: policy.yaml, aliases: [champion]}
"""
POLICY = """\
id: production
requires:
  - {id: evidence.run, kind: run}
  - {id: evidence.dataset, kind: dataset}
rules:
  - {id: performance.recall, measure: recall_score, min: 0.9, controls: [A.6.2.4]}
"""
ASSESSMENT = """\
system: loans
author: ana
scope: {covers: version one, leaves_out: business loans}
system_information:
  description: a score
  purpose: help clerks
  intended_uses: clerks look at it
  unintended_uses: no decision without a person
data: {description: applications of one year, quality: no income is checked}
algorithm:
  {description: logistic regression, performance: as measured, fairness: by age,
   limitations: incomes above a million}
deployment: {geography: one country, languages: one, environment: branches}
interested_parties: [{who: applicants, interest: a fair answer}]
impacts:
  - {id: h1, on: groups, kind: harm, aspect: fairness, description: fewer loans for the young,
     affected: applicants under 25, likelihood: possible, severity: major, reversible: partly,
     residual_likelihood: unlikely, residual_severity: moderate}
  - {id: h2, on: individuals, kind: harm, aspect: economic, description: a wrong refusal,
     affected: applicants, likelihood: possible, severity: moderate, reversible: "yes",
     residual_likelihood: unlikely, residual_severity: minor}
  - {id: b1, on: society, kind: benefit, aspect: economic, description: quicker answers,
     likelihood: likely, severity: minor, reversible: "yes",
     residual_likelihood: likely, residual_severity: minor}
failures: no score, and clerks decide as before
foreseeable_misuse: the score decides alone
human_oversight: {who: clerks, how: each decision is a person's}
measures:
  - {id: m1, for_impacts: [h1, h2], description: a second clerk looks at refusals, owner: bo,
     due: "2030-01-01"}
review_by: "2030-01-01"
"""
TRAIN = """\
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

import aims_mlops as aims

random = np.random.default_rng(0)
rows = pd.DataFrame({"income": random.normal(30, 8, 400), "age": random.integers(20, 70, 400)})
rows["repaid"] = (rows.income + random.normal(0, 6, 400) > 28).astype(int)
ORIGIN = {"source": "branches", "licence": "CC-BY-4.0", "purpose": "score applications"}


@aims.training(system="loans", licence="Apache-2.0", quality=False)
def train(rows, strength=1.0):
    train, test = rows.iloc[:250], rows.iloc[250:]
    aims.dataset(train, "applications-train", role="training", **ORIGIN)
    aims.dataset(test, "applications-test", role="test", source="branches")
    model = LogisticRegression(C=strength).fit(train[["income", "age"]], train.repaid)
    young = np.where(test.age < 40, "under 40", "40 and older")
    aims.current_run().check(
        y_true=test.repaid, y_pred=model.predict(test[["income", "age"]]), sensitive={"age": young}
    )
    return model


train(rows)
"""


@dataclass(frozen=True)
class Exported:
    """A project with one recorded model; `model` is the digest of its content."""

    root: Path
    environment: dict[str, str]
    model: str

    def aims(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        """The command in a process of its own, in the project's folder."""
        return subprocess.run(
            [sys.executable, "-m", "aims_mlops", *arguments],
            cwd=self.root,
            env={**self.environment, **environment},
            capture_output=True,
            check=False,
        )

    def digests(self, **environment: str) -> dict[str, str]:
        """SHA-256 of every export, in every version and form, as another process writes them."""
        done = subprocess.run(
            [sys.executable, "-c", _DIGESTS, self.model],
            cwd=self.root,
            env={**self.environment, **environment},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, str] = json.loads(done.stdout)
        return found


_DIGESTS = """
import hashlib, json, sys
from aims_mlops.exports.export import FORMATS, export
from aims_mlops.inventory.project import find_project
store = find_project().open_store()
found = {}
for entry in FORMATS.values():
    subject = "loans" if entry.about == "system" else sys.argv[1]
    if entry.name == "oscal-poam":
        continue
    for version in entry.versions:
        for file in entry.files:
            if file == "pdf" and entry.name != "new-york-notice":
                continue
            made = export(store, entry.name, subject, version=version, file=file)
            name = f"{entry.name} {version} {file}"
            found[name] = hashlib.sha256(made.content).hexdigest()
print(json.dumps(found))
"""


def recorded_project(root: Path) -> Exported:
    """Train, measure, submit an assessment and ask the gate, each as a user does."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AIMS_", "PYTEST"))}
    environment |= {
        "AIMS_KEYS": str(root / "people"),
        "AIMS_MLFLOW": "off",
        "AIMS_ACTOR": "ana",
        "AIMS_PROJECT": str(root),
    }
    for name, text in (
        ("aims.yaml", SETTINGS),
        ("policy.yaml", POLICY),
        ("assessment.yaml", ASSESSMENT),
        ("train.py", TRAIN),
    ):
        (root / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "train.py"], cwd=root, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    from aims_mlops.inventory.project import find_project, forget_stores

    (record,) = find_project(root).open_store().find(kind="model")
    model = record.evidence.body["sha256"]
    forget_stores()
    made = Exported(root, environment, model)
    submitted = made.aims("assess", "submit", "assessment.yaml", "--model", model)
    assert submitted.returncode == 0, submitted.stderr
    decided = made.aims("gate", model, "--for", "production")
    assert decided.returncode == 1, decided.stderr
    return made
