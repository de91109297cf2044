"""An adapter's files in Paddle's model, beside its matrices or merged into them."""

from __future__ import annotations

from typing import Any

import numpy as np

from erniekit_finetuning.adapters.adapter import Adapter
from erniekit_finetuning.adapters.formats import read_adapter
from erniekit_finetuning.adapters.fusing import FUSED, Heads, join_outputs
from erniekit_finetuning.engines.locating import Source
from erniekit_finetuning.engines.paddle.lora import Place, adapt, places, sublayer
from erniekit_finetuning.engines.paddle.trainable import as_tensor
from erniekit_finetuning.errors import Problem, UnusableInput


def attach_adapter(model: Any, source: Source) -> None:
    """Compute the adapter of `source`, if it has one, beside the matrices of `model`."""
    if source.adapter is None:
        return
    adapter = read_adapter(source.adapter, source.base)
    chosen = _chosen(model, adapter, source)
    for place, layer in adapt(model, chosen, adapter.r, adapter.scaling).items():
        for part in layer.parts:
            update = adapter.updates[place.module(part)]
            getattr(layer, f"lora_A_{part}").set_value(as_tensor(".lora_A", update.a))
            getattr(layer, f"lora_B_{part}").set_value(as_tensor(".lora_B", update.b))
    _set_whole(model, adapter, source)
    model.eval()


def merge_in_place(model: Any, source: Source) -> None:
    """Add the adapter of `source`, if it has one, into the matrices of `model`."""
    if source.adapter is None:
        return
    adapter = read_adapter(source.adapter, source.base)
    heads = Heads.of(source.base)
    for place, parts in _chosen(model, adapter, source).items():
        updates = {part: adapter.updates[place.module(part)] for part in parts}
        rows = {part: update.b @ update.a for part, update in updates.items()}
        name = place.path.rpartition(".")[2]
        weight = sublayer(model, place.path).weight
        if name in FUSED:
            inputs = int(weight.shape[0])
            for part, width in place.parts.items():
                rows.setdefault(part, np.zeros((width, inputs), np.float32))
            delta = join_outputs(name, rows, heads)
        else:
            delta = rows[name]
        change = as_tensor("_proj.weight", delta * np.float32(adapter.scaling))
        weight.set_value((weight.astype("float32") + change).astype(weight.dtype))
    _set_whole(model, adapter, source)


def _chosen(model: Any, adapter: Adapter, source: Source) -> dict[Place, tuple[str, ...]]:
    left = dict(adapter.updates)
    found: dict[Place, tuple[str, ...]] = {}
    for place in places(model):
        parts = tuple(part for part in place.parts if place.module(part) in left)
        if parts:
            found[place] = parts
        inputs = int(sublayer(model, place.path).weight.shape[0])
        for part in parts:
            update = left.pop(place.module(part))
            if update.a.shape[1] != inputs or update.b.shape[0] != place.parts[part]:
                left[place.module(part)] = update
    if left:
        what = f"{len(left)} updates do not fit the base model, {min(left)} first"
        cure = "name the base that it was trained on"
        raise UnusableInput(Problem(what, file=str(source.adapter), cure=cure))
    return found


def _set_whole(model: Any, adapter: Adapter, source: Source) -> None:
    weights = dict(model.named_parameters())
    for name, array in adapter.whole.items():
        if name not in weights:
            what = "is no weight of the base model"
            raise UnusableInput(Problem(what, file=str(source.adapter), field=name))
        weights[name].set_value(as_tensor(name, array).astype(weights[name].dtype))
