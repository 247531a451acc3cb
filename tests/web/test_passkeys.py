"""Passkeys in a real Chromium with a virtual authenticator: enrolled, confirmed, signed with."""

from __future__ import annotations

from typing import Any

import pytest

from aims_mlops.approvals.enrol import confirm, enrolments
from aims_mlops.approvals.keys.signature import verify_consent
from aims_mlops.inventory.project import find_project
from aims_verify.passkey import why_not
from support.world import GOOD

from .conftest import ConsoleServer


class Person:
    """Somebody at a browser of their own, with an authenticator."""

    def __init__(self, console: ConsoleServer, chrome: Any, person: str, *, verified: bool = True):
        self.console, self.person = console, person
        self.url = console.url.replace("127.0.0.1", "localhost")
        self.context = chrome.new_context()
        self.tab = self.context.new_page()
        self.devtools = self.context.new_cdp_session(self.tab)
        self.devtools.send("WebAuthn.enable")
        self.devtools.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
                    "hasUserVerification": True, "isUserVerified": verified,
                    "automaticPresenceSimulation": True,
                }
            },
        )  # fmt: skip

    def enter(self) -> None:
        secret = self.console.doorkeeper.invite(self.person, by="reg")
        self.tab.goto(f"{self.url}/console/sign-in/{secret}")
        self.tab.get_by_role("button", name="Go in as").click()
        self.tab.wait_for_url("**/console")

    def add_passkey(self) -> Any:
        self.tab.goto(f"{self.url}/console/passkeys")
        self.tab.get_by_role("button", name="Add a passkey").click()
        self.tab.wait_for_url("**/records/*")
        return self.tab.url.rsplit("/", 1)[1]


def project_of(console: ConsoleServer) -> Any:
    return find_project(console.world.root)


def confirmed(console: ConsoleServer, record: str) -> None:
    entries = enrolments(project_of(console), console.world.store).entries
    entry = next(e for e in entries if e.record.id == record)
    confirm(project_of(console), console.world.store, entry, by="reg")


@pytest.fixture(scope="module")
def bo(console: ConsoleServer, chrome: Any) -> Any:
    person = Person(console, chrome, "bo")
    person.enter()
    confirmed(console, person.add_passkey())
    return person


def review(person: Person, model: Any) -> None:
    person.tab.goto(f"{person.url}/console/models/{model.sha256}/review")


def answers(console: ConsoleServer, model: Any) -> list[Any]:
    found = console.world.store.find(kind="approval", subject=model.sha256)
    return [record for record in found if record.evidence.body["model"] == model.sha256]


def submitted(console: ConsoleServer, name: str) -> Any:
    model = console.world.train(name)
    console.world.submit(model)
    return model


def test_risk_owner_approves_with_a_passkey_and_the_gate_opens(
    console: ConsoleServer, bo: Person
) -> None:
    model = submitted(console, "by passkey")
    assert not console.world.gate(model).allowed
    review(bo, model)
    shown = bo.tab.locator("pre.shown-text").text_content()
    bo.tab.get_by_role("button", name="Approve").click()
    bo.tab.wait_for_url("**/records/*")
    (record,) = answers(console, model)
    assert verify_consent(record.evidence.body)
    assert why_not(record.evidence.body) is None
    assert console.world.store.get_blob(record.evidence.body["shown_blob"]).decode() == shown
    assert console.world.gate(model).allowed


def test_assessment_changed_between_display_and_signature_refuses(
    console: ConsoleServer, bo: Person
) -> None:
    model = submitted(console, "changed meanwhile")
    review(bo, model)
    console.world.measure(model, [{**GOOD[0], "value": 0.7}])
    bo.tab.get_by_role("button", name="Approve").click()
    bo.tab.get_by_text("no longer so").wait_for()
    assert answers(console, model) == []


def test_change_between_begin_and_signature_refuses(console: ConsoleServer, bo: Person) -> None:
    model = submitted(console, "changed at the last moment")
    review(bo, model)

    def meanwhile(route: Any) -> None:
        console.world.measure(model, [{**GOOD[0], "value": 0.7}])
        route.continue_()

    bo.tab.route("**/passkeys/finish", meanwhile)
    bo.tab.get_by_role("button", name="Approve").click()
    bo.tab.get_by_text("no longer so").wait_for()
    bo.tab.unroute("**/passkeys/finish")
    assert answers(console, model) == []


def test_confirmed_passkey_signs_in_and_a_stranger_does_not(
    console: ConsoleServer, bo: Person
) -> None:
    bo.tab.goto(f"{bo.url}/console")
    bo.tab.get_by_role("button", name="Sign out").click()
    bo.tab.wait_for_url("**/sign-in")
    bo.tab.get_by_role("button", name="Sign in with a passkey").click()
    bo.tab.wait_for_url("**/console")
    assert "Signed in as bo" in bo.tab.content()


def test_passkey_that_nobody_confirmed_signs_nobody_in(console: ConsoleServer, chrome: Any) -> None:
    cy = Person(console, chrome, "cy")
    cy.enter()
    cy.add_passkey()
    cy.tab.get_by_role("button", name="Sign out").click()
    cy.tab.wait_for_url("**/sign-in")
    cy.tab.get_by_role("button", name="Sign in with a passkey").click()
    cy.tab.get_by_text("no confirmed passkey").wait_for()
    assert cy.tab.url.endswith("/sign-in")
    cy.context.close()


def test_risk_owner_confirms_another_persons_key_in_the_browser(
    console: ConsoleServer, chrome: Any, bo: Person
) -> None:
    fay = Person(console, chrome, "fay")
    fay.enter()
    record = fay.add_passkey()
    bo.tab.goto(f"{bo.url}/console/passkeys")
    bo.tab.get_by_role("button", name="this is the key of fay").click()
    bo.tab.wait_for_url("**/records/*")
    found = enrolments(project_of(console), console.world.store)
    entry = next(e for e in found.entries if e.record.id == record)
    assert [who for who, _ in entry.confirmations] == ["bo"]
    fay.context.close()


def test_ceremony_of_another_session_finishes_nothing(console: ConsoleServer) -> None:
    thief = console.client("cy")
    page = thief.get("/console").text
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    said = {"ceremony": "x" * 43, "authenticator_data": "", "client_data": "", "signature": ""}
    answer = thief.post("/console/passkeys/finish", json=said, headers={"X-CSRF": csrf})
    assert answer.status_code >= 400
    assert "not begun here" in answer.text
