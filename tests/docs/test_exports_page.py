"""docs/exports-fields.md is what exports of a fully recorded model really say, and leave empty.

python tests/docs/test_exports_page.py   writes the page anew
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "exports-fields.md"
sys.path.insert(0, str(ROOT / "tests"))

from support.exported import Exported, recorded_project  # noqa: E402

HEAD = """# Fields of exports

Which record fills what, and what stays empty, of a model about which everything is recorded that a
run can record: for whoever decides whether an [export](exports.md) is enough. Made by a test from
the exports themselves.
"""
_ID = re.compile(r"[0-9a-f]{64}")
Row = tuple[str, str]


def kinds_of(value: Any, kinds: Mapping[str, str]) -> list[str]:
    """The kinds of the records that a value names."""
    return sorted({kinds[id_] for id_ in _ID.findall(json.dumps(value)) if id_ in kinds})


def papers(made: Mapping[str, Any], kinds: Mapping[str, str]) -> Iterator[Row]:
    for point in made["points"]:
        for line in point["lines"]:
            label = re.sub(rf": ({'|'.join(set(kinds.values()))})$", "", line["label"])
            label = re.sub(r" on applications-\w+$", "", label)
            label = re.sub(r"^(Dataset|Data quality of|Purpose of|Licence of) .*", r"\1 …", label)
            source = kinds.get(line["record"] or "", "what is absent")
            if not line["values"]:
                source = "**empty**"
            elif line["declared_by"]:
                source += ", declared by a person"
            yield f"{point['number']} {label}", source


def cyclonedx(made: Mapping[str, Any], kinds: Mapping[str, str]) -> Iterator[Row]:
    model = made["metadata"]["component"]
    for entry in model["modelCard"]["properties"]:
        part = entry["name"].removeprefix("aims:record:").split("/")[0]
        yield f"modelCard {part}", kinds[entry["value"]]
    for component in made["components"]:
        for kind in kinds_of(component.get("properties"), kinds):
            yield f"components of type {component['type']}", kind
    yield from ((f"formulation {k}", k) for k in kinds_of(made["formulation"], kinds))
    schema = files("cyclonedx.schema._res").joinpath("bom-1.7.SNAPSHOT.schema.json")
    card = json.loads(schema.read_text())["definitions"]["modelCard"]["properties"]
    for section in ("modelParameters", "quantitativeAnalysis", "considerations"):
        for field in card[section]["properties"]:
            if field not in model["modelCard"].get(section, {}):
                yield f"modelCard {section} {field}", "**empty**"


def spdx(made: Mapping[str, Any], kinds: Mapping[str, str]) -> Iterator[Row]:
    from spdx_python_model import v3_0_1

    written: dict[str, set[str]] = {}
    for element in made["@graph"]:
        written.setdefault(element["type"], set()).update(element)
        for kind in kinds_of(element.get("externalRef"), kinds):
            yield element["type"], kind
    for name, prefix in (("ai_AIPackage", "ai_"), ("dataset_DatasetPackage", "dataset_")):
        for field in sorted(f for f in dir(getattr(v3_0_1, name)) if f.startswith(prefix)):
            if field not in written[name]:
                yield f"{name} {field}", "**empty**"


def any_other(made: Mapping[str, Any], kinds: Mapping[str, str]) -> Iterator[Row]:
    for part, value in made.items():
        for kind in kinds_of(value, kinds):
            yield part, kind


def page(project: Exported) -> str:
    """The page, from a project with a fully recorded model."""
    from aims_mlops.exports.export import FORMATS, export
    from aims_mlops.inventory.project import find_project, forget_stores

    before = os.environ.get("AIMS_PROJECT")
    os.environ["AIMS_PROJECT"] = str(project.root)
    try:
        store = find_project().open_store()
        kinds = {record.id: record.evidence.kind for record in store.find()}
        text = HEAD
        for entry in FORMATS.values():
            if entry.name == "oscal-poam":
                continue  # there is no nonconformity; its items are records of that kind
            subject = "loans" if entry.about == "system" else project.model
            file = "json" if "json" in entry.files else entry.files[0]
            content = export(store, entry.name, subject, file=file).content.decode()
            made = json.loads(content.splitlines()[-1] if file == "jsonl" else content)
            reader = {"cyclonedx": cyclonedx, "spdx": spdx}.get(
                entry.name, papers if "html" in entry.files else any_other
            )
            found: dict[str, set[str]] = {}
            for part, source in reader(made, kinds):
                found.setdefault(part, set()).add(source)
            text += f"\n## {entry.name}\n| what | from |\n|---|---|\n"
            text += "".join(
                f"| {part} | {', '.join(sorted(sources))} |\n" for part, sources in found.items()
            )
    finally:
        forget_stores()
        os.environ.pop("AIMS_PROJECT")
        if before is not None:
            os.environ["AIMS_PROJECT"] = before
    return text


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page(recorded_project(tmp_path_factory.mktemp("exported")))


def test_page_is_what_exports_say(written: str) -> None:
    assert PAGE.read_text() == written


def test_half_of_annex_iv_that_no_pipeline_knows_is_empty_on_the_page(written: str) -> None:
    annex = written.split("## annex-iv", 1)[1].split("\n## ", 1)[0]
    assert "| 8 EU declaration of conformity (Article 47) | **empty** |" in annex
    assert "| 1 (a) Intended purpose | system, declared by a person |" in annex


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(page(recorded_project(Path(folder))))
