"""What kind of model a name or a folder is, told without a framework and without network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.models import ASSETS, HUB_NAMES, SHIPPED, check_name


class Architecture(Enum):
    """The kinds of model that a recipe can name."""

    DENSE = "dense ERNIE-4.5 text model"
    MOE = "ERNIE-4.5 text model with a mixture of experts"
    VISION_MOE = "ERNIE-4.5-VL model with a mixture of experts"
    PADDLEOCR_VL = "PaddleOCR-VL model"
    LLAMA = "Llama text model"
    GEMMA = "Gemma text model"

    @property
    def sees_images(self) -> bool:
        """Whether it reads pages as images."""
        return self in (Architecture.VISION_MOE, Architecture.PADDLEOCR_VL)

    @property
    def is_paddles(self) -> bool:
        """Whether PaddleFormers and ERNIEKit are meant for it; the others are the hf engine's."""
        return self not in (Architecture.LLAMA, Architecture.GEMMA)

    @property
    def has_experts(self) -> bool:
        """Whether layers choose among experts."""
        return self in (Architecture.MOE, Architecture.VISION_MOE)


# Published models of others that a shipped recipe names.
_BY_NAME = {
    "meta-llama/Llama-3.2-3B-Instruct": Architecture.LLAMA,
    "google/gemma-2b": Architecture.GEMMA,
}
# Hugging Face's and Paddle's words for one thing differ in the vision model's name alone.
_BY_MODEL_TYPE = {
    "ernie4_5": Architecture.DENSE,
    "ernie4_5_moe": Architecture.MOE,
    "ernie4_5_vl_moe": Architecture.VISION_MOE,
    "ernie4_5_moe_vl": Architecture.VISION_MOE,
    "paddleocr_vl": Architecture.PADDLEOCR_VL,
    "llama": Architecture.LLAMA,
    "gemma": Architecture.GEMMA,
}


def architecture_of(name_or_path: str) -> Architecture:
    """The kind of a shipped model, a folder, or a published hub name.

    Raises UnusableInput for a folder of another kind of model, and for a name that is not known
    and not on this machine: its config.json must be read first.
    """
    folder = ASSETS / name_or_path if name_or_path in SHIPPED else Path(name_or_path)
    if folder.is_dir():
        return architecture_in(folder)
    check_name(name_or_path)
    if name_or_path in HUB_NAMES:
        return _by_name(name_or_path)
    if name_or_path in _BY_NAME:
        return _BY_NAME[name_or_path]
    cure = "download it and give its folder"
    what = "only its config.json tells what kind of model this is"
    raise UnusableInput(Problem(what, field="model.name_or_path", found=name_or_path, cure=cure))


def architecture_in(folder: Path) -> Architecture:
    """The kind of the model in a folder; raises UnusableInput when config.json tells no known one.

    ERNIEKit's weights call a model with experts `ernie4_5_moe` or name no type at all; there the
    number of experts tells.
    """
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UnusableInput(Problem(f"cannot be read: {error}", file=str(file))) from error
    found = _in_config(config) if isinstance(config, Mapping) else None
    if found is None:
        raise UnusableInput(
            Problem(
                "is no model that a recipe can train",
                file=str(file),
                field="model_type",
                found=str(config.get("model_type")) if isinstance(config, Mapping) else "no object",
                expected=", ".join(_BY_MODEL_TYPE),
            )
        )
    return found


def _in_config(config: Mapping[str, Any]) -> Architecture | None:
    kind = config.get("model_type")
    if kind in _BY_MODEL_TYPE:
        return _BY_MODEL_TYPE[kind]
    # Paddle's vision models are published with `architectures` and no type that others know.
    names = " ".join(map(str, config.get("architectures") or ()))
    if kind in (None, "ernie") and "Ernie4_5" in names:
        if "vision_config" in config:
            return Architecture.VISION_MOE
        return Architecture.MOE if config.get("moe_num_experts") else Architecture.DENSE
    return None


def _by_name(name: str) -> Architecture:
    if "PaddleOCR" in name:
        return Architecture.PADDLEOCR_VL
    if "-VL-" in name:
        return Architecture.VISION_MOE
    return Architecture.MOE if "-A" in name else Architecture.DENSE
