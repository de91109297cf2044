"""What tests of several rooms share."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import settings

# Machines are busy: a slow example is no fault.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")

LOCAL = {"127.0.0.1", "::1", "localhost"}


@pytest.fixture(scope="module")
def browser_if_any() -> Iterator[Any]:
    """Debian's Chromium, without a window; None where it is not installed.

    One for each module: while its driver is open, an event loop runs in this thread, and
    `asyncio.run` of another module's test would be refused.
    """
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        yield None
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def browser(browser_if_any: Any) -> Any:
    """The same, for tests that are nothing without it."""
    if browser_if_any is None:
        pytest.skip("no Chromium; to have it: make browser")
    return browser_if_any


@pytest.fixture(scope="session")
def learnt_chat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See `learnt_chat.learn`."""
    from learnt_chat import learn

    return learn(tmp_path_factory.mktemp("learnt"))


@pytest.fixture(scope="module")
def nobody_is_called() -> Iterator[None]:
    """Whatever a library of the page's server would like to report at home."""
    called: list[Any] = []

    def heard(event: str, told: tuple[Any, ...]) -> None:
        if event == "socket.connect" and isinstance(told[1], tuple):
            called.append(told[1][0])
        elif event == "socket.getaddrinfo":
            called.append(told[0])

    sys.addaudithook(heard)
    yield
    assert set(called) <= {*LOCAL, None}


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of the browser that reaches this machine and nobody else, and must not complain."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    asked: list[str] = []
    told: list[str] = []

    def let_through(route: Any) -> None:
        local = urlsplit(route.request.url).hostname in LOCAL
        route.continue_() if local else route.abort()

    page.route("**/*", let_through)
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("console", lambda said: said.type == "error" and told.append(said.text))
    yield page
    page.close()
    hosts = {
        urlsplit(one).hostname for one in asked if not one.startswith(("data:", "blob:", "about:"))
    }
    assert hosts == {"127.0.0.1"}
    assert [one for one in told if "422 (Unprocessable" not in one] == []
