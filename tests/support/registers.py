"""A small organisation with an entry of every register, and people who can sign."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aims_mlops.approvals.enrol import confirm, enrol, waiting
from aims_mlops.approvals.keys.personal_key import personal_key
from aims_mlops.inventory.project import find_project
from aims_mlops.management.registers.enter import add, change, close, find_entry
from aims_mlops.management.registers.read import open_register
from aims_mlops.management.registers.sign import acknowledge, approve, text_of

SETTINGS = """\
systems:
  - {id: loans, owner: ana, risk_owner: bo}
  - {id: support-bot, owner: ana, risk_owner: bo}
people:
  - {id: reg, keys: [{public_key: KEY}]}
  - {id: ana, name: Ana Lima, roles: [developer, aims-manager], also_known_as: [ana@example.org]}
  - {id: bo, roles: [risk-owner]}
  - {id: cy, roles: [top-management]}
  - {id: di, roles: [internal-auditor]}
  - {id: ana-bot, acts_for: ana}
"""
NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
SHA = "ab" * 32
EXAMPLES: dict[str, dict[str, Any]] = {
    "document": {
        "id": "ai-policy",
        "title": "AI policy",
        "type": "ai-policy",
        "version": "1",
        "author": "ana",
        "link": {"url": "https://wiki.example.org/ai-policy", "sha256": SHA},
        "effective": "2026-12-01",
        "review": "2027-12-01",
        "serves": ["5.2", "A.2.2"],
        "acknowledge_by": ["developer"],
    },
    "risk": {
        "id": "R-1",
        "title": "Refused because of where somebody lives",
        "owner": "bo",
        "source": "the postcode stands for origin",
        "type": "risk",
        "harm_to": {"individuals": "no loan", "groups": "people of one district"},
        "before": {"likelihood": 4, "impact": 5},
        "after": {"likelihood": 2, "impact": 5},
        "treatment": "reduce",
        "controls": [{"control": "A.7.4", "why": "what comes in is held against expectations"}],
        "systems": ["loans"],
    },
    "objective": {
        "id": "O-1",
        "title": "Few good customers are refused",
        "owner": "ana",
        "measure": "recall on the test set",
        "target": "0.8 or more",
        "figure": {"kind": "performance", "measure": "recall_score", "system": "loans"},
        "limit": {"at_least": 0.8},
        "due": "2027-06-30",
    },
    "competence": {
        "id": "C-1",
        "title": "Ana trains models",
        "person": "ana",
        "role": "developer",
        "needed": "statistics, and what bias is",
        "shown": "course of 2026, certificate seen",
        "expires": "2028-12-01",
    },
    "interested-party": {
        "id": "P-1",
        "title": "Supervisory authority",
        "category": "authority",
        "requirements": [{"requirement": "reasons for a refusal", "addressed": True}],
    },
    "supplier": {
        "id": "S-1",
        "title": "Example Models Ltd",
        "owner": "ana",
        "provides": "base model",
        "version": "2.1",
        "licence": "Apache-2.0",
        "region": "EU",
        "terms": {"url": "https://models.example.com/terms", "sha256": SHA, "date": "2026-10-01"},
        "due_diligence": {"result": "questionnaire answered", "date": "2026-10-05", "by": "bo"},
        "agreement": {"reference": "contract 17", "date": "2026-10-20", "covers_ai": True},
        "expires": "2027-10-20",
        "covers": ["example-models", "xm-*"],
        "systems": ["support-bot"],
    },
    "audit": {
        "id": "A-2026",
        "title": "Internal audit of the year",
        "auditor": "di",
        "audited": ["ana"],
        "scope": "clauses 4 to 10, the system loans",
        "criteria": "ISO/IEC 42001:2023 and our own policies",
        "performed": "2026-11-20",
        "findings": [{"finding": "one course was not written down", "grade": "observation"}],
        "reported_to": ["cy"],
        "systems": ["loans"],
    },
    "management-review": {
        "id": "M-2026",
        "title": "Management review of the year",
        "held": "2026-11-28",
        "attendees": ["cy", "ana"],
        "decisions": ["the policy stays"],
        "actions": [{"action": "buy a course", "owner": "ana", "due": "2027-03-01"}],
    },
    "improvement": {
        "id": "I-1",
        "title": "One list of suppliers",
        "owner": "ana",
        "source": "internal audit",
        "proposal": "keep suppliers in one register",
        "due": "2027-03-01",
    },
    "aims-change": {
        "id": "CH-1",
        "title": "A second system",
        "owner": "ana",
        "purpose": "the support bot comes into scope",
        "planned": "2027-02-01",
        "consequences": "more suppliers to look at",
    },
    "communication": {
        "id": "K-1",
        "title": "Policy told to all staff",
        "what": "the AI policy and what it asks of everybody",
        "when": "2026-12-02",
        "to_whom": "all staff",
        "how": "meeting",
        "by": "cy",
    },
    "concern": {
        "id": "CO-1",
        "title": "Old people are asked twice",
        "about": "the bot asks older customers for their age again",
        "anonymous": True,
        "protection": "nobody looks for who said it",
        "received": "2026-11-30",
    },
    "disclosure": {
        "id": "D-1",
        "title": "Notice on the website",
        "what": "that a score is used and who decides",
        "to_whom": "customers",
        "date": "2026-12-01",
        "channel": "website",
        "systems": ["loans"],
    },
    "customer-agreement": {
        "id": "CA-1",
        "title": "Partner bank",
        "customer": "Partner bank",
        "responsibilities": "the partner tells its customers, we monitor the model",
        "agreement": {"reference": "contract 4", "covers_ai": True},
        "expires": "2028-01-31",
    },
    "resource": {
        "id": "RE-1",
        "title": "Person who looks at refusals",
        "category": "human",
        "description": "two clerks look at every refusal",
        "systems": ["loans"],
    },
    "assignment": {
        "id": "R15",
        "title": "Risk assessment of all systems",
        "requirement": "R15",
        "owner": "bo",
        "due": "2027-02-28",
    },
}


class Organisation:
    """A project in a folder, its log, and what its people do."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def set_up(self, settings: str = SETTINGS) -> Organisation:
        """Write aims.yaml, and enrol everybody's key."""
        key = personal_key("reg").signer.public.hex()
        (self.root / "aims.yaml").write_text(settings.replace("KEY", key))
        for person in ("ana", "bo", "cy", "di"):
            enrol(self.project, self.store, person=person)
            confirm(
                self.project, self.store, waiting(self.project, self.store, person, None), by="reg"
            )
        return self

    @property
    def project(self):
        return find_project(self.root)

    @property
    def store(self):
        return self.project.open_store()

    def register(self, at=None):
        return open_register(self.project, self.store, at=at)

    def entry(self, wanted, at=None):
        return find_entry(self.register(at), None, wanted)

    def add(self, register, *, by="ana", now=NOW, **content):
        said = {**EXAMPLES[register], **content}
        said = {name: value for name, value in said.items() if value is not None}
        return add(self.project, self.store, register, said, actor=by, now=now, folder=self.root)

    def change(self, wanted, *, by="ana", now=NOW, reason=None, **content):
        entry = self.entry(wanted)
        before = entry.to_body(now)["content"]
        said = {k: v for k, v in {**before, **content}.items() if v is not None}
        return change(
            self.project,
            self.store,
            entry,
            said,
            actor=by,
            now=now,
            reason=reason,
            folder=self.root,
        )

    def close(self, wanted, *, by="ana", reason="it is over", reopen=False, now=NOW):
        entry = self.entry(wanted)
        return close(
            self.project, self.store, entry, actor=by, now=now, reason=reason, reopen=reopen
        )

    def approve(self, wanted, *, by, verdict="approve", reason="seen"):
        entry = self.entry(wanted)
        return approve(
            self.project,
            self.store,
            entry,
            person=by,
            shown=text_of(self.store, entry),
            verdict=verdict,
            reason=reason,
        )

    def acknowledge(self, wanted, *, by):
        entry = self.entry(wanted)
        shown = text_of(self.store, entry)
        return acknowledge(self.project, self.store, entry, person=by, shown=shown)
