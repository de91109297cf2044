"""A whole model as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from erniekit_finetuning.engines.model_files import copy_beside


def save_model(model: Any, base: Path, folder: Path) -> None:
    """Write a whole model in Hugging Face's layout, with the base's config and tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(str(folder))
    remove_leftovers(folder)
    copy_beside(base, folder)
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    config.pop("torch_dtype", None)
    config["dtype"] = str(model.config.dtype)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def remove_leftovers(folder: Path) -> None:
    """Delete the empty markers with which Paddle's savers signal each other."""
    for marker in folder.glob("saved_signal_*"):
        marker.unlink()
