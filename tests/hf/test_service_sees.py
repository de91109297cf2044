"""The service with a model that sees pages, in a process of its own, on stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from app.core.models.ernie_vlm_service import ErnieVLMService
from erniekit_finetuning.extraction import UnreadableAnswer
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import render_pdf

pytestmark = pytest.mark.skipif(find_spec("peft") is None, reason="needs the extra hf")


@pytest.mark.parametrize("kind", ["paddleocr_vl", "ernie4_5_vl_moe"])
def test_pages_are_shown_in_the_place_of_their_text(
    standin: Callable[[str], Path], kind: str, tmp_path: Path
) -> None:
    """The stand-ins have random weights: they answer, but not with JSON."""
    made = draft(GeneratorConfig(max_lines=2), seed=5, index=0)
    file = tmp_path / "invoice.pdf"
    file.write_bytes(render_pdf(made.invoice, made.style))
    settings = {"base_model": str(standin(kind)), "engine": "hf", "max_new_tokens": 20}
    service = ErnieVLMService({"ernie_vl": {**settings, "decoding": "off"}})
    loaded = service._loaded[None]
    assert loaded.answering.sees_images
    with pytest.raises(UnreadableAnswer):
        service.extract(file)
    # The picture of a page is so many tokens, whatever stands on it; no text is beside it.
    document = service.open(file)
    (tmp_path / "page.jpg").write_bytes(service.picture(file, 0))
    seen = loaded.ask(document, [tmp_path / "page.jpg"]).result()
    assert seen.prompt_tokens < 100
    assert len("".join(word.text for word in document.pages[0].words)) > 200
    service.close()
