"""Getting in and staying in: invitations, sessions, forms, headers; attacks by their names."""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from aims_mlops.cli.people import group as people
from aims_mlops.evidence.clock import stamp

from .conftest import ConsoleServer


def token_of(page: str) -> str:
    return page.split('name="csrf" value="')[1].split('"')[0]


def test_invitation_lets_one_person_in_once(console: ConsoleServer) -> None:
    secret = console.doorkeeper.invite("bo", by="reg")
    browser = console.client()
    looked = browser.get(f"/console/sign-in/{secret}")
    assert "This invitation is for bo" in looked.text
    assert browser.get(f"/console/sign-in/{secret}").status_code == 200  # a look uses nothing up
    assert browser.post(f"/console/sign-in/{secret}").headers["location"] == "/console"
    assert "Signed in as bo" in browser.get("/console").text
    for method in ("GET", "POST"):
        again = console.client().request(method, f"/console/sign-in/{secret}")
        assert again.status_code == 404
        assert "aims-session" not in again.headers.get("set-cookie", "")


def test_of_many_who_use_one_invitation_at_once_one_gets_in(console: ConsoleServer) -> None:
    secret = console.doorkeeper.invite("bo", by="reg")
    got: list[str | None] = []
    threads = [
        threading.Thread(target=lambda: got.append(console.doorkeeper.accept(secret)))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(session is not None for session in got) == 1


def test_invitation_that_ran_out_lets_nobody_in(console: ConsoleServer) -> None:
    secret = console.doorkeeper.invite("bo", by="reg")
    with sqlite3.connect(console.doorkeeper.path) as connection:
        past = stamp(datetime.now(UTC) - timedelta(seconds=1))
        connection.execute("UPDATE invitations SET expires_at = ? WHERE used_at IS NULL", (past,))
    connection.close()
    assert console.client().post(f"/console/sign-in/{secret}").status_code == 404


@pytest.mark.parametrize(("column", "hours"), [("seen_at", 1.1), ("begun_at", 12.1)])
def test_session_that_is_idle_or_old_ends(
    console: ConsoleServer, column: str, hours: float
) -> None:
    browser = console.client("bo")
    with sqlite3.connect(console.doorkeeper.path) as connection:
        then = stamp(datetime.now(UTC) - timedelta(hours=hours))
        connection.execute(f"UPDATE sessions SET {column} = ?", (then,))
    connection.close()
    assert browser.get("/console").headers["location"] == "/console/sign-in"


def test_session_fixation_gives_the_attacker_nothing(console: ConsoleServer) -> None:
    """A cookie that was there before signing in is not the one after it, and works no longer."""
    attacker = console.client("cy")
    planted = attacker.cookies["aims-session"]
    victim = console.client()
    victim.cookies.set("aims-session", planted)
    secret = console.doorkeeper.invite("bo", by="reg")
    victim.post(f"/console/sign-in/{secret}")
    assert victim.cookies.get("aims-session", domain="127.0.0.1") != planted
    assert attacker.get("/console").status_code == 303


def test_stolen_cookie_is_worthless_after_signing_out(console: ConsoleServer) -> None:
    browser = console.client("bo")
    stolen = browser.cookies["aims-session"]
    csrf = token_of(browser.get("/console").text)
    assert browser.post("/console/sign-out", data={"csrf": csrf}).status_code == 303
    thief = console.client()
    thief.cookies.set("aims-session", stolen)
    assert thief.get("/console").headers["location"] == "/console/sign-in"


def test_secrets_are_kept_as_digests_only(console: ConsoleServer) -> None:
    secret = console.doorkeeper.invite("bo", by="reg")
    browser = console.client("bo")
    kept = console.doorkeeper.path.read_bytes()
    assert secret.encode() not in kept
    assert browser.cookies["aims-session"].encode() not in kept
    assert console.doorkeeper.path.stat().st_mode & 0o077 == 0


def test_cookie_is_for_this_site_and_no_script(console: ConsoleServer) -> None:
    secret = console.doorkeeper.invite("bo", by="reg")
    cookie = console.client().post(f"/console/sign-in/{secret}").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


@pytest.mark.parametrize("csrf", [None, "", "x", "é"])
def test_csrf_without_the_sessions_token_changes_nothing(
    console: ConsoleServer, csrf: str | None
) -> None:
    browser = console.client("ana")
    said = {"id": "CSRF-1", "title": "t", "owner": "ana", "proposal": "p", "do": "save"}
    sent = said if csrf is None else {**said, "csrf": csrf}
    answer = browser.post("/console/registers/improvement/add", data=sent)
    assert answer.status_code == 403
    assert browser.get("/v1/console/registers/improvement").json()["entries"] == []


def test_csrf_from_another_site_with_the_token_is_refused(console: ConsoleServer) -> None:
    browser = console.client("ana")
    csrf = token_of(browser.get("/console").text)
    answer = browser.post(
        "/console/sign-out", data={"csrf": csrf}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403
    assert browser.get("/console").status_code == 200


def test_clickjacking_is_forbidden_by_every_page(console: ConsoleServer) -> None:
    for browser, path in (
        (console.client(), "/console/sign-in"),
        (console.client("bo"), "/console"),
    ):
        headers = browser.get(path).headers
        assert headers["x-frame-options"] == "DENY"
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'self'")


def test_pages_hold_no_inline_script_or_style(console: ConsoleServer) -> None:
    browser = console.client("bo")
    for path in ("/console", "/console/systems/loans", "/console/evidence", "/console/registers"):
        text = browser.get(path).text
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick=" not in text
        assert text.count("<script") == text.count('<script src="/console/static/')


def test_person_whom_aims_yaml_no_longer_names_is_out_at_once(console: ConsoleServer) -> None:
    browser = console.client("fay")
    assert browser.get("/console").status_code == 200
    before = (console.world.root / "aims.yaml").read_text()
    console.world.write("aims.yaml", before.replace("  - {id: fay}\n", "", 1))
    try:
        assert browser.get("/console").status_code == 303
        assert browser.get("/v1/console").status_code == 401
    finally:
        console.world.write("aims.yaml", before)


def test_auditor_of_one_system_for_some_days_sees_that_one_and_then_none(
    console: ConsoleServer,
) -> None:
    until = datetime.now(UTC) + timedelta(days=2)
    browser = console.client("eve", systems=["another"], until=until)
    assert browser.get("/v1/console/systems").json()["systems"] == []
    assert browser.get("/console/systems/loans").status_code == 404
    with sqlite3.connect(console.doorkeeper.path) as connection:
        past = stamp(datetime.now(UTC) - timedelta(seconds=1))
        connection.execute("UPDATE sessions SET until = ? WHERE person = 'eve'", (past,))
    connection.close()
    assert browser.get("/console").status_code == 303


def test_command_makes_a_link_that_works(
    console: ConsoleServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMS_PROJECT", str(console.world.root))
    made = CliRunner().invoke(people, ["invite", "bo@example.org", "--url", console.url])
    link = made.stdout.strip()
    assert link.startswith(f"{console.url}/console/sign-in/")
    assert console.client().post(link).status_code == 303
    nobody = CliRunner().invoke(people, ["invite", "zoe"])
    assert "aims.yaml names no such person" in str(nobody.exception)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:1@evil.example", ""])
def test_host_header_trick_appears_in_no_address(console: ConsoleServer, host: str) -> None:
    browser = console.client("bo")
    answer = browser.get("/console/language/de?to=/console", headers={"Host": host})
    assert answer.headers.get("location", "/console") == "/console"
    assert "evil" not in browser.get("/console", headers={"Host": host or "x"}).text


def test_administrator_sees_every_session_and_ends_one(console: ConsoleServer) -> None:
    bo, admin = console.client("bo"), console.client("dee")
    page = admin.get("/console/sessions").text
    assert "End the session of bo" in page
    (session,) = [s for s in console.doorkeeper.sessions() if s.person == "bo"][:1]
    sent = {"csrf": token_of(page), "end": session.id[:16]}
    assert admin.post("/console/sessions", data=sent).status_code == 303
    assert bo.get("/console").headers["location"] == "/console/sign-in"
    assert admin.get("/console").status_code == 200
