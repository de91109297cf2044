"""Adapters that PEFT itself saved: read, converted, merged, and computed alike by Paddle."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

# Neither is imported here: torch and PaddleFormers do not share a process.
if find_spec("peft") is None or find_spec("paddle") is None:
    pytest.skip("needs the extras cpu and hf: make test-hf", allow_module_level=True)

from tiny_model import build_tiny_model

from erniekit_finetuning.adapters import merging
from erniekit_finetuning.adapters.formats import convert, read_adapter
from erniekit_finetuning.engines.locating import locate
from erniekit_finetuning.errors import UnusableInput

TOKENS = list(range(3, 60))
# Saves a PEFT adapter with random numbers in all that it trains, and its logits.
SAVE = """
import json, sys
sys.modules.setdefault("torchcodec", None)
import numpy, torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM
base, folder, tokens, settings = sys.argv[1], sys.argv[2], *map(json.loads, sys.argv[3:])
torch.manual_seed(0)
model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(**settings)).eval()
with torch.no_grad():
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            weight.add_(0.1 * torch.randn_like(weight))
    numpy.save(folder + ".npy", model(torch.tensor([tokens])).logits[0].numpy())
model.save_pretrained(folder)
"""
# The logits of a base with a PEFT adapter, or of a whole model, all of whose weights are found.
LOAD = """
import json, sys
sys.modules.setdefault("torchcodec", None)
import numpy, torch
from peft import PeftModel
from transformers import AutoModelForCausalLM
base, adapter, tokens, out = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[4]
model, told = AutoModelForCausalLM.from_pretrained(base, output_loading_info=True)
assert not told["missing_keys"] and not told["unexpected_keys"], told
if adapter:
    model = PeftModel.from_pretrained(model, adapter)
with torch.no_grad():
    numpy.save(out, model.eval()(torch.tensor([tokens])).logits[0].numpy())
"""


def in_torch(code: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def with_biases(folder: Path) -> Path:
    """A model with biases; those of its MLPs, which Paddle's model lacks, are zeros."""
    base = build_tiny_model(folder)
    weights = load_file(base / "model.safetensors")
    generator = np.random.default_rng(1)
    for name in [name for name in weights if name.endswith("_proj.weight")]:
        size = 0.0 if ".mlp." in name else 0.1
        bias = generator.normal(0, size, len(weights[name])).astype(np.float32)
        weights[name.replace("weight", "bias")] = bias
    save_file(weights, base / "model.safetensors", {"format": "pt"})
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"use_bias": True}))
    return base


@pytest.mark.parametrize(
    "settings",
    [
        {"target_modules": ["q_proj", "down_proj"], "use_rslora": True},
        {"target_modules": "all-linear", "task_type": "CAUSAL_LM"},
        {"target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"], "bias": "lora_only"},
        {
            "target_modules": ["k_proj", "o_proj"],
            "rank_pattern": {"layers.1.self_attn.o_proj": 5},
            "alpha_pattern": {"k_proj": 9},
        },
        {
            "target_modules": ["up_proj"],
            "modules_to_save": ["embed_tokens", "model.norm"],
            "ensure_weight_tying": True,
        },
    ],
    ids=["rslora", "all", "biases", "patterns", "whole"],
)
def test_what_peft_saves_computes_the_same_everywhere(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    from paddleformers.peft.lora import LoRAModel

    from erniekit_finetuning.engines.paddle.engine import logits
    from erniekit_finetuning.engines.paddle.loading import load_base

    base = with_biases(tmp_path / "base")
    saved, native, again = (tmp_path / name for name in ("saved", "native", "again"))
    told = json.dumps({"r": 3, "lora_alpha": 6} | settings)
    in_torch(SAVE, str(base), str(saved), json.dumps(TOKENS), told)
    expected = np.load(f"{saved}.npy")
    limit = 2e-5 * float(abs(expected).max())
    assert abs(logits(load_base(base, "float32"), TOKENS) - expected).max() > 100 * limit

    convert(locate(saved), "paddle", native)
    upstream = LoRAModel.from_pretrained(load_base(base, "float32"), str(native))
    upstream.eval()
    assert abs(logits(upstream.model, TOKENS) - expected).max() < limit

    convert(locate(native), "peft", again)
    in_torch(LOAD, str(base), str(again), json.dumps(TOKENS), str(tmp_path / "again.npy"))
    assert abs(np.load(tmp_path / "again.npy") - expected).max() < limit

    merged = tmp_path / "merged"
    merging.write_merged(read_adapter(native, base), base, merged)
    in_torch(LOAD, str(merged), "", json.dumps(TOKENS), str(tmp_path / "merged.npy"))
    assert abs(np.load(tmp_path / "merged.npy") - expected).max() < limit
    assert abs(logits(load_base(merged, "float32"), TOKENS) - expected).max() < limit


def test_biases_that_paddle_lacks_are_refused(tmp_path: Path) -> None:
    base = with_biases(tmp_path / "base")
    settings = json.dumps({"target_modules": ["q_proj", "up_proj"], "bias": "all"})
    in_torch(SAVE, str(base), str(tmp_path / "saved"), json.dumps(TOKENS), settings)
    with pytest.raises(UnusableInput, match=r"no such bias") as refused:
        convert(locate(tmp_path / "saved"), "paddle", tmp_path / "native")
    assert len(refused.value.problems) == 6
    assert not (tmp_path / "native").exists()
    merging.merge_unproved(locate(tmp_path / "saved"), tmp_path / "merged")
    in_torch(LOAD, str(tmp_path / "merged"), "", json.dumps(TOKENS), str(tmp_path / "m.npy"))
    expected = np.load(tmp_path / "saved.npy")
    assert abs(np.load(tmp_path / "m.npy") - expected).max() < 2e-5 * abs(expected).max()


def test_one_end_of_a_tied_model_trained_apart_is_refused(tmp_path: Path) -> None:
    base = with_biases(tmp_path / "base")
    settings = json.dumps({"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"]})
    in_torch(SAVE, str(base), str(tmp_path / "saved"), json.dumps(TOKENS), settings)
    with pytest.raises(UnusableInput, match="ensure_weight_tying"):
        read_adapter(tmp_path / "saved", base)


def test_an_adapter_that_names_no_base_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(UnusableInput, match="base_model_name_or_path: names no base"):
        locate(tmp_path)
