"""LoRA on Paddle's fused layers, in Hugging Face's words, checked against the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from erniekit_finetuning.adapters.fusing import FUSED
from erniekit_finetuning.engines.initial import first_a
from erniekit_finetuning.engines.naming import no_module, refuse_targets
from erniekit_finetuning.engines.paddle.runtime import import_paddle
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.model import LoraSection


@dataclass(frozen=True)
class Place:
    """A matrix that can carry adapters: where it is, and its parts with their widths.

    `path` is Paddle's, for a fused matrix without its own name in Hugging Face's model.
    """

    path: str
    parts: Mapping[str, int] = field(hash=False)

    def module(self, part: str) -> str:
        """Hugging Face's path of a part."""
        return f"{self.path.rpartition('.')[0]}.{part}"


def places(model: Any) -> Iterator[Place]:
    """Every matrix of the decoder's layers."""
    config = model.config
    kv = config.num_key_value_heads * config.head_dim
    widths = {"q_proj": config.num_attention_heads * config.head_dim, "k_proj": kv, "v_proj": kv}
    for path, layer in model.named_sublayers():
        name = path.rpartition(".")[2]
        if name == "qkv_proj":
            yield Place(path, widths)
        elif name == "up_gate_proj":
            half = int(layer.weight.shape[1]) // 2
            yield Place(path, {"gate_proj": half, "up_proj": half})
        elif name.endswith("_proj"):
            yield Place(path, {name: int(layer.weight.shape[1])})


def wanted(model: Any, targets: Sequence[str]) -> dict[Place, tuple[str, ...]]:
    """The parts of each matrix that `targets` name, by their last name or their whole path.

    Raises UnusableInput when a target names nothing.
    """
    found: dict[Place, tuple[str, ...]] = {}
    missing, known = set(targets), set()
    for place in places(model):
        names = {part: {part, place.module(part)} for part in place.parts}
        known |= set(place.parts)
        chosen = tuple(part for part in place.parts if names[part] & set(targets))
        missing -= {name for part in chosen for name in names[part]}
        if chosen:
            found[place] = chosen
    refuse_targets(missing, known)
    return found


def add_lora(model: Any, lora: LoraSection, seed: int) -> tuple[str, ...]:
    """Put adapters into `model`, which alone are trained; return the modules that carry one.

    Raises UnusableInput for a target or a module to save that the model does not have.
    """
    paddle = import_paddle()
    chosen = wanted(model, lora.target_modules)
    saved = _modules_to_save(model, lora)
    scaling = lora.lora_alpha / (lora.r**0.5 if lora.use_rslora else lora.r)
    for weight in model.parameters():
        weight.stop_gradient = True
    for place, layer in adapt(model, chosen, lora.r, scaling, lora.lora_dropout).items():
        for part in layer.parts:
            start = first_a(place.module(part), lora.r, int(layer.weight.shape[0]), seed)
            getattr(layer, f"lora_A_{part}").set_value(paddle.to_tensor(start.T.copy()))
    for weight in saved:
        weight.stop_gradient = False
    return tuple(place.module(part) for place, parts in chosen.items() for part in parts)


def adapt(
    model: Any,
    chosen: Mapping[Place, Sequence[str]],
    rank: int,
    scaling: float,
    dropout: float = 0.0,
) -> dict[Place, Any]:
    """Put adapters of zeros beside the chosen parts; return the layers that hold them."""
    from erniekit_finetuning.engines.paddle.adapted_linear import AdaptedLinear

    layers = {}
    for place, parts in chosen.items():
        above, _, name = place.path.rpartition(".")
        parent = sublayer(model, above)
        widths = {part: place.parts[part] for part in parts}
        join = _join(model, place)
        layer = AdaptedLinear(getattr(parent, name), widths, join, rank, scaling, dropout)
        setattr(parent, name, layer)
        layers[place] = layer
    return layers


def trained_weights(model: Any) -> dict[str, Any]:
    """The tensors training changes: adapters by `<module>.lora_A`, others by their own path."""
    found: dict[str, Any] = {}
    for path, weight in model.named_parameters():
        if weight.stop_gradient:
            continue
        matrix, _, name = path.rpartition(".")
        if name.startswith(("lora_A_", "lora_B_")):
            above = matrix.rpartition(".")[0]
            path = f"{above}.{name[len('lora_A_') :]}.{name[: len('lora_A')]}"
        found[path] = weight
    return found


def _join(model: Any, place: Place) -> Any:
    from erniekit_finetuning.engines.paddle import adapted_linear

    name = place.path.rpartition(".")[2]
    parts = tuple(place.parts)
    if name == "qkv_proj":
        groups = int(model.config.num_key_value_heads)
        return adapted_linear.join_by_group(parts, groups, place.parts)
    if name == "up_gate_proj":
        return adapted_linear.join_beside(parts, place.parts["up_proj"])
    return adapted_linear.join_single


def _modules_to_save(model: Any, lora: LoraSection) -> list[Any]:
    weights: list[Any] = []
    problems = []
    inside = {part for parts in FUSED.values() for part in parts}
    for name in lora.modules_to_save:
        hits = [
            weight
            for path, weight in model.named_parameters()
            if name in (path.rpartition(".")[0], path.rpartition(".")[0].rpartition(".")[2])
        ]
        weights += hits
        if not hits:
            problem = no_module("lora.modules_to_save", name)
            if name in inside:
                what = "is a part of a fused matrix, which the paddle engine cannot train alone"
                problem = replace(problem, what=what)
            problems.append(problem)
    if lora.bias != "none":
        what = "the model has no bias to train"
        if any(path.endswith(".bias") for path, _ in model.named_parameters()):
            what = "the paddle engine does not train biases beside adapters"
        problems.append(
            Problem(what, field="lora.bias", found=lora.bias, cure="set lora.bias: none")
        )
    if problems:
        raise UnusableInput(problems)
    return weights


def sublayer(model: Any, path: str) -> Any:
    """The layer at a path."""
    for name in path.split("."):
        model = model[int(name)] if name.isdigit() else getattr(model, name)
    return model
