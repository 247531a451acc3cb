"""The clauses 4 to 10 of ISO/IEC 42001:2023: ids, our own short words, what in the log shows each.

Only ids and our own words appear here; the text of the standard is ISO's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause.

    documents : types of document, registers : names of registers, kinds : of evidence that runs,
    gates and monitoring write; any of them is something that the log has about the clause.
    """

    id: str
    words: str
    documents: tuple[str, ...] = ()
    registers: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


_TABLE = """
4.1|internal and external issues|context||
4.2|interested parties|| interested-party|
4.3|scope|scope||
4.4|the management system|||
5.1|leadership|ai-policy|communication management-review|
5.2|AI policy|ai-policy||
5.3|roles and authorities||assignment|
6.1.1|risks and opportunities|risk-process|risk|
6.1.2|AI risk assessment||risk|
6.1.3|AI risk treatment|statement-of-applicability|risk|
6.1.4|AI system impact assessment|impact-assessment-process||assessment
6.2|objectives||objective|
6.3|planning of changes||aims-change|
7.1|resources|resources|resource|environment
7.2|competence||competence|
7.3|awareness||communication|
7.4|communication|communication-plan|communication|
7.5.1|documented information||document|
7.5.2|creating and updating documents||document|
7.5.3|control of documents||document|
8.1|operational control|||policy gate-decision monitoring-run
8.2|AI risk assessment carried out||risk|
8.3|AI risk treatment carried out||risk|
8.4|AI system impact assessment carried out|||assessment
9.1|monitoring, measurement, evaluation||objective|monitoring-run performance drift
9.2.1|internal audit||audit|
9.2.2|audit programme|audit-programme|audit|
9.3.1|management review||management-review|
9.3.2|inputs of the management review||management-review|
9.3.3|results of the management review||management-review|
10.1|continual improvement||improvement|
10.2|nonconformity and corrective action|||nonconformity
"""


def _clauses() -> dict[str, Clause]:
    found = {}
    for line in _TABLE.strip().splitlines():
        id_, words, *lists = line.split("|")
        found[id_] = Clause(id_, words, *(tuple(names.split()) for names in lists))
    return found


CLAUSES: Mapping[str, Clause] = MappingProxyType(_clauses())
