"""The audit pack: an auditor with nothing but it verifies, and finds by following links."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from aims_mlops.cli.audit_pack import command
from aims_mlops.cli.evidence import group
from aims_mlops.errors import InputError
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.inventory.project import find_project, forget_stores
from aims_mlops.report.pack.sample import place
from support.registers import Organisation

CLAIMED = "2026-11-21T00:00:00.000000Z"


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def said(kind, body, *about, system="loans", run=None):
    return Evidence(
        kind=kind,
        subjects=tuple(Subject(name, sha(name)) for name in about),
        body=body,
        actor="ana",
        claimed_at=CLAIMED,
        system=system,
        run=run,
        controls={
            "data-quality": ("A.7.4",),
            "dataset": ("A.7.2", "A.7.5"),
            "promotion": ("A.6.2.5",),
        }.get(kind, ()),
    )


def released(store, number, outcome="set"):
    """One model from its data to its promotion; the id of the promotion."""
    model, data, run = f"model {number}", f"data {number}", f"run-{number}"
    store.append_many(
        [
            said("dataset", {"name": data}, data, run=run),
            said("data-quality", {"suite": {"origin": "own"}}, data, run=run),
            said("performance", {"figures": []}, model, run=run),
        ]
    )
    (decision,) = store.append_many(
        [
            said(
                "decision",
                {"verdict": "allowed", "allowed": True, "bound": {"datasets": [sha(data)]}},
                model,
            )
        ]
    )
    (promotion,) = store.append_many(
        [
            said(
                "promotion",
                {
                    "alias": "champion",
                    "outcome": outcome,
                    "decision": decision.id,
                    "model": sha(model),
                    "name": "loans",
                    "version": str(number),
                    "target": "production",
                },
                model,
            )
        ]
    )
    return promotion.id


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An organisation with eight promotions and an approved policy, and its pack as a folder."""
    root = tmp_path_factory.mktemp("audited")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIMS_KEYS", str(root / "keys"))
        patch.chdir(root)
        organisation = Organisation(root).set_up()
        organisation.add("document")
        organisation.approve("ai-policy", by="cy")
        store = find_project().open_store()
        promotions = [released(store, number) for number in range(8)]
        released(store, 9, outcome="failed")
        done = run(command, str(root / "pack"), "--seed", "audit-2026", "--json")
        yield root, promotions, json.loads(done.output)
    forget_stores()


