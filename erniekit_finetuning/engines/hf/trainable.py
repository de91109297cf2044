"""A torch model that the training loop can drive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from erniekit_finetuning.engines.batches import IGNORED, Pack
from erniekit_finetuning.engines.hf.images import Images
from erniekit_finetuning.engines.hf.in_use import optimizer_settings
from erniekit_finetuning.engines.hf.runtime import device, import_torch, on_gpu
from erniekit_finetuning.engines.memory import peak_of_process_mb, tokens_at_once
from erniekit_finetuning.engines.trainable import Arrays
from erniekit_finetuning.recipes.model import Recipe


class TorchTrainable:
    """See `Trainable`; only trained positions reach the output layer."""

    def __init__(self, model: Any, recipe: Recipe, images: Images | None = None) -> None:
        torch = import_torch()
        training = recipe.training
        self._model, self._recipe, self._images = model, recipe, images
        self._trained = trained_weights(model)
        weights = list(self._trained.values())
        groups = [
            {"params": [w for w in weights if w.ndim > 1], "weight_decay": training.weight_decay},
            # Norm weights and biases are scales and offsets: decay would pull them off.
            {"params": [w for w in weights if w.ndim <= 1], "weight_decay": 0.0},
        ]
        self._counts_in_python = training.optim == "adamw_8bit"
        if self._counts_in_python:
            from bitsandbytes.optim import AdamW8bit as AdamW
        else:
            AdamW = torch.optim.AdamW
        self._optimizer = AdamW(
            [group for group in groups if group["params"]],
            lr=training.learning_rate,
            betas=(training.adam_beta1, training.adam_beta2),
            eps=training.adam_epsilon,
        )
        self._limit: float | None = None  # the last one that gradients were clipped to
        model.train()

    @property
    def tokens_at_once(self) -> int:
        """See `Trainable.tokens_at_once`."""
        return tokens_at_once(self._recipe, on_gpu())

    def accumulate(self, pack: Pack, divisor: int, seed: int) -> float:
        """See `Trainable.accumulate`."""
        import_torch().manual_seed(seed)
        loss = self._summed_loss(pack)
        (loss / divisor).backward()
        return float(loss.detach())

    def loss(self, pack: Pack) -> float:
        """See `Trainable.loss`."""
        self._model.eval()
        with import_torch().no_grad():
            loss = float(self._summed_loss(pack))
        self._model.train()
        return loss

    def gradients(self) -> Arrays:
        """See `Trainable.gradients`."""
        return {n: _array(w.grad) for n, w in self._trained.items() if w.grad is not None}

    def add_gradients(self, arrays: Arrays) -> None:
        """See `Trainable.add_gradients`."""
        torch = import_torch()
        for name, array in arrays.items():
            weight = self._trained[name]
            other = torch.from_numpy(array).to(weight)
            weight.grad = other if weight.grad is None else weight.grad.add_(other)

    def sum_over_processes(self) -> None:
        """See `Trainable.sum_over_processes`."""
        torch = import_torch()
        for weight in self._trained.values():
            if weight.grad is None:  # this process had no share of the step
                weight.grad = torch.zeros_like(weight)
            torch.distributed.all_reduce(weight.grad)

    def clear_gradients(self) -> None:
        """See `Trainable.clear_gradients`."""
        self._optimizer.zero_grad()

    def update(self, rate: float, max_norm: float | None) -> float:
        """See `Trainable.update`."""
        torch = import_torch()
        self._limit = max_norm
        weights = [w for w in self._trained.values() if w.grad is not None]
        limit = float("inf") if max_norm is None else max_norm
        norm = float(torch.nn.utils.get_total_norm([w.grad for w in weights]))
        if norm > limit:
            for weight in weights:
                weight.grad.mul_(limit / norm)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self._optimizer.zero_grad()
        return norm

    def weights(self) -> Arrays:
        """See `Trainable.weights`."""
        return {name: _array(weight) for name, weight in self._trained.items()}

    def set_weights(self, arrays: Arrays) -> None:
        """See `Trainable.set_weights`."""
        torch = import_torch()
        with torch.no_grad():
            for name, weight in self._trained.items():
                weight.copy_(torch.from_numpy(arrays[name]))

    def optimizer_state(self) -> Arrays:
        """See `Trainable.optimizer_state`."""
        torch = import_torch()
        return {
            f"{name}|{key}": np.asarray(value.detach().cpu() if torch.is_tensor(value) else value)
            for name, weight in self._trained.items()
            for key, value in self._optimizer.state.get(weight, {}).items()
        }

    def set_optimizer_state(self, arrays: Arrays) -> None:
        """See `Trainable.set_optimizer_state`."""
        torch = import_torch()
        for key, array in arrays.items():
            name, _, kind = key.rpartition("|")
            state = self._optimizer.state[self._trained[name]]
            if kind != "step":
                state[kind] = torch.from_numpy(array).to(device())
            elif self._counts_in_python:
                state[kind] = int(array)
            else:
                state[kind] = torch.from_numpy(array)  # torch counts steps on the CPU

    def settings(self) -> dict[str, Any]:
        """See `Trainable.settings`."""
        return optimizer_settings(self._optimizer) | {"training.max_grad_norm": self._limit}

    def peak_memory_mb(self) -> float:
        """See `Trainable.peak_memory_mb`."""
        if on_gpu():
            return float(import_torch().cuda.max_memory_allocated()) / 2**20
        return peak_of_process_mb()

    def _summed_loss(self, pack: Pack) -> Any:
        torch = import_torch()
        chosen = torch.from_numpy((pack.labels != IGNORED).nonzero()[0]).to(device())
        labels = torch.from_numpy(pack.labels).to(device())[chosen]
        with self._precision():
            hidden = hidden_states(self._model, pack, self._images)
            logits = self._model.lm_head(hidden[0][chosen]).float()
        return torch.nn.functional.cross_entropy(logits, labels, reduction="sum")

    @contextmanager
    def _precision(self) -> Iterator[None]:
        torch = import_torch()
        wanted, has = self._recipe.precision, self._recipe.model.dtype
        with torch.autocast(device().type, getattr(torch, wanted), enabled=wanted != has):
            yield


def hidden_states(model: Any, pack: Pack, images: Images | None = None) -> Any:
    """The last hidden states [1, length, width] of documents that do not see each other."""
    torch = import_torch()
    if pack.images and images is not None:
        more = images.inputs(pack.tokens[None], pack.images)  # the model finds the positions itself
    else:
        positions = torch.from_numpy(pack.positions)[None].to(device())
        more = {"position_ids": positions, "document_lengths": pack.lengths}
    tokens = torch.from_numpy(pack.tokens)[None].to(device())
    return model.model(input_ids=tokens, use_cache=False, **more).last_hidden_state


def trained_weights(model: Any) -> dict[str, Any]:
    """The tensors training changes: adapters by `<module>.lora_A`, others by their own path."""
    found = {}
    for path, weight in model.named_parameters():
        if not weight.requires_grad:
            continue
        for before, after in (
            (".modules_to_save.default.", "."),
            (".default.weight", ""),
            (".base_layer.", "."),
        ):
            path = path.replace(before, after)
        found[path] = weight
    return found


def _array(tensor: Any) -> Any:
    return np.asarray(tensor.detach().float().cpu().numpy())
