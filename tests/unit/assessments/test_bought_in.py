"""A bought-in system without files: decided about by its supplier's version and terms."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from aims_mlops.cli.main import app
from aims_mlops.dossier.query import resolve_model
from aims_mlops.errors import InputError

SUPPLIER = "{name: Bureau Ltd, provides: credit score, version: '2.1', sha256: %s}"


def aims(*arguments, code=0):
    found = CliRunner().invoke(app, arguments)
    if isinstance(found.exception, Exception) and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == code, found.output
    return found.output


@pytest.fixture
def bought(world):
    """The world's system, bought in, under the pack for that."""
    text = (world.root / "aims.yaml").read_text()
    text = text.replace("    models:", f"    suppliers: [{SUPPLIER % ('a' * 64)}]\n    models:")
    world.write("aims.yaml", text.replace("policy: policies/production.yaml", "policy: bought-in"))
    return world


def test_bought_in_system_is_assessed_approved_and_decided_about(bought):
    assert "✗ refused" in aims("gate", "system:loans", "--for", "production", code=1)
    said = aims("assess", "submit", "--system", "loans", "--as", "ana")
    assert "aims assess approve --model system:loans" in said
    aims("assess", "approve", "--model", "system:loans", "--as", "bo", "--yes")
    assert "✓ allowed" in aims("gate", "system:loans", "--for", "production")
    assert "✓" in aims("check-model", "system:loans", "--for", "production")


@pytest.mark.parametrize(("old", "new"), [("'2.1'", "'2.2'"), ("a" * 64, "b" * 64)])
def test_new_version_or_new_terms_need_a_new_decision(bought, old, new):
    aims("assess", "submit", "--system", "loans", "--as", "ana")
    aims("assess", "approve", "--model", "system:loans", "--as", "bo", "--yes")
    before = resolve_model("system:loans").sha256
    text = (bought.root / "aims.yaml").read_text()
    bought.write("aims.yaml", text.replace(old, new, 1))
    assert resolve_model("system:loans").sha256 != before
    assert "✗ refused" in aims("gate", "system:loans", "--for", "production", code=1)


def test_supplier_without_version_or_terms_is_nothing_to_decide_about(bought):
    text = (bought.root / "aims.yaml").read_text()
    bought.write("aims.yaml", text.replace("version: '2.1', ", ""))
    with pytest.raises(InputError, match="has no version or no terms"):
        resolve_model("system:loans")
    with pytest.raises(InputError, match="knows no AI system 'other'"):
        resolve_model("system:other")
    assert "either --model or --system" in aims("assess", "submit", "--as", "ana", code=2)
