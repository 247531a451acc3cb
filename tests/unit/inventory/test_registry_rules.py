"""Which registry writes are promotions, by aims.yaml."""

from __future__ import annotations

import pytest

from aims_mlops.inventory.declared.registry_rules import RegistryRules


def test_no_rules_govern_every_name_and_free_no_alias() -> None:
    rules = RegistryRules()
    assert rules.governs("anything")
    assert not rules.is_free("candidate")
    assert rules.target_of_name("anything") is None
    assert rules.target_of_tag("stage", "production") is None


@pytest.mark.parametrize("alias", ["candidate", "CANDIDATE", "Candidate"])
def test_free_alias_is_free_in_every_letter_case(alias: str) -> None:
    assert RegistryRules(free_aliases=("candidate",)).is_free(alias)


@pytest.mark.parametrize("alias", ["candidate2", "candidate\n", "ｃandidate", ""])
def test_alias_that_only_looks_free_is_not(alias: str) -> None:
    assert not RegistryRules(free_aliases=("candidate",)).is_free(alias)


def test_production_name_is_governed_though_no_pattern_of_models_has_it() -> None:
    rules = RegistryRules(models=("loans-*",), production_names={"PROD.*": "production"})
    assert rules.governs("loans-a")
    assert not rules.governs("sandbox")
    assert rules.governs("prod.sandbox")
    assert rules.target_of_name("Prod.Sandbox") == "production"


def test_tag_promotes_by_key_or_by_key_and_value() -> None:
    rules = RegistryRules(promoting_tags={"live": "production", "env=prod": "production"})
    assert rules.target_of_tag("LIVE", "no") == "production"
    assert rules.target_of_tag("env", "Prod") == "production"
    assert rules.target_of_tag("env", "dev") is None
