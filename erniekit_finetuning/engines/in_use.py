"""What a training really had, read from its own objects, by the recipe's keys.

Frameworks add what model and optimizer say: `Framework.settings`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from erniekit_finetuning.engines.encoding import Encoder
from erniekit_finetuning.engines.loop import Course
from erniekit_finetuning.recipes.chat_templates import CHAT_TEMPLATES, template_file
from erniekit_finetuning.recipes.model import ALL_TARGETS


def course_settings(course: Course, encoder: Encoder) -> dict[str, Any]:
    """How examples became sequences. `sequences_per_step` is no key of a recipe but a product."""
    held = len(course.validation)
    longest = max(len(row.tokens) for row in (*course.train, *course.validation))
    return {
        "data.packing": course.room is not None,
        "data.validation_share": held / (held + len(course.train)),
        "data.system_prompt": encoder.system,
        "data.chat_template": _template_name(encoder.tokenizer.chat_template),
        "data.end_token": encoder.tokenizer.eos_token,
        "data.train_on_responses_only": encoder.responses_only,
        "longest_sequence": course.room or longest,
        "longest_example": longest,
        "sequences_per_step": course.per_step,
        "training.seed": course.seed,
    }


def lora_settings(adapted: Sequence[dict[str, Any]], modules: Sequence[str]) -> dict[str, Any]:
    """What all adapters of a model have in common; a value that differs among them is a list.

    `adapted` holds r, lora_alpha, lora_dropout and use_rslora of each, `modules` their paths.
    """
    if not adapted:
        return {"lora.enabled": False}
    last = {path.rpartition(".")[2] for path in modules}
    targets = [name for name in ALL_TARGETS if name in last] + sorted(last - set(ALL_TARGETS))
    shared: dict[str, Any] = {"lora.enabled": True, "lora.target_modules": targets}
    for key in adapted[0]:
        values = sorted({one[key] for one in adapted})
        shared[f"lora.{key}"] = values[0] if len(values) == 1 else values
    return shared


def _template_name(text: str | None) -> str | None:
    """The name of a template that ships, else its first line."""
    for name in CHAT_TEMPLATES:
        if template_file(name).read_text(encoding="utf-8") == text:
            return name
    return text and text.splitlines()[0]
