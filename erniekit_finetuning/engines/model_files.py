"""The files of a model's folder: its weights, and what lies beside them. Pickles are neither."""

from __future__ import annotations

import shutil
from pathlib import Path

from erniekit_finetuning.engines.prompting import PROMPTING_FILES

_BESIDE = {".json", ".jinja", ".model", ".txt"}
_INDEX = ".safetensors.index.json"
# Of these weights and no others: what they are asked with (`prompting`), and the calibration that
# was fitted to their answers (`confidence.calibration`). What is made of them brings its own.
_THEIRS = {*PROMPTING_FILES, "calibration.json"}


def copy_beside(base: Path, folder: Path, index: bool = False) -> None:
    """Copy configuration and tokenizer, and with `index` the list of weight files."""
    for file in base.iterdir():
        if _is_beside(file) and (index or not file.name.endswith(_INDEX)):
            shutil.copyfile(file, folder / file.name)


def link_model(base: Path, folder: Path) -> None:
    """Link weights and what lies beside them into `folder`.

    PaddleFormers writes an index of its own into the folder that it loads, and unpickles one that
    it finds there: through links it finds none, and the base may be read-only.
    """
    for file in base.iterdir():
        if _is_beside(file) or file.suffix == ".safetensors":
            (folder / file.name).symlink_to(file.resolve())


def _is_beside(file: Path) -> bool:
    return file.suffix in _BESIDE and file.name not in _THEIRS
