"""What identifies a model and a data file, so that stored answers are never taken for others."""

from __future__ import annotations

import hashlib
from pathlib import Path

from erniekit_finetuning.recipes.models import resolve_model

_FOLDERS = ("", "adapter", "model")  # of a run folder: what it holds
_SMALL = ("config.json", "lora_config.json", "base_model.json", "tokenizer.json", "tokenizer.model")
_WHOLE = 64 * 2**20  # larger weight files are told by size, first and last mebibyte


def model_fingerprint(model: str | Path) -> str:
    """SHA-256 over weights, configuration and tokenizer of a model name or folder.

    An adapter counts with the record of its base. Raises UnusableInput for a model that is not
    there.
    """
    files = _model_files(Path(model)) or _model_files(resolve_model(str(model)))
    digest = hashlib.sha256()
    for file in files:
        size = file.stat().st_size
        digest.update(f"{file.name} {size}\n".encode())
        with file.open("rb") as opened:
            if size <= _WHOLE:
                digest.update(opened.read())
            else:
                digest.update(opened.read(2**20))
                opened.seek(size - 2**20)
                digest.update(opened.read())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a whole file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _model_files(folder: Path) -> list[Path]:
    return [
        file
        for name in _FOLDERS
        if (folder / name).is_dir()
        for file in sorted((folder / name).iterdir())
        if file.is_file() and (file.suffix == ".safetensors" or file.name in _SMALL)
    ]
