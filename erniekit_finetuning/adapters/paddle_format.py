"""PaddleFormers' adapter folder: lora_config.json and peft_model-*.safetensors.

Its matrices are [inputs, outputs], fused ones carry one adapter. Adapters of parts that do not
share their A become one whose rank is the sum of theirs; the others are filled up with zeros, since
the form knows one rank. Zeros are left out again in reading. The function stays the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from erniekit_finetuning.adapters.adapter import Adapter, Array, LowRank
from erniekit_finetuning.adapters.fusing import FUSED, Heads
from erniekit_finetuning.adapters.paddle_matrices import (
    joined_updates,
    joined_whole,
    split_update,
    split_whole,
)
from erniekit_finetuning.adapters.tensors import read_float32, read_json, write_tensors
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_json

CONFIG = "lora_config.json"
FILE, INDEX = "peft_model-00001-of-00001.safetensors", "peft_model.safetensors.index.json"
# What PaddleFormers' model can carry adapters on: its linear layers.
_LINEAR = {*(part for parts in FUSED.values() for part in parts), "o_proj", "down_proj"}


def read_paddle(folder: Path, heads: Heads) -> Adapter:
    """Read PaddleFormers' folder of an adapter of the model with these `heads`.

    Raises UnusableInput with all that is missing, damaged or of another shape.
    """
    config = read_json(folder / CONFIG)
    tensors = _tensors(folder)
    problems = [
        Problem("is missing", file=str(folder / CONFIG), field=field)
        for field in ("r", "lora_alpha")
        if not config.get(field)
    ]
    if config.get("loraga"):
        what = "its start changed the base's weights"
        problems.append(Problem(what, file=str(folder / CONFIG), field="loraga"))
    updates: dict[str, LowRank] = {}
    whole: dict[str, Array] = {}
    for name, tensor in tensors.items():
        path, lora, side = name.rpartition(".lora_")
        a, b = tensors.get(f"{path}.lora_A"), tensors.get(f"{path}.lora_B")
        try:
            if not lora:
                whole |= split_whole(name, tensor, heads)
            elif a is None or b is None:
                problems.append(Problem("has not both A and B", file=str(folder), field=path))
            elif side == "A":
                updates |= split_update(path, LowRank(a.T, b.T), heads)
        except ValueError as error:
            what = f"does not fit the base model: {error}"
            problems.append(Problem(what, file=str(folder), field=name))
    if problems:
        raise UnusableInput(problems)
    rank, alpha = int(config["r"]), float(config["lora_alpha"])
    rslora, dropout = bool(config.get("rslora")), float(config.get("lora_dropout") or 0.0)
    needed = max((update.rank for update in updates.values()), default=rank)
    if needed != rank:
        # Zeros that filled up are gone; the scaling stays what it was with them.
        alpha, rslora = _neat(alpha / (rank**0.5 if rslora else rank) * needed), False
    filled = {path: update.widened(needed) for path, update in updates.items()}
    return Adapter(filled, needed, alpha, rslora, dropout, whole)


def write_paddle(folder: Path, adapter: Adapter, heads: Heads, base: str) -> None:
    """Write an adapter as PaddleFormers 1.2 reads it.

    Raises UnusableInput for modules that cannot carry an adapter there, and for whole weights that
    are a part of a fused one.
    """
    problems = [
        Problem("PaddleFormers cannot adapt this module", field=path)
        for path in adapter.updates
        if path.rpartition(".")[2] not in _LINEAR
    ]
    whole, alone = joined_whole(adapter.whole, heads)
    cure = "merge the adapter instead"
    problems += [
        Problem("PaddleFormers trains this weight only with those beside it", field=n, cure=cure)
        for n in alone
    ]
    problems += [
        Problem("PaddleFormers' model has no such bias", field=name, cure=cure)
        for name in adapter.whole
        if ".mlp." in name and name.endswith(".bias")
    ]
    if problems:
        raise UnusableInput(problems)
    fused = joined_updates(adapter.updates, heads)
    rank = max((update.rank for update in fused.values()), default=adapter.r)
    tensors = dict(whole)
    for path, update in fused.items():
        wide = update.widened(rank)
        tensors |= {f"{path}.lora_A": wide.a.T, f"{path}.lora_B": wide.b.T}
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(folder / FILE, tensors, "np")
    size = sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": dict.fromkeys(tensors, FILE)}
    write_json(folder / INDEX, index)
    same = rank == adapter.r  # then alpha and rank-stabilising are kept as they were said
    config = {
        "r": rank,
        "lora_alpha": _whole_number(adapter.alpha if same else _neat(adapter.scaling * rank)),
        "lora_dropout": adapter.dropout,
        "rslora": adapter.use_rslora and same,
        # Whole paths: a bare name would also match modules that have no weights here.
        "target_modules": [re.escape(path) for path in sorted(fused)],
        "trainable_modules": [re.escape(name) for name in sorted(whole)] or None,
        "base_model_name_or_path": base,
        "dtype": "float32",
        "tensor_model_parallel_size": 1,
        "scaling": adapter.scaling,
    }
    write_json(folder / CONFIG, config)


def _tensors(folder: Path) -> Mapping[str, Array]:
    files = sorted(folder.glob("peft_model*.safetensors"))
    if not files:
        cure = "save it as safetensors; pickled files are not read"
        raise UnusableInput(Problem("has no peft_model*.safetensors", file=str(folder), cure=cure))
    found = re.search(r"-of-(\d+)\.safetensors$", files[0].name)
    count = int(found.group(1)) if found else 0
    names = [f"peft_model-{n:05d}-of-{count:05d}.safetensors" for n in range(1, count + 1)]
    missing = [
        Problem("is missing", file=str(folder / name))
        for name in names
        if not (folder / name).is_file()
    ]
    if missing:
        raise UnusableInput(missing)
    return {name: tensor for file in files for name, tensor in read_float32(file).items()}


def _neat(alpha: float) -> float:
    """Without the last digits' noise of a product, far below what float32 can tell."""
    return float(round(alpha)) if abs(alpha - round(alpha)) < 1e-12 * abs(alpha) else alpha


def _whole_number(alpha: float) -> float:
    return int(alpha) if alpha == int(alpha) else alpha
