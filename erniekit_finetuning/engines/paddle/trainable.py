"""A Paddle model that the training loop can drive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.engines.batches import IGNORED, Pack
from erniekit_finetuning.engines.memory import peak_of_process_mb, tokens_at_once
from erniekit_finetuning.engines.paddle.in_use import optimizer_settings
from erniekit_finetuning.engines.paddle.lora import trained_weights
from erniekit_finetuning.engines.paddle.runtime import import_paddle, on_gpu
from erniekit_finetuning.engines.trainable import Arrays
from erniekit_finetuning.recipes.model import Recipe


class PaddleTrainable:
    """See `Trainable`; only trained positions reach the output layer."""

    def __init__(self, model: Any, recipe: Recipe) -> None:
        paddle = import_paddle()
        training = recipe.training
        self._model, self._recipe = model, recipe
        self._trained = trained_weights(model)
        weights = list(self._trained.values())
        self._optimizer = paddle.optimizer.AdamW(
            learning_rate=training.learning_rate,
            beta1=training.adam_beta1,
            beta2=training.adam_beta2,
            epsilon=training.adam_epsilon,
            parameters=weights,
            weight_decay=training.weight_decay,
            # Norm weights and biases are scales and offsets: decay would pull them off.
            apply_decay_param_fun={w.name for w in weights if w.ndim > 1}.__contains__,
            multi_precision=True,
        )
        self._limit: float | None = None  # the last one that gradients were clipped to
        model.train()

    @property
    def tokens_at_once(self) -> int:
        """See `Trainable.tokens_at_once`."""
        return tokens_at_once(self._recipe, on_gpu())

    def accumulate(self, pack: Pack, divisor: int, seed: int) -> float:
        """See `Trainable.accumulate`."""
        import_paddle().seed(seed)
        loss = self._summed_loss(pack)
        (loss / divisor).backward()
        return float(loss)

    def loss(self, pack: Pack) -> float:
        """See `Trainable.loss`."""
        self._model.eval()
        with import_paddle().no_grad():
            loss = float(self._summed_loss(pack))
        self._model.train()
        return loss

    def gradients(self) -> Arrays:
        """See `Trainable.gradients`."""
        return {
            name: as_array(name, weight.grad)
            for name, weight in self._trained.items()
            if weight.grad is not None
        }

    def add_gradients(self, arrays: Arrays) -> None:
        """See `Trainable.add_gradients`."""
        paddle = import_paddle()
        with paddle.no_grad():
            for name, array in arrays.items():
                weight = self._trained[name]
                other = as_tensor(name, array).astype(weight.dtype)
                if weight.grad is None:
                    weight.grad = other
                else:
                    weight.grad.add_(other)

    def sum_over_processes(self) -> None:
        """See `Trainable.sum_over_processes`."""
        paddle = import_paddle()
        with paddle.no_grad():
            for weight in self._trained.values():
                if weight.grad is None:  # this process had no share of the step
                    weight.grad = paddle.zeros_like(weight)
                paddle.distributed.all_reduce(weight.grad)

    def clear_gradients(self) -> None:
        """See `Trainable.clear_gradients`."""
        for weight in self._trained.values():
            weight.clear_gradient(False)

    def update(self, rate: float, max_norm: float | None) -> float:
        """See `Trainable.update`."""
        self._limit = max_norm
        norm = clip(list(self._trained.values()), max_norm)
        self._optimizer.set_lr(rate)
        self._optimizer.step()
        self._optimizer.clear_grad()
        return norm

    def weights(self) -> Arrays:
        """See `Trainable.weights`."""
        return {name: as_array(name, weight) for name, weight in self._trained.items()}

    def set_weights(self, arrays: Arrays) -> None:
        """See `Trainable.set_weights`."""
        for name, weight in self._trained.items():
            weight.set_value(as_tensor(name, arrays[name]).astype(weight.dtype))

    def optimizer_state(self) -> Arrays:
        """See `Trainable.optimizer_state`."""
        # Paddle keys its state by names counted per process; paths in the model last longer.
        paths = {weight.name: path for path, weight in self._trained.items()}
        flat: dict[str, Any] = {}
        for key, value in self._optimizer.state_dict().items():
            if key == "master_weights":
                flat |= {f"master|{paths[name]}|": tensor for name, tensor in value.items()}
                continue
            for name, path in paths.items():
                if key.startswith(f"{name}_"):
                    flat[f"state|{path}|{key.removeprefix(name)}"] = value
        return {key: np.asarray(value.astype("float32").numpy()) for key, value in flat.items()}

    def set_optimizer_state(self, arrays: Arrays) -> None:
        """See `Trainable.set_optimizer_state`."""
        paddle = import_paddle()
        state: dict[str, Any] = {}
        for key, value in arrays.items():
            kind, path, rest = key.split("|")
            name, tensor = self._trained[path].name, paddle.to_tensor(value)
            if kind == "master":
                state.setdefault("master_weights", {})[name] = tensor
            else:
                state[name + rest] = tensor
        self._optimizer.set_state_dict(state)

    def settings(self) -> dict[str, Any]:
        """See `Trainable.settings`."""
        return optimizer_settings(self._optimizer) | {"training.max_grad_norm": self._limit}

    def peak_memory_mb(self) -> float:
        """See `Trainable.peak_memory_mb`."""
        if on_gpu():
            return float(import_paddle().device.cuda.max_memory_allocated()) / 2**20
        return peak_of_process_mb()

    def _summed_loss(self, pack: Pack) -> Any:
        paddle = import_paddle()
        chosen = (pack.labels != IGNORED).nonzero()[0]
        with self._precision():
            hidden = hidden_states(self._model, pack)
            states = hidden[0].index_select(paddle.to_tensor(chosen))
            logits = self._model.lm_head(states.unsqueeze(0)).squeeze(0).astype("float32")
        labels = paddle.to_tensor(pack.labels[chosen])
        return paddle.nn.functional.cross_entropy(logits, labels, reduction="sum")

    @contextmanager
    def _precision(self) -> Iterator[None]:
        if self._recipe.precision == self._recipe.model.dtype:
            yield
            return
        with import_paddle().amp.auto_cast(level="O1", dtype=self._recipe.precision):
            yield


def as_array(name: str, tensor: Any) -> NDArray[np.float32]:
    """A weight in Hugging Face's layout; Paddle's matrices are the other way round."""
    array = np.asarray(tensor.astype("float32").numpy())
    return np.ascontiguousarray(array.T) if _is_turned(name, array) else array


def as_tensor(name: str, array: NDArray[np.float32]) -> Any:
    """An array of Hugging Face's layout as Paddle's weight."""
    turned = np.ascontiguousarray(array.T) if _is_turned(name, array) else array
    return import_paddle().to_tensor(turned)


def _is_turned(name: str, array: NDArray[np.float32]) -> bool:
    # lm_head keeps [vocabulary, width] like the embedding it may be tied to
    return array.ndim == 2 and (".lora_" in name or "_proj." in name)


def hidden_states(model: Any, pack: Pack) -> Any:
    """The last hidden states [1, length, width] of documents that do not see each other."""
    paddle = import_paddle()
    ends = np.repeat(np.cumsum(pack.lengths), pack.lengths).astype(np.int32)
    return model.model(
        paddle.to_tensor(pack.tokens[None]),
        position_ids=paddle.to_tensor(pack.positions[None]),
        # For each key, the first row that does not see it: [1, 1, length, 1].
        attn_mask_startend_row_indices=paddle.to_tensor(ends[None, None, :, None]),
        use_cache=False,
        return_dict=True,
    ).last_hidden_state


def clip(weights: list[Any], limit: float | None) -> float:
    """Scale the gradients down to the global norm `limit`; return the norm they had."""
    paddle = import_paddle()
    grads = [weight.grad for weight in weights if weight.grad is not None]
    squares = [(grad.astype("float32") ** 2).sum() for grad in grads]
    norm = float(paddle.stack(squares).sum().sqrt())
    if limit is not None and norm > limit:
        with paddle.no_grad():
            for grad in grads:
                grad.scale_(limit / norm)
    return norm
