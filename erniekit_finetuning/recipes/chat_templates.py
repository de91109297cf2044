"""Chat templates that ship, by name: the text around turns, and the token that ends an answer."""

from __future__ import annotations

from pathlib import Path

from erniekit_finetuning.recipes.models import ASSETS

# By name, the token that ends an answer.
CHAT_TEMPLATES = {"chatml": "<|im_end|>", "gemma": "<end_of_turn>", "llama-3.1": "<|eot_id|>"}


def template_file(name_or_path: str) -> Path:
    """The Jinja file of a template that ships, or the path itself."""
    if name_or_path in CHAT_TEMPLATES:
        return ASSETS / "chat_templates" / f"{name_or_path}.jinja"
    return Path(name_or_path)
