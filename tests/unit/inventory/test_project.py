"""Finding aims.yaml, reading it once, and what it says wrong."""

import os

import pytest

from aims_mlops.errors import DocumentError, InputError
from aims_mlops.inventory import project as project_module
from aims_mlops.inventory.actor import current_actor
from aims_mlops.inventory.declared.person import folded
from aims_mlops.inventory.project import find_project

TEXT = """\
store: sqlite:///log/evidence.db
systems:
  - id: diabetes-risk
    owner: ana
    risk_owner: bo
    models: ["diabetes*"]
people:
  - {id: ana, roles: [developer], also_known_as: [Ana.Lima@Example.org]}
  - {id: bo, roles: [risk-owner]}
  - {id: train-bot, acts_for: ana}
targets:
  production: {policy: checks/production.yaml, aliases: [champion]}
"""


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("AIMS_PROJECT", "AIMS_STORE_URL", "AIMS_ACTOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "aims.yaml").write_text(TEXT)
    return tmp_path


def test_folder_below_finds_aims_yaml_above(root):
    (root / "a" / "b").mkdir(parents=True)
    project = find_project(root / "a" / "b")
    assert project.path == root / "aims.yaml"
    assert project.root == root
    assert project.store_url == f"sqlite:///{root}/log/evidence.db"
    assert project.system("diabetes-risk").owner == "ana"
    assert project.system_of_model("diabetes-v2").id == "diabetes-risk"
    assert project.system_of_model("loans") is None
    assert project.target("champion") is project.target("production")


def test_no_aims_yaml_gives_defaults(tmp_path):
    project = find_project(tmp_path)
    assert project.path is None
    assert project.systems == ()
    assert project.store_url == f"sqlite:///{tmp_path}/.aims/evidence.db"


def test_environment_names_project_and_store(root, tmp_path, monkeypatch):
    monkeypatch.setenv("AIMS_PROJECT", str(root))
    monkeypatch.setenv("AIMS_STORE_URL", "postgresql+psycopg://h/d")
    assert find_project().root == root
    assert find_project().store_url == "postgresql+psycopg://h/d"
    monkeypatch.setenv("AIMS_PROJECT", str(tmp_path / "elsewhere"))
    with pytest.raises(InputError, match=r"leads to no aims\.yaml"):
        find_project()


def test_unchanged_file_is_read_once_and_a_change_is_seen(root, monkeypatch):
    first = find_project(root)
    assert find_project(root).settings is first.settings
    (root / "aims.yaml").write_text(TEXT.replace("owner: ana", "owner: bo"))
    assert find_project(root).system("diabetes-risk").owner == "bo"


def test_every_problem_is_listed_by_line(root):
    (root / "aims.yaml").write_text(
        "sistems: []\npeople:\n  - id: ana\n    role: [x]\n  - id: Ana B\nsystems:\n"
        "  - id: s\n    risk_tier: hihg\n"
    )
    with pytest.raises(DocumentError) as caught:
        find_project(root)
    lines = str(caught.value).splitlines()
    assert [line.split(":")[1] for line in lines] == ["1", "4", "5", "8"]
    assert "did you mean 'systems'" in lines[0]
    assert "did you mean 'roles'" in lines[1]
    assert "did you mean 'high'" in lines[3]
    assert f"Next: aims lint {root}" in lines[0]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("{id: bo,", "{id: bo, also_known_as: [ana.lima+x@example.org],", 9, "another person"),
        ("risk_owner: bo", "risk_owner: bob", 5, "did you mean 'bo'"),
        ("acts_for: ana", "acts_for: anna", 10, "did you mean 'ana'"),
        ("[champion]}", "[champion]}\n  staging: {policy: x, aliases: [Champion]}", 13, "already"),
    ],
)
def test_contradiction_is_refused_with_its_line(root, old, new, line, words):
    (root / "aims.yaml").write_text(TEXT.replace(old, new))
    with pytest.raises(DocumentError, match=words) as caught:
        find_project(root)
    assert caught.value.line == line


def test_spelling_variants_and_service_account_are_the_same_human(root):
    project = find_project(root)
    for identity in ("ana", "ANA", "ana.lima@example.org", "Ana.Lima+ci@EXAMPLE.org", "train-bot"):
        assert project.human(identity) == "ana", identity
    assert project.human("ａｎａ\u200b") == "ana"
    assert project.human("Someone@else.org") == "someone@else.org"
    assert folded("b\u00fcrger") == folded("bu\u0308rger")


def test_actor_is_mapped_to_the_stable_id(root, monkeypatch):
    monkeypatch.setenv("AIMS_ACTOR", "ANA.LIMA@example.org")
    assert current_actor(find_project(root)) == "ana"
    monkeypatch.setenv("AIMS_ACTOR", "stranger")
    assert current_actor(find_project(root)) == "stranger"


def test_unknown_store_scheme_names_the_known_ones(root, monkeypatch):
    monkeypatch.setenv("AIMS_STORE_URL", "ftp://x")
    with pytest.raises(InputError, match="sqlite"):
        find_project(root).open_store()


def test_store_is_opened_once_a_process(root):
    project = find_project(root)
    assert project.open_store() is find_project(root).open_store()
    assert (os.getpid(), project.store_url) in project_module._stores
    project_module.forget_stores()
    assert (os.getpid(), project.store_url) not in project_module._stores
