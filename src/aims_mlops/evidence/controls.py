"""The 38 Annex A controls of ISO/IEC 42001:2023: id, short title, class.

Only ids and short titles appear here; the text of the standard is ISO's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ControlClass = Literal["machine", "partly", "organisational"]


@dataclass(frozen=True, slots=True)
class Control:
    """One control; `evidence` says in words what supports it and `fresh` how recent it must be."""

    id: str
    title: str
    klass: ControlClass
    evidence: str
    fresh: str


_CLASS: dict[str, ControlClass] = {"M": "machine", "P": "partly", "O": "organisational"}
_TABLE = """
A.2.2|AI policy|O|linked document|yearly
A.2.3|Alignment with other organizational policies|O|linked document|yearly
A.2.4|Review of the AI policy|O|review record|yearly
A.3.2|AI roles and responsibilities|P|inventory: owner, risk owner; approver roles|on change
A.3.3|Reporting of concerns|O|channel, incident records|per event
A.4.2|Resource documentation|M|run environment record|every run
A.4.3|Data resources|M|datasets used|every run
A.4.4|Tooling resources|M|lock of installed packages, tool versions|every run
A.4.5|System and computing resources|M|hardware, compute time|every run
A.4.6|Human resources|O|competence records linked|yearly
A.5.2|AI system impact assessment process|P|assessment template, triggers, policy|yearly
A.5.3|Documentation of AI system impact assessments|M|assessment records kept|on change, ≤ 12 months
A.5.4|Assessing AI system impact on individuals or groups of individuals|P|assessment section, bias evidence|before promotion
A.5.5|Assessing societal impacts of AI systems|P|assessment section|before promotion
A.6.1.2|Objectives for responsible development of AI system|P|policy in force, by digest|each release
A.6.1.3|Processes for responsible AI system design and development|P|policy, gate decisions|each release
A.6.2.2|AI system requirements and specification|P|system record, ticket links|each version
A.6.2.3|Documentation of AI system design and development|M|commit, parameters, code digest, decisions|each version
A.6.2.4|AI system verification and validation|M|criteria set before, results, failures, sign-off|each version
A.6.2.5|AI system deployment|M|deployment plan, gate decision, approver, rollback|each promotion
A.6.2.6|AI system operation and monitoring|M|drift, performance, incidents, responder|daily to weekly, by risk
A.6.2.7|AI system technical documentation|M|model card|each version
A.6.2.8|AI system recording of event logs|M|run and inference events|continuous
A.7.2|Data for development and enhancement of AI system|M|dataset record: purpose, owner|each dataset version
A.7.3|Acquisition of data|P|source, licence, rights, as declared|each dataset version
A.7.4|Quality of data for AI systems|M|quality expectations and results|each batch
A.7.5|Data provenance|M|content digest, source, lineage|each dataset version
A.7.6|Data preparation|M|transform code and parameters|every run
A.8.2|System documentation and information for users|P|user extract of the card|each release
A.8.3|External reporting|O|report channel|per event
A.8.4|Communication of incidents|P|incident record and notices|per event
A.8.5|Information for interested parties|P|disclosures made|per event
A.9.2|Processes for responsible use of AI systems|O|process document|yearly
A.9.3|Objectives for responsible use of AI system|O|objectives|yearly
A.9.4|Intended use of the AI system|P|declared use against who calls it|quarterly
A.10.2|Allocating responsibilities|O|agreements|on change
A.10.3|Suppliers|P|base model or vendor: id, licence, digest, due diligence|on change
A.10.4|Customers|O|agreements|on change
""".strip()


def _read() -> dict[str, Control]:
    rows = (line.split("|") for line in _TABLE.splitlines())
    return {
        id_: Control(id_, title, _CLASS[letter], evidence, fresh)
        for id_, title, letter, evidence, fresh in rows
    }


CONTROLS: dict[str, Control] = _read()
