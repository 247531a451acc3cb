"""Forced browsing: every route of the console, tried with every role, does what one table says."""

from __future__ import annotations

import httpx
import pytest

from aims_mlops.web.auth.permissions import ACTIONS, is_allowed
from aims_mlops.web.routes.table import PAGES

from .conftest import ConsoleServer

# person -> the roles that aims.yaml and its systems give them in the world of these tests
PEOPLE = {
    "ana": {"developer", "owner"},
    "bo": {"risk-owner"},
    "dee": {"admin"},
    "eve": {"external-auditor"},
    "fay": set(),
}
# What is not a page of the table: (method, address, action).
OTHERS = (
    ("GET", "/console/systems.csv", "export"),
    ("GET", "/console/evidence.csv", "export"),
    ("GET", "/console/records/{record}/envelope.json", "read"),
    ("GET", "/console/records/{record}/proof.txt", "read"),
    ("GET", "/console/records/{record}/blobs/{blob}", "read-personal"),
    ("GET", "/console/models/{model}/card.html", "read"),
    ("POST", "/console/models/{model}/assessment", "draft"),
    ("POST", "/console/models/{model}/review", "review"),
    ("GET", "/console/sessions", "administer"),
    ("POST", "/console/sessions", "administer"),
    ("POST", "/console/reports", "export"),
    ("GET", "/console/reports/{report}", "export"),
    ("POST", "/console/models/{model}/answer", "approve"),
    ("GET", "/console/passkeys", "read"),
    ("POST", "/console/passkeys/add", "read"),
    ("POST", "/console/passkeys/enrol", "read"),
    ("POST", "/console/passkeys/confirm", "read"),
    ("POST", "/console/passkeys/finish", "read"),
    ("POST", "/console/registers/{register}/add", "register"),
    ("POST", "/console/registers/{register}/entries/{entry}/change", "register"),
    ("POST", "/console/registers/{register}/entries/{entry}/close", "register"),
)
PUBLIC = {
    ("GET", "/console/sign-in"),
    ("GET", "/console/sign-in/{secret}"),
    ("POST", "/console/sign-in/{secret}"),
    ("POST", "/console/sign-in/passkey/begin"),
    ("POST", "/console/sign-in/passkey/finish"),
    ("GET", "/console/static/{name}"),
    ("GET", "/console/language/{code}"),
}
ROUTES = [
    *((m, f"{prefix}{page.path}", page.action) for page in PAGES for m, prefix in
      (("GET", "/console"), ("GET", "/v1/console"))),
    *OTHERS,
]  # fmt: skip


@pytest.fixture(scope="module")
def browsers(console: ConsoleServer) -> dict[str, httpx.Client]:
    return {person: console.client(person) for person in PEOPLE}


def address_of(console: ConsoleServer, path: str) -> str:
    model = console.world.models["one"].sha256
    record = next(console.world.store.find(kind="impact-assessment")).id
    return path.format(
        system="loans",
        model=model,
        record=record,
        blob="0" * 64,
        register="risk",
        entry="R-0",
        report="0",
    )


@pytest.mark.parametrize(("method", "path", "action"), ROUTES)
def test_route_does_for_each_role_what_the_table_says(
    console: ConsoleServer,
    browsers: dict[str, httpx.Client],
    method: str,
    path: str,
    action: str,
) -> None:
    there = address_of(console, path)
    assert action in ACTIONS
    for person, roles in PEOPLE.items():
        browser = browsers[person]
        data = None
        if method == "POST":
            page = browser.get("/console").text
            data = {"csrf": page.split('name="csrf" value="')[1].split('"')[0]}
        answer = browser.request(method, there, data=data)
        refused = answer.status_code == 403
        assert refused is not is_allowed(action, frozenset(roles)), (person, answer.status_code)
    nobody = console.client().request(method, there)
    assert nobody.status_code == (401 if path.startswith("/v1/") else 303)


def test_every_route_of_the_console_is_in_the_tables_of_this_test(console: ConsoleServer) -> None:
    from aims_mlops.inventory.project import find_project
    from aims_mlops.web.auth.guard import guard
    from aims_mlops.web.routes.every import console_routers
    from aims_mlops.web.routes.pages import Console
    from aims_mlops.web.routes.passkeys import passkeys_router
    from aims_mlops.web.routes.sign_in import sign_in_router

    def project():  # type: ignore[no-untyped-def]
        return find_project(console.world.root)

    found = Console(project, console.world.store, guard(console.doorkeeper, project))
    routers = (
        *console_routers(found),
        sign_in_router(found, console.doorkeeper, project),
        passkeys_router(found, console.doorkeeper),
    )
    served = {
        (method, route.path)  # type: ignore[attr-defined]
        for router in routers
        for route in router.routes
        for method in route.methods  # type: ignore[attr-defined]
    }
    told = {(method, path) for method, path, _ in ROUTES} | PUBLIC
    assert served - told == {("POST", "/console/sign-out")}
    assert told - served == set()


def test_administrator_may_not_approve_by_being_one() -> None:
    assert not is_allowed("approve", frozenset({"admin"}))
    assert not is_allowed("no such action", frozenset({"admin", "top-management"}))


def test_menu_leads_only_where_one_may_go(browsers: dict[str, httpx.Client]) -> None:
    assert 'href="/console/administration"' not in browsers["bo"].get("/console").text
    assert 'href="/console/administration"' in browsers["dee"].get("/console").text
