"""Mixtures, models with images and quantized models train through the hf engine, as stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from safetensors.numpy import load_file

from erniekit_finetuning.engines import Example, TrainResult, get_engine
from erniekit_finetuning.engines.protocol import Message
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.examples import read_examples
from erniekit_finetuning.recipes import Recipe

pytestmark = pytest.mark.skipif(find_spec("peft") is None, reason="needs the extra hf")
TEXTS = [Example.ask(f"say {word}", word[::-1]) for word in ("alpha", "beta", "gamma", "delta")]
ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]


def colours(folder: Path) -> list[Example]:
    made = []
    for number, colour in enumerate(("red", "green", "blue", "white")):
        file = folder / f"{colour}.png"
        Image.new("RGB", (56 + 28 * (number % 2), 56), colour).save(file)
        messages = (Message("user", "<image>\nWhich?"), Message("assistant", colour))
        made.append(Example(messages, colour, (str(file),)))
    return made


def trained(
    base: Path, examples: list[Example], run: Path, **sections: Any
) -> tuple[TrainResult, list[float]]:
    recipe = Recipe.model_validate(
        {
            "engine": "hf",
            "model": {"name_or_path": str(base)} | sections.get("model", {}),
            "lora": {"r": 8, "lora_alpha": 16} | sections.get("lora", {}),
            "data": {"max_seq_len": 256} | sections.get("data", {}),
            "training": {
                "max_steps": 30,
                "learning_rate": 0.01,
                "per_device_train_batch_size": 4,
                "logging_steps": 1,
            }
            | sections.get("training", {}),
        }
    )
    losses: list[float] = []
    result = get_engine("hf").train(
        recipe, examples, [], run, lambda m: losses.append(m.loss or 0), lambda done, total: None
    )
    return result, losses


@pytest.mark.parametrize("kind", ["paddleocr_vl", "ernie4_5_vl_moe"])
def test_models_with_images_learn_the_answers(
    standin: Callable[[str], Path], tmp_path: Path, kind: str
) -> None:
    result, losses = trained(standin(kind), colours(tmp_path), tmp_path / "run")
    assert losses[-1] < losses[0] - 0.15
    assert result.shown_example.startswith("User: <|START|><|IMAGE|><|END|>")
    # the language model alone, never the vision tower, whose matrices have the same names
    assert all("language_model." in path for path in result.lora_modules)
    assert {path.rpartition(".")[2] for path in result.lora_modules} >= set(ATTENTION)
    if kind == "ernie4_5_vl_moe":
        assert any("shared_experts" in path for path in result.lora_modules)
        assert any("layers.0.mlp.gate_proj" in path for path in result.lora_modules)


def test_images_are_looked_at(standin: Callable[[str], Path], tmp_path: Path) -> None:
    examples = colours(tmp_path)
    same = [Example(e.messages, e.id, examples[0].images) for e in examples]
    one = trained(standin("paddleocr_vl"), examples, tmp_path / "a", training={"max_steps": 2})
    other = trained(standin("paddleocr_vl"), same, tmp_path / "b", training={"max_steps": 2})
    assert one[1][0] != other[1][0]


def test_an_example_without_its_image_is_refused(
    standin: Callable[[str], Path], tmp_path: Path
) -> None:
    lost = [Example(e.messages, e.id, ()) for e in colours(tmp_path)]
    with pytest.raises(UnusableInput, match="number of image tags"):
        trained(standin("paddleocr_vl"), lost, tmp_path / "run")
    row = '{"image": "gone.png", "conversations": [{"role": "human", "content": "<image>"}, '
    row += '{"role": "assistant", "content": "x"}]}\n'
    (tmp_path / "rows.jsonl").write_text(row)
    with pytest.raises(UnusableInput, match=r"rows.jsonl:1: image: the image is not there"):
        read_examples(tmp_path / "rows.jsonl", with_images=True)


def test_a_text_mixture_trains_its_attention(
    standin: Callable[[str], Path], tmp_path: Path
) -> None:
    model = standin("ernie4_5_moe")
    result, losses = trained(model, TEXTS, tmp_path / "run", lora={"target_modules": ATTENTION})
    assert losses[-1] < losses[0]
    assert len(result.lora_modules) == 8
    with pytest.raises(UnusableInput, match=r"target_modules.*experts' weights"):
        trained(model, TEXTS, tmp_path / "other")


def test_a_model_in_four_bits_trains(standin: Callable[[str], Path], tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    quantized = {"quantization": "4bit"}
    result, losses = trained(standin("ernie4_5"), TEXTS, tmp_path / "run", model=quantized)
    plain = trained(standin("ernie4_5"), TEXTS, tmp_path / "plain")[1]
    assert losses[0] != plain[0]  # four bits round
    assert losses[-1] < losses[0] / 2
    assert len(load_file(result.model / "adapter_model.safetensors")) == 28
