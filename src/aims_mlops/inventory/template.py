"""A new aims.yaml, with a comment for everything that a person fills in."""

from __future__ import annotations

import json

_TEXT = """\
# What this project's AI management system needs to know. `aims lint` says what is missing.
version: 1

# Where evidence is kept; a relative SQLite path starts from this folder. AIMS_STORE_URL overrides.
store: sqlite:///.aims/evidence.db

# true: one person does everything here. Separation of duties can then not be enforced, and every
# decision says so.
single_user: false

# Every AI system, also bought ones.
systems:
  - id: {quoted}
    title: {quoted}
    purpose: ""            # what it is for
    owner: ""              # id of a person below
    risk_owner: ""         # id of another person, who approves
    risk_tier: {tier}  # minimal, limited or high: decides what the assessment must say
    intended_use: ""       # who uses it for which decision
    foreseeable_misuse: [] # how people could use it wrongly
    affected_people: []    # about whom it decides
    suppliers: []          # base models, data and vendors it is built on
    #  - name: Example Models Ltd
    #    provides: base model
    #    version: "2.1"
    #    licence: Apache-2.0
    models: [{models}]  # names of its registered models; * stands for anything
    assessment: {assessment}
    # monitoring:            # what is measured once it is in operation (docs/monitoring.md)
    #   - id: daily
    #     data: served/{{day}}.parquet
    #     measures: [drift, volume]

# Everybody who acts here. `also_known_as` lists all accounts of the same human, so that nobody
# approves their own work through another one. A service account names its human in `acts_for`.
people: []
#  - id: ana
#    name: Ana Lima
#    roles: [developer]
#    also_known_as: [ana@example.org, alima]
#  - id: bo
#    name: Bo Hansen
#    roles: [risk-owner]
#    also_known_as: [bo@example.org]
#  - id: train-bot
#    acts_for: ana

# Roles are words of your own; the management system asks for these where they are held:
# top-management, aims-manager, risk-owner, internal-auditor, data-owner, line-manager, developer.
# management:
#   risk_scale:
#     likelihood: [rare, unlikely, possible, likely, almost certain]
#     impact: [negligible, minor, moderate, major, severe]
#     acceptable: 6              # the highest product that is kept as it is
#   approvers: {{risk-process: [aims-manager]}}   # who approves a document, by its type

# An identity provider, if roles are kept there: issuer and audience as its tokens name them, its
# keys (the JWKS, saved as a file), which role each group gives. People then need `subjects`.
# identity_provider:
#   issuer: https://login.example.org/realms/clinic
#   audience: aims
#   jwks: identity-provider.json
#   roles_claim: groups
#   roles: {{ai-risk-owners: risk-owner}}

# Where models are promoted to: the policy that decides, and the aliases that mean it.
targets:
  production:
    policy: policies/production.yaml
    aliases: [champion, production]

# What the gate inside MLflow (docs/mlflow.md) looks at. Left out: every alias of every model is a
# promotion, so that a name which nobody thought of is not a way around.
# registry:
#   models: ["*"]                      # patterns of registered names
#   free_aliases: [challenger]         # anybody may set these
#   production_names: {{"*-prod": production}}   # making a version of such a model promotes it
#   promoting_tags: {{"stage=production": production}}
"""


def settings_text(system: str, *, risk_tier: str = "high") -> str:
    """The text of a new aims.yaml for one AI system; `system` is an id."""
    return _TEXT.format(
        quoted=json.dumps(system),
        models=json.dumps(f"{system}*"),
        assessment=json.dumps(f"assessments/{system}.yaml"),
        tier=risk_tier,
    )
