"""PEFT's adapter folder: adapter_config.json and adapter_model.safetensors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from erniekit_finetuning.adapters.adapter import Adapter, Array, LowRank
from erniekit_finetuning.adapters.peft_settings import alpha_of, unsupported
from erniekit_finetuning.adapters.tensors import read_float32, read_json, write_tensors
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_json

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_BEFORE = "base_model.model."


def write_peft(folder: Path, adapter: Adapter, base: str) -> None:
    """Write an adapter as PEFT 0.21 writes it; `base` is the model it belongs to."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Array] = {}
    for path, update in adapter.updates.items():
        arrays[f"{_BEFORE}{path}.lora_A.weight"] = update.a
        arrays[f"{_BEFORE}{path}.lora_B.weight"] = update.b
    biases: set[str] = set()
    modules: set[str] = set()
    for name, weight in adapter.whole.items():
        path, _, kind = name.rpartition(".")
        inside = f"{path}.base_layer" if path in adapter.updates else path
        arrays[f"{_BEFORE}{inside}.{kind}"] = weight
        (biases if kind == "bias" else modules).add(path)
    write_tensors(folder / WEIGHTS, arrays, "pt")
    biases -= modules
    config = {
        "peft_type": "LORA",
        "task_type": None,
        "base_model_name_or_path": base,
        "r": adapter.r,
        "lora_alpha": int(adapter.alpha) if adapter.alpha == int(adapter.alpha) else adapter.alpha,
        "use_rslora": adapter.use_rslora,
        "lora_dropout": adapter.dropout,
        # Whole paths: a bare name would also match modules that have no weights here.
        "target_modules": sorted(adapter.updates),
        "modules_to_save": sorted(modules - adapter.updates.keys()) or None,
        "bias": _bias(biases, adapter),
        # Both ends of a tied model change together, or the other keeps the base's weights.
        "ensure_weight_tying": {"model.embed_tokens", "lm_head"} <= modules,
        "inference_mode": True,
    }
    write_json(folder / CONFIG, config)


def read_peft(folder: Path) -> Adapter:
    """Read PEFT's folder, the ranks and scalings of its patterns brought to a common one.

    Raises UnusableInput for pickled weights, a damaged file, settings that make more of an adapter
    than plain LoRA, and tensors that are not pairs of A and B.
    """
    config = read_json(folder / CONFIG)
    file = folder / WEIGHTS
    if not file.is_file():
        cure = "save it with safe_serialization=True; pickled files are not read"
        raise UnusableInput(Problem(f"has no {WEIGHTS}", file=str(folder), cure=cure))
    pairs: dict[str, dict[str, Array]] = {}
    whole: dict[str, Array] = {}
    for name, array in read_float32(file).items():
        name = name.removeprefix(_BEFORE)
        path, lora, side = name.removesuffix(".weight").rpartition(".lora_")
        if lora:
            pairs.setdefault(path, {})[side] = array
        else:
            whole[name.replace(".modules_to_save.", ".").replace(".base_layer.", ".")] = array
    problems = unsupported(config, folder / CONFIG) + _unpaired(pairs, file)
    if problems:
        raise UnusableInput(problems)
    rslora = bool(config.get("use_rslora", False))
    updates = {path: LowRank(sides["A"], sides["B"]) for path, sides in pairs.items()}
    alphas = {path: alpha_of(config, path) for path in updates}
    dropout = float(config.get("lora_dropout", 0.0))
    return _in_common(updates, alphas, rslora, dropout, whole, config)


def _in_common(
    updates: Mapping[str, LowRank],
    alphas: Mapping[str, float],
    rslora: bool,
    dropout: float,
    whole: Mapping[str, Array],
    config: Mapping[str, Any],
) -> Adapter:
    scalings = {
        path: alphas[path] / (update.rank**0.5 if rslora else update.rank)
        for path, update in updates.items()
    }
    if len({update.rank for update in updates.values()}) < 2 and len(set(scalings.values())) < 2:
        rank = next((u.rank for u in updates.values()), int(config["r"]))
        alpha = next(iter(alphas.values()), float(config["lora_alpha"]))
        return Adapter(updates, rank, alpha, rslora, dropout, whole)
    rank = max(update.rank for update in updates.values())
    scaling = Counter(scalings.values()).most_common(1)[0][0]
    brought = {
        path: update.times(scalings[path] / scaling).widened(rank)
        for path, update in updates.items()
    }
    return Adapter(brought, rank, scaling * rank, False, dropout, whole)


def _unpaired(pairs: Mapping[str, Mapping[str, Array]], file: Path) -> list[Problem]:
    problems = []
    for path, sides in pairs.items():
        shapes = {side: list(array.shape) for side, array in sorted(sides.items())}
        if sides.keys() != {"A", "B"}:
            what = "has not both A and B, and nothing else"
        elif sides["A"].ndim != 2 or sides["B"].ndim != 2 or shapes["A"][0] != shapes["B"][1]:
            what = "has an A and a B of different ranks"
        else:
            continue
        problems.append(Problem(what, file=str(file), field=path, found=str(shapes)))
    return problems


def _bias(biases: set[str], adapter: Adapter) -> str:
    if not biases:
        return "none"
    return "lora_only" if biases <= adapter.updates.keys() else "all"
