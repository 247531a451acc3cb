"""The console as `aims serve` serves it: real sessions, over a small real project."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from aims_mlops.inventory.project import find_project
from aims_mlops.server.application import create_app
from aims_mlops.server.tokens import Tokens
from aims_mlops.web.application import add_console
from aims_mlops.web.auth.doorkeeper import FILE, Doorkeeper
from support.browser import chromium as chromium
from support.gate import made_world
from support.world import World


@dataclass
class ConsoleServer:
    """A server with the console of a world."""

    world: World
    url: str
    doorkeeper: Doorkeeper
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, person: str | None = None, **invited: object) -> httpx.Client:
        """A browser without script; signed in if a person is named."""
        client = httpx.Client(base_url=self.url, timeout=120)
        self.clients.append(client)
        if person is not None:
            secret = self.doorkeeper.invite(person, by="reg", **invited)  # type: ignore[arg-type]
            assert client.post(f"/console/sign-in/{secret}").status_code == 303
        return client


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleServer]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("console")
        with made_world(folder, patch) as world:
            settings = (world.root / "aims.yaml").read_text()
            world.write(
                "aims.yaml",
                settings.replace(
                    "{id: dee, roles: [developer]}",
                    "{id: dee, roles: [admin]}\n  - {id: eve, roles: [external-auditor]}\n"
                    "  - {id: fay}",
                ),
            )
            model = world.train("one")
            world.submit(model)
            root, store = world.root, world.store
            app = create_app(store, Tokens(folder / "tokens.db"))
            add_console(app, store, lambda: find_project(root))
            server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()
            while not server.started:
                thread.join(0.01)
                assert thread.is_alive()
            port = server.servers[0].sockets[0].getsockname()[1]
            try:
                served = ConsoleServer(world, f"http://127.0.0.1:{port}", Doorkeeper(root / FILE))
                yield served
            finally:
                for client in served.clients:
                    client.close()
                server.should_exit = True
                thread.join()


class _Loop:
    """The event loop of the browser's driver, which counts as running for our tests alone.

    Playwright leaves its loop running in the thread, and a test of another folder that begins one
    of its own in this process would be refused.
    """

    def __init__(self) -> None:
        self.held: asyncio.AbstractEventLoop | None = None

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        asyncio._set_running_loop(self.held)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)


_loop = _Loop()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if not item.path.is_relative_to(Path(__file__).parent):  # pytest asks for every test
        return (yield)
    with _loop.running():
        return (yield)


@pytest.fixture(scope="session")
def chrome(chromium: str) -> Iterator[Any]:
    """The browser, driven by Playwright; no download of its own."""
    from playwright.sync_api import sync_playwright

    playwright = sync_playwright().start()
    _loop.held = asyncio.get_running_loop()
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    yield browser
    with _loop.running():  # after the last test of this process, of whichever folder
        browser.close()
        playwright.stop()
    _loop.held = None
