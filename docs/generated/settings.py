"""aims.yaml from its model, policies from their grammar."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Sequence

from aims_mlops.inventory.declared.settings import Settings
from generated.links import MIRRORED
from generated.page import ROOT, Page
from generated.schema import fields

TITLE = "Configuration"


@functools.cache
def pages() -> Sequence[Page]:
    """`aims.yaml`, the grammar of policies, and the schema that editors use for them."""
    schema = Settings.model_json_schema()
    text = f"# aims.yaml\n\n{_about(schema)}\n\n{fields(schema)}"
    for name, part in schema["$defs"].items():
        if "properties" in part:
            text += f"\n## {name}\n\n{_about(part)}\n\n{fields(part)}"
        else:
            values = ", ".join(f"`{value}`" for value in part.get("enum", ()))
            text += f"\n## {name}\n\n{_about(part)}\n\n{values or part.get('type', '')}\n"
    grammar = (ROOT / "checks/README.md").read_text()
    policy = json.loads((ROOT / "checks/policy.schema.json").read_text())
    grammar += f"\n## The schema\n\n`checks/policy.schema.json`, for editors.\n\n{fields(policy)}"
    for name, part in policy.get("$defs", {}).items():
        grammar += f"\n### {name}\n\n{_about(part)}\n\n{fields(part)}"
    return [
        Page("reference/aims-yaml.md", "aims.yaml", text),
        Page(MIRRORED["checks/README.md"], "Policies", grammar),
    ]


def _about(schema: dict[str, object]) -> str:
    return inspect.cleandoc(str(schema.get("description", ""))).replace(" : ", ": ")
