"""What clauses 4 to 10 of ISO/IEC 42001:2023 ask for, in our own words: 55 rows. Data, no code.

The clause is the standard's own; `listed` is its number on a public readiness checklist, for people
who come with that list. `every`: how old what shows it may be, in days; None where each event counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shown = Literal["P", "M", "PM"]
YEAR, QUARTER = 366, 92


@dataclass(frozen=True, slots=True)
class Requirement:
    """One row.

    shown : P by records of people, M by the log itself, PM by both.  role : who answers for it
    where nobody was named.
    """

    id: str
    clause: str
    listed: str
    words: str
    shown: Shown
    role: str
    every: int | None

    @property
    def main_clause(self) -> str:
        """The clause's first number, such as '8'; of a control the clause that it is listed with."""
        first = self.clause if self.clause[0].isdigit() else self.listed
        return first.partition(".")[0]


def _row(
    id_: str, clause: str, listed: str, shown: Shown, role: str, every: int | None, words: str
) -> Requirement:
    return Requirement(id_, clause, listed, words, shown, role, every)


_AIMS, _TOP, _RISK, _OWNER = "aims-manager", "top-management", "risk-owner", "owner"
REQUIREMENTS: tuple[Requirement, ...] = (
    _row("R01", "4.1", "4.1", "P", _AIMS, YEAR, "internal and external issues for AI are written down"),
    _row("R02", "4.1", "4.1", "P", _AIMS, YEAR, "what these issues do to the intended outcomes is judged"),
    _row("R03", "4.2", "4.2", "P", _AIMS, YEAR, "interested parties and what they require are known"),
    _row("R04", "4.2", "4.2", "P", _AIMS, YEAR, "which of these requirements the AIMS takes on"),
    _row("R05", "4.3", "4.3", "PM", _AIMS, YEAR, "scope: AI systems, processes, units"),
    _row("R06", "4.3", "4.3", "P", _AIMS, None, "the scope statement is available"),
    _row("R07", "4.4", "4.4", "PM", _AIMS, YEAR, "the AIMS is established, maintained, improved"),
    _row("R08", "5.1", "5.1", "P", _TOP, YEAR, "top management leads: policy, integration, resources"),
    _row("R09", "5.1", "5.1", "P", _TOP, YEAR, "top management promotes responsible use"),
    _row("R10", "5.2", "5.2", "P", _TOP, YEAR, "a fitting AI policy with both commitments"),
    _row("R11", "5.2", "5.2", "P", _AIMS, YEAR, "the policy is documented, communicated, available"),
    _row("R12", "5.3", "5.3", "PM", _TOP, None, "roles and authorities are assigned and known"),
    _row("R13", "5.3", "5.3", "PM", _TOP, None, "somebody reports AIMS performance to top management"),
    _row("R14", "6.1.1", "6.1.1", "P", _AIMS, YEAR, "a process for risks and opportunities"),
    _row("R15", "6.1.2", "6.1.2", "P", _RISK, YEAR, "AI risk assessment, of harm to people and society too"),
    _row("R16", "6.1.2", "6.1.2", "PM", _AIMS, YEAR, "criteria: likelihood, impact, what is acceptable"),
    _row("R17", "6.1.2", "6.1.2", "M", _RISK, YEAR, "results of risk assessment are kept"),
    _row("R18", "6.1.3", "6.1.3", "PM", _RISK, YEAR, "treatment plan: controls chosen and why; the SoA"),
    _row("R19", "6.1.3", "6.1.3", "P", _RISK, YEAR, "risk owners accept what remains"),
    _row("R20", "6.2", "6.2", "PM", _AIMS, QUARTER, "objectives: measurable, monitored"),
    _row("R21", "6.2", "6.2", "P", _AIMS, QUARTER, "plans for objectives: who, by when, how judged"),
    _row("R22", "6.3", "6.3", "P", _AIMS, None, "changes to the AIMS are planned"),
    _row("R23", "7.1", "7.1", "PM", _TOP, YEAR, "resources are determined and given"),
    _row("R24", "7.2", "7.2", "P", "line-manager", YEAR, "people are competent"),
    _row("R25", "7.2", "7.2", "P", "line-manager", YEAR, "needed competence is written down, actions recorded"),
    _row("R26", "7.3", "7.3", "P", _AIMS, YEAR, "people know the policy and their part"),
    _row("R27", "7.4", "7.4", "PM", _AIMS, YEAR, "communications are planned: what, when, to whom, how"),
    _row("R28", "7.5.1", "7.5.1", "M", _AIMS, None, "required documents exist and are controlled"),
    _row("R29", "7.5.2", "7.5.2", "M", _AIMS, None, "title, author, date and version on each document"),
    _row("R30", "7.5.3", "7.5.3", "M", _AIMS, None, "distribution, access, storage, versions, retention"),
    _row("R31", "8.1", "8.1", "M", _OWNER, None, "operational processes planned, controlled, reviewed"),
    _row("R32", "6.1.4", "8.2", "PM", _AIMS, YEAR, "an impact-assessment process"),
    _row("R33", "8.4", "8.2", "M", _RISK, None, "impact assessed before use and on significant change"),
    _row("R34", "8.4", "8.2", "M", _RISK, None, "results and decisions of impact assessments are kept"),
    _row("R35", "8.1, A.6", "8.3", "M", _OWNER, None, "life cycle from design to decommissioning"),
    _row("R36", "A.6.2.2, A.9.4", "8.3", "PM", _OWNER, YEAR, "objectives, intended use, foreseeable misuse of each system"),
    _row("R37", "A.7", "8.4", "M", _OWNER, None, "data quality, provenance, governance for training and use"),
    _row("R38", "A.7.4, A.5.4", "8.4", "M", _OWNER, None, "bias found and treated before and during operation"),
    _row("R39", "A.9", "8.5", "PM", _AIMS, YEAR, "use of AI by the organisation, as deployer too"),
    _row("R40", "A.10", "8.6", "P", _AIMS, YEAR, "suppliers assessed; agreements cover AI governance"),
    _row("R41", "A.8", "8.7", "P", _AIMS, YEAR, "criteria for telling affected people"),
    _row("R42", "9.1", "9.1", "PM", _AIMS, YEAR, "what is measured, how, when, by whom"),
    _row("R43", "9.1", "9.1", "M", _OWNER, 35, "results of monitoring are documented and kept"),
    _row("R44", "9.1", "9.1", "PM", _OWNER, QUARTER, "performance held against objectives at planned times"),
    _row("R45", "9.2.1", "9.2", "P", "internal-auditor", YEAR, "internal audits at planned times"),
    _row("R46", "9.2.2", "9.2", "P", "internal-auditor", YEAR, "audit programme: scope, frequency, method, who"),
    _row("R47", "9.2.2", "9.2", "P", "internal-auditor", None, "audit results reported to management and kept"),
    _row("R48", "9.3.1", "9.3", "P", _TOP, YEAR, "management reviews at planned times"),
    _row("R49", "9.3.2", "9.3", "PM", _AIMS, None, "inputs of the review: audits, feedback, risks, objectives"),
    _row("R50", "9.3.3", "9.3", "P", _TOP, None, "results of the review: decisions and actions are kept"),
    _row("R51", "10.1", "10.1", "P", _AIMS, QUARTER, "chances to improve are found and used"),
    _row("R52", "10.2", "10.2", "M", _OWNER, None, "nonconformities: found, cause, corrected, recurrence checked"),
    _row("R53", "10.2", "10.2", "PM", _AIMS, None, "corrective action fits the effect"),
    _row("R54", "10.2", "10.2", "M", _AIMS, None, "results of corrective action are kept"),
    _row("R55", "10.1", "10.3", "PM", _TOP, YEAR, "suitability, adequacy, effectiveness improve continually"),
)  # fmt: skip
BY_ID = {row.id: row for row in REQUIREMENTS}
# Types of documents that the clauses ask for by name.
DOCUMENTS = (
    "context", "scope", "ai-policy", "risk-process", "impact-assessment-process", "resources",
    "communication-plan", "disclosure-criteria", "audit-programme", "statement-of-applicability",
)  # fmt: skip