def run(command, *arguments):
    done = CliRunner().invoke(command, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


class Links(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.outside = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src") and value:
                (self.outside if re.match(r"[a-z]+:|//", value) else self.found).append(value)


def followed(page, pattern):
    """The files that a page's links of this form lead to; each is there."""
    links = Links(page.read_text(encoding="utf-8")).found
    paths = [(page.parent / link).resolve() for link in links if re.search(pattern, link)]
    assert all(path.is_file() for path in paths)
    return paths


def envelopes(pack):
    """What the bundle holds, by record id, read without our code."""
    lines = (json.loads(line) for line in (pack / "evidence.aims").read_bytes().splitlines())
    found = [line for line in lines if "envelope" in line]
    return {line["leaf"]["envelope"]: line for line in found}


def test_auditor_with_the_pack_and_cryptography_alone_verifies_it(made, tmp_path):
    root, _, _ = made
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    installed = Path(sysconfig.get_path("platlib"))
    for pattern in ("cryptography", "cffi", "pycparser", "_cffi_backend*"):
        for path in installed.glob(pattern):
            (libraries / path.name).symlink_to(path)
    done = subprocess.run(
        [sys.executable, "-S", "-m", "aims_verify.cli", "../evidence.aims", "--json"],
        cwd=root / "pack" / "verify",
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(libraries),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["good"] is True


@pytest.mark.parametrize(
    ("control", "kind"),
    [("A.7.4", "data-quality"), ("A.6.2.5", "promotion"), ("A.2.2", "document")],
)
def test_auditor_follows_links_from_the_start_page_to_the_evidence_of_a_control(
    made, control, kind
):
    pack = made[0] / "pack"
    (page,) = followed(pack / "index.html", rf"controls/{control}\.html$")
    records = followed(page, r"records/")
    assert records
    assert kind in {re.search(r"<h1>(\S+) ", path.read_text())[1] for path in records}
    assert {path.stem for path in records} <= set(envelopes(pack))


def test_auditor_follows_five_sampled_promotions_to_what_they_stood_on(made):
    root, promotions, told = made
    pack = root / "pack"
    (page,) = followed(pack / "index.html", r"^promotions\.html$")
    listed = json.loads((pack / "promotions.json").read_text())
    drawn = [one["id"] for one in listed["promotions"] if one["drawn"]]
    assert [one["id"] for one in listed["promotions"]] == promotions  # the failed one is none
    assert drawn == told["drawn"]
    assert set(drawn) == set(sorted(promotions, key=lambda id_: place(id_, "audit-2026"))[:5])
    pages = {path.stem: path for path in followed(page, r"records/")}
    held = envelopes(pack)
    for id_ in drawn:
        stood_on = followed(pages[id_], r"^[0-9a-f]{64}\.html$")
        kinds = {re.search(r"<h1>(\S+) ", path.read_text())[1] for path in stood_on}
        assert kinds >= {"decision", "performance", "dataset", "data-quality"}
        assert {path.stem for path in stood_on} <= set(held)


def test_every_page_opens_from_the_disk_without_a_network(made):
    pack = made[0] / "pack"
    for page in pack.rglob("*.html"):
        links = Links(page.read_text(encoding="utf-8"))
        assert links.outside == []
        for link in links.found:
            assert link.startswith("#") or (page.parent / link.split("#")[0]).is_file(), link


def test_pack_names_every_file_by_digest(made):
    root, _, told = made
    pack = root / "pack"
    content = (pack / "pack.json").read_bytes()
    assert hashlib.sha256(content).hexdigest() == told["sha256"]
    files = {p.relative_to(pack).as_posix() for p in pack.rglob("*") if p.is_file()}
    listed = json.loads(content)["files"]
    assert set(listed) == files - {"pack.json"}
    for name, digest in listed.items():
        assert hashlib.sha256((pack / name).read_bytes()).hexdigest() == digest


def test_zip_holds_the_same_files_and_another_seed_draws_others(made):
    root, promotions, _ = made
    found = root / "pack.zip"
    told = json.loads(run(command, str(found), "--seed", "2", "--sample", "3", "--json").output)
    with zipfile.ZipFile(found) as archive:
        assert {"index.html", "evidence.aims", "verify/aims_verify/cli.py"} <= set(
            archive.namelist()
        )
    assert set(told["drawn"]) == set(sorted(promotions, key=lambda id_: place(id_, "2"))[:3])


def test_pack_that_exists_is_not_overwritten(made):
    with pytest.raises(InputError, match="not overwritten"):
        run(command, str(made[0] / "pack"))


def test_evidence_is_found_for_a_control_in_a_period(made):
    asked = ("find", "--control", "A.7.4", "--system", "loans", "--json")
    assert len(json.loads(run(group, *asked).output)["records"]) == 9
    assert json.loads(run(group, *asked, "--to", "2020-01-01").output)["records"] == []
    other = ("find", "--control", "A.7.4", "--system", "support-bot", "--json")
    assert json.loads(run(group, *other).output)["records"] == []


def test_evidence_of_an_organisational_control_is_a_persons(made):
    found = json.loads(run(group, "find", "--control", "a.2.2", "--json").output)
    assert found["records"] == []
    assert [one["kind"] for one in found["declared_by_persons"]] == ["document"]


def test_system_named_like_a_path_stays_inside_the_pack(made):
    root, _, _ = made
    store = find_project().open_store()
    store.append_many([said("gap", {"where": "x", "error": "y"}, "x", system="../../escaped")])
    run(command, str(root / "attacked"), "--seed", "1")
    assert not list(root.glob("escaped*"))
    assert not list(root.parent.glob("escaped*"))
