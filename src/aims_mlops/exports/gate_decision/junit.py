"""A decision as JUnit XML: one test case a rule, and one for the decision itself.

Source: the schema that Jenkins' xUnit plugin and GitLab read (`junit-10.xsd`).
"""

from __future__ import annotations

from xml.etree import ElementTree

from aims_mlops.exports.basis.identity import xml_text
from aims_mlops.exports.gate_decision.outcome import GATE, Outcome, Why
from aims_mlops.visible import one_line


def junit(outcome: Outcome) -> str:
    """The XML. A rule that is not held and does not refuse is skipped, with why.

    The case `gate.decision` fails unless the decision allows, whatever the rules say.
    """
    cases = [(why.rule, *_came_out(why)) for why in outcome.reasons if why.rule != GATE]
    cases.append((GATE, *_decided(outcome)))
    kinds = [kind for _, kind, _ in cases]
    counts = {
        "tests": str(len(cases)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
    }
    name = _attribute(f"aims gate: {outcome.model_uri} for {outcome.target}")
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(root, "testsuite", {"name": name, **counts, "time": "0"})
    if outcome.at:
        suite.set("timestamp", outcome.at)
    properties = ElementTree.SubElement(suite, "properties")
    for key, value in sorted(outcome.source.items()):
        if value is not None:
            said = {"name": key, "value": _attribute(value)}
            ElementTree.SubElement(properties, "property", said)
    for rule, kind, text in cases:
        said = {
            "classname": _attribute(f"aims.gate.{outcome.target}"),
            "name": _attribute(rule),
            "time": "0",
        }
        case = ElementTree.SubElement(suite, "testcase", said)
        if kind != "passed":
            came = ElementTree.SubElement(case, kind, {"message": _attribute(text)})
            if kind != "skipped":
                came.text = xml_text(text)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _came_out(why: Why) -> tuple[str, str]:
    if why.passes:
        return "passed", ""
    if not why.refuses:
        return "skipped", f"{why.not_refusing}: {why.sentence}"
    kind = "error" if why.outcome in ("insufficient", "error") else "failure"
    return kind, f"{why.outcome}: {why.sentence}"


def _decided(outcome: Outcome) -> tuple[str, str]:
    if outcome.verdict == "allowed":
        return "passed", ""
    kind = "failure" if outcome.verdict == "refused" else "error"
    return kind, outcome.title


def _attribute(text: str) -> str:
    return xml_text(one_line(text))
