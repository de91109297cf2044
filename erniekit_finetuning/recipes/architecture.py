"""What kind of model a recipe names: from its files, or by its published name."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path

from erniekit_finetuning.recipes.model import ModelSection
from erniekit_finetuning.recipes.models import ASSETS, SHIPPED, check_name


class Kind(Enum):
    """Architectures, by transformers' name of the type."""

    TEXT = "ernie4_5"
    TEXT_MIXTURE = "ernie4_5_moe"
    VISION_MIXTURE = "ernie4_5_vl_moe"
    OCR = "paddleocr_vl"

    @property
    def sees_images(self) -> bool:
        """Whether it takes images."""
        return self in (Kind.VISION_MIXTURE, Kind.OCR)

    @property
    def is_mixture(self) -> bool:
        """Whether its layers are mixtures of experts."""
        return self in (Kind.TEXT_MIXTURE, Kind.VISION_MIXTURE)


# Paddle's own names of the same types.
_ALIASES = {"ernie4_5_moe_vl": Kind.VISION_MIXTURE, "ernie": Kind.TEXT_MIXTURE}


def kind_of(model: ModelSection) -> Kind | None:
    """The kind of a recipe's model; None for one that is neither here nor published by Baidu.

    Raises UnusableInput for a name that does not exist. No network is asked.
    """
    name = model.name_or_path
    folder = ASSETS / name if name in SHIPPED else Path(name)
    if (folder / "config.json").is_file():
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        found = str(config.get("model_type"))
        return _ALIASES.get(found) or next((kind for kind in Kind if kind.value == found), None)
    check_name(name)
    if "PaddleOCR-VL" in name:
        return Kind.OCR
    if "ERNIE-4.5-VL-" in name:
        return Kind.VISION_MIXTURE
    if "ERNIE-4.5-0.3B" in name:
        return Kind.TEXT
    return Kind.TEXT_MIXTURE if "ERNIE-4.5-" in name else None
