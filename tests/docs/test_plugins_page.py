"""docs/plugins.md names every hook with its exact signature, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import aims_mlops.hookspecs
from aims_mlops.plugins import manager

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"
_SECTION = re.compile(r"^### (\w+)\n```py\n(.*?)\n```$", re.MULTILINE | re.DOTALL)


def header(function: ast.FunctionDef) -> str:
    function.body = [ast.Pass()]
    function.decorator_list = []
    return ast.unparse(function)


def specified() -> dict[str, str]:
    """{hook: header} as hookspecs.py has it, in its order."""
    source = Path(str(aims_mlops.hookspecs.__file__)).read_text()
    (hooks,) = (n for n in ast.parse(source).body if isinstance(n, ast.ClassDef))
    return {f.name: header(f) for f in hooks.body if isinstance(f, ast.FunctionDef)}


def documented() -> dict[str, str]:
    found = {}
    for name, signature in _SECTION.findall(PAGE.read_text()):
        (function,) = ast.parse(f"{signature}: pass").body
        assert isinstance(function, ast.FunctionDef)
        found[name] = header(function)
    return found


def test_page_and_specification_say_the_same() -> None:
    assert documented() == specified()


def test_every_documented_hook_is_one_that_pluggy_knows() -> None:
    hooks = manager().hook
    assert {name for name in vars(hooks) if not name.startswith("_")} == set(documented())


def test_every_hook_is_called_by_the_product() -> None:
    """A hook's name is an attribute of the relay, or the text that `each_plugin` is given."""
    source = Path(str(aims_mlops.hookspecs.__file__)).parent
    called = set()
    for path in source.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                called.add(node.attr)
            elif isinstance(node, ast.Call):
                called |= {a.value for a in node.args if isinstance(a, ast.Constant)}
    assert specified().keys() <= called


def test_every_hook_says_who_uses_it_or_that_it_is_for_others() -> None:
    text = PAGE.read_text()
    for name in documented():
        section = text.split(f"### {name}\n")[1].split("###")[0]
        users = set(re.findall(r"`(aims-[a-z-]+)`", section))
        actual = {i.plugin_name for i in getattr(manager().hook, name).get_hookimpls()}
        # collect_run_evidence of MLflow returns nothing; it only ties the run.
        assert users == actual - ({"aims-mlflow"} if name == "collect_run_evidence" else set())
