"""A page served and opened in Chromium, for the scripts that draw pictures of pages."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import uvicorn
from playwright.sync_api import sync_playwright


@contextmanager
def browsing(app: Any, port: int) -> Iterator[Any]:
    """A browser while `app` is served on `port` of this machine; both end with the block."""
    config = uvicorn.Config(app, port=port, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    with sync_playwright() as driver:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()
    server.should_exit = True
    thread.join()
