"""A whole model as files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any


def save_model(model: Any, base: Path, folder: Path) -> None:
    """Write a whole model in Hugging Face's layout, with the base's config and tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(str(folder))
    remove_leftovers(folder)
    for file in base.iterdir():
        index = file.name.endswith(".safetensors.index.json")
        if file.suffix in {".json", ".jinja", ".model", ".txt"} and not index:
            shutil.copyfile(file, folder / file.name)
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    config.pop("torch_dtype", None)
    config["dtype"] = str(model.config.dtype)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def remove_leftovers(folder: Path) -> None:
    """Delete the empty markers with which Paddle's savers signal each other."""
    for marker in folder.glob("saved_signal_*"):
        marker.unlink()
