"""One model out of base and adapter, proved by its logits."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.engines.encoding import encode_prompt
from erniekit_finetuning.engines.paddle.loading import Source, load_base, load_tokenizer
from erniekit_finetuning.engines.paddle.lora import load_adapter, merged
from erniekit_finetuning.engines.paddle.runtime import import_paddle
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import written_whole

# Merged and unmerged sums round differently; wrong weights differ by a thousand times more.
LARGEST_DIFFERENCE = 1e-4


def merge_adapter(source: Source, output: Path, prompts: Sequence[str]) -> float:
    """Write the merged model to `output`; return the largest difference of its logits.

    Raises UnusableInput, with nothing left at `output`, when there is no adapter or no prompt, or
    when the written model, read back, does not give the adapter's logits.
    """
    if source.adapter is None:
        raise UnusableInput(Problem("holds no adapter to merge", file=str(source.base)))
    if not prompts:
        raise UnusableInput(Problem("a merge is proved on prompts", expected="at least one"))
    if output.exists():
        raise UnusableInput(Problem("exists already", file=str(output), cure="name a new folder"))
    tokenizer = load_tokenizer(source.base)
    encoded = [encode_prompt(tokenizer, prompt) for prompt in prompts]
    model = load_adapter(load_base(source.base, "float32"), source.adapter)
    expected = [logits(model.model, tokens) for tokens in encoded]
    with written_whole(output) as aside:
        save_model(merged(model), source.base, aside)
        return prove(aside, encoded, expected)


def prove(
    folder: Path, encoded: Sequence[Sequence[int]], expected: Sequence[NDArray[np.float32]]
) -> float:
    """The largest difference between a model folder's logits and the expected ones.

    Raises UnusableInput when it is above LARGEST_DIFFERENCE.
    """
    model = load_base(folder, "float32")
    pairs = zip(encoded, expected, strict=True)
    largest = max(float(np.abs(logits(model, tokens) - wanted).max()) for tokens, wanted in pairs)
    if not largest <= LARGEST_DIFFERENCE:
        what = "the merged model does not give the adapter's logits, so it was not kept"
        limit = f"at most {LARGEST_DIFFERENCE:g}"
        raise UnusableInput(Problem(what, found=f"a difference of {largest:.3g}", expected=limit))
    return largest


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


def logits(model: Any, tokens: Sequence[int]) -> NDArray[np.float32]:
    """The logits after each token of one text: [tokens, vocabulary]."""
    paddle = import_paddle()
    with paddle.no_grad():
        out = model(paddle.to_tensor([list(tokens)]), return_dict=True)
    return np.asarray(out.logits[0].astype("float32").numpy())
