"""Answers of the hf engine and of transformers itself, for a process that has loaded no Paddle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.engines.hf.runtime import import_torch
from erniekit_finetuning.engines.protocol import (
    Constraint,
    Generation,
    Question,
    Reader,
    Vocabulary,
)

MARKS = ("<|START|>", "<|IMAGE|>", "<|END|>")


@dataclass(frozen=True)
class Digits:
    """A constraint: three digits, then the end."""

    def __call__(self, vocabulary: Vocabulary) -> Constraint:
        ids = json.loads(vocabulary.tokenizer_json)["model"]["vocab"]
        added = np.full((2, vocabulary.size), -np.inf, np.float32)
        added[0, [ids[digit] for digit in "0123456789"]] = 0
        added[1, vocabulary.end_token] = 0
        return _Digits(added)


@dataclass
class _Digits:
    adds: NDArray[np.float32]
    said: list[int] = field(default_factory=list)

    def added(self) -> NDArray[np.float32]:
        return np.asarray(self.adds[int(len(self.said) == 3)])

    def possible(self, tokens: Sequence[int]) -> int:
        may = [
            self.adds[int(at == 3)][token] > -np.inf
            for at, token in enumerate(tokens, len(self.said))
        ]
        return (*may, False).index(False)

    def accept(self, token: int) -> None:
        self.said.append(token)


@dataclass(frozen=True)
class Reference:
    """What transformers answers.

    `logprobs` are those of its own steps, `at_once` those of one pass over prompt and answer.
    """

    text: str
    tokens: list[int]
    logprobs: list[float]
    at_once: list[float]
    prompt_tokens: int


@cache
def reader(model: Path, batch_size: int) -> Reader:
    from erniekit_finetuning.engines.hf.engine import HuggingFaceEngine

    return HuggingFaceEngine().load(model, batch_size)


def sees_images(model: Path) -> bool:
    return reader(model, 16).sees_images


def count(model: Path, question: Question) -> int:
    return reader(model, 16).count_tokens(question)


def logits(model: Path, prompt: str) -> NDArray[np.float32]:
    from erniekit_finetuning.engines.hf.engine import HuggingFaceEngine

    (found,) = HuggingFaceEngine().logits(model, [prompt])
    return found


def answers(
    model: Path, questions: Sequence[Question], new_tokens: int, batch_size: int = 16
) -> list[Generation]:
    found = reader(model, batch_size).generate(questions, new_tokens)
    return [replace(generation, seconds=0.0) for generation in found]


def midway(model: Path, questions: Sequence[Question], new_tokens: int) -> list[Generation]:
    """Answers to questions of which one more comes at every third token of the others."""
    together, found = reader(model, 16).together(), dict[int, Generation]()
    for number, question in enumerate(questions):
        together.ask(number, question, new_tokens)
        for _ in range(3):
            found |= dict(together.step()) if len(together) else {}
    while len(together):
        found |= dict(together.step())
    return [replace(found[number], seconds=0.0) for number in range(len(questions))]


def reference(base: Path, adapter: Path | None, question: Question, new_tokens: int) -> Reference:
    """Transformers' answer to one question of one turn, its inputs made without our encoder."""
    torch = import_torch()
    model, inner, tokenizer, pixels = _loaded(base, adapter)
    inputs = _inputs(tokenizer, pixels, question)
    prompt = inputs["input_ids"].shape[1]
    with torch.no_grad():
        out = model.generate(
            **inputs,
            max_new_tokens=new_tokens,
            do_sample=False,
            output_scores=True,
            return_dict_in_generate=True,
        )
        tokens = out.sequences[0, prompt:]
        steps = torch.cat(out.scores).log_softmax(-1)
        # Positions of the answer are found anew, not from what generate() left.
        inner.model.rope_deltas = None
        whole = _lengthened(inputs, out.sequences)
        at_once = model(**whole).logits[0, prompt - 1 : -1].log_softmax(-1)
    chosen = tokens[:, None]
    return Reference(
        tokenizer.decode(tokens, skip_special_tokens=True),
        tokens.tolist(),
        steps.gather(-1, chosen)[:, 0].tolist(),
        at_once.gather(-1, chosen)[:, 0].tolist(),
        prompt,
    )


@cache
def _loaded(base: Path, adapter: Path | None) -> tuple[Any, Any, Any, Any]:
    import_torch()
    from peft import PeftModel
    from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

    inner = AutoModelForImageTextToText.from_pretrained(str(base)).eval()
    model = inner if adapter is None else PeftModel.from_pretrained(inner, str(adapter)).eval()
    pixels = AutoImageProcessor.from_pretrained(str(base), use_fast=False)
    return model, inner, AutoTokenizer.from_pretrained(str(base)), pixels


def _inputs(tokenizer: Any, pixels: Any, question: Question) -> dict[str, Any]:
    torch = import_torch()
    from PIL import Image
    from transformers import PaddleOCRVLImageProcessor, PaddleOCRVLProcessor

    plain = {"return_tensors": "pt", "add_special_tokens": False}
    (message,) = question.messages
    text = message.content.replace("<image>", "".join(MARKS))
    turn = {"role": "user", "content": [{"type": "text", "text": text}]}
    text = tokenizer.apply_chat_template([turn], tokenize=False, add_generation_prompt=True)
    images = [Image.open(file) for file in question.images]
    if isinstance(pixels, PaddleOCRVLImageProcessor):
        whole = PaddleOCRVLProcessor(pixels, tokenizer)
        return dict(whole(images=images or None, text=text, **plain))
    # What ERNIE-4.5-VL's own processor does, which does not load without torchvision.
    seen = dict(pixels(images=images, return_tensors="pt")) if images else {}
    for grid in seen.get("image_grid_thw", ()):
        count = int(grid.prod()) // pixels.merge_size**2
        text = text.replace(MARKS[1], "<placeholder>" * count, 1)
    text = text.replace("<placeholder>", MARKS[1])
    inputs = dict(tokenizer(text, return_token_type_ids=False, **plain))
    ids = [tokenizer.convert_tokens_to_ids(mark) for mark in MARKS]
    types = (inputs["input_ids"] == ids[1]).int()
    routed = torch.isin(inputs["input_ids"], torch.tensor(ids)).int()
    return inputs | seen | {"mm_token_type_ids": types, "moe_mm_token_type_ids": routed}


def _lengthened(inputs: dict[str, Any], tokens: Any) -> dict[str, Any]:
    """The inputs with the answer's tokens behind the prompt's, which are text."""
    torch = import_torch()
    more = tokens.shape[1] - inputs["input_ids"].shape[1]
    longer = inputs | {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
    for name in ("mm_token_type_ids", "moe_mm_token_type_ids"):
        if name in inputs:
            longer[name] = torch.nn.functional.pad(inputs[name], (0, more))
    return longer
