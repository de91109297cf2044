"""Draw the desk into docs/desk/, on a generated invoice, for people to look at.

    python docs/make_desk.py RUN

RUN is a tuned model, compared with its base. Needs Chromium (`make browser`).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from browsing import browsing

from app.config.settings import settings_to_serve
from app.core.learning.store import Store
from app.core.models.ernie_vlm_service import ErnieVLMService
from app.ui.desk import Desk
from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import render_pdf

FOLDER = Path(__file__).parent / "desk"
PRETRAIN = Path(__file__).parent.parent / "configs" / "generator" / "pretrain.yaml"
SEED, INDEX, PORT, SLOW = 2, 1, 8123, 180_000


def draw(page: Any, invoice: Path) -> None:
    """Read it, spoil a total as a misread digit would, look at both tabs."""
    page.goto(f"http://127.0.0.1:{PORT}/")
    page.set_input_files("#review input[type=file]", invoice, timeout=SLOW)
    total = page.locator("label:has(.name:text-is('Total with tax')) textarea")
    total.wait_for(timeout=SLOW)
    page.locator("#review .page img").evaluate("image => image.decode()")
    page.screenshot(path=FOLDER / "review.png")
    printed = total.input_value()
    total.fill(f"{printed[:-2]}{printed[-1]}{printed[-2]}")
    page.locator("#review .flags button").first.click(timeout=SLOW)
    page.screenshot(path=FOLDER / "flag.png")
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("button", name="Read with both").click(timeout=SLOW)
    page.locator("#compare table").wait_for(timeout=SLOW)
    page.screenshot(path=FOLDER / "compare.png")


def main(run: str) -> None:
    """Serve the desk on a store of its own, and write docs/desk/*.png."""
    config = load_config(PRETRAIN)
    easy = {"locales": {"de-DE": 1.0}, "layouts": {"classic": 1.0}, "max_lines": 4}
    made = draft(config.model_copy(update=easy), SEED, INDEX)
    settings = settings_to_serve(run, None, None, PORT)
    service = ErnieVLMService(settings)
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "invoice.pdf").write_bytes(render_pdf(made.invoice, made.style))
        desk = Desk(service, Store(f"sqlite:///{folder / 'store.db'}", folder), settings)
        with browsing(desk.app, PORT) as browser:
            draw(browser.new_page(viewport={"width": 1360, "height": 850}), folder / "invoice.pdf")
        desk.close()
    service.close()


if __name__ == "__main__":
    main(sys.argv[1])
