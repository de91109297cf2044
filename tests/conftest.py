"""What tests of several rooms share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def browser_if_any() -> Iterator[Any]:
    """Debian's Chromium, without a window; None where it is not installed."""
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
