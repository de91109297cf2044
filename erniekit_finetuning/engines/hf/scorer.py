"""Scores of the next token from a torch model, with a cache of keys and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.engines.encoding import Encoded
from erniekit_finetuning.engines.hf.images import Images
from erniekit_finetuning.engines.hf.runtime import device, import_torch
from erniekit_finetuning.engines.side_by_side import aligned, appended, laid_out, without_wrong


@dataclass(frozen=True)
class State:
    """The cache, which of its columns are tokens [rows, columns], how many tokens of each row were
    read last, and the logits after them [tokens, vocabulary], row by row.

    `shifts` [rows] is what a token's position is more than how many tokens stand before it: an
    image takes as many positions as its longer side has tokens, fewer than it has tokens.
    """

    cache: Any
    columns: NDArray[np.bool_]
    shifts: NDArray[np.int64]
    read: list[int]
    logits: NDArray[np.float32]


class TorchScorer:
    """See `open_batch.Scorer`; with `images` the model sees those of its prompts."""

    def __init__(self, model: Any, images: Images | None = None) -> None:
        self._model, self._images = model, images

    @property
    def max_tokens(self) -> int:
        """See `Scorer.max_tokens`."""
        return int(self._model.config.get_text_config().max_position_embeddings)

    @property
    def vocabulary_size(self) -> int:
        """See `Scorer.vocabulary_size`."""
        return int(self._model.config.get_text_config().vocab_size)

    def start(self, prompts: Sequence[Encoded], room: int) -> State:
        """See `Scorer.start`; prompts are padded on the left."""
        tokens, positions, columns = laid_out([prompt.tokens for prompt in prompts])
        read, shifts = [1] * len(prompts), np.zeros(len(prompts), np.int64)
        if self._images is None:
            return self._forward(None, columns, shifts, read, tokens, positions)
        files = [file for prompt in prompts for file in prompt.images]
        inputs = self._images.inputs(tokens, files)
        positions, shifts = self._model.model.get_rope_index(
            _tensor(tokens),
            inputs.pop("mm_token_type_ids"),
            image_grid_thw=inputs.get("image_grid_thw"),
            attention_mask=_tensor(columns),
        )
        shifts, positions = shifts[:, 0].cpu().numpy(), positions.cpu().numpy()
        return self._forward(None, columns, shifts, read, tokens, positions, inputs)

    def scores(self, state: State) -> NDArray[np.float32]:
        """See `Scorer.scores`."""
        return np.asarray(state.logits)

    def step(self, state: State, right: Sequence[int], tokens: Sequence[Sequence[int]]) -> State:
        """See `Scorer.step`."""
        before = without_wrong(state.columns, state.read, right)
        state.cache.crop(before.shape[1])
        new, positions, columns = appended(before, tokens)
        read, positions = [*map(len, tokens)], positions + state.shifts[:, None]
        return self._forward(state.cache, columns, state.shifts, read, new, positions)

    def join(self, states: Sequence[State]) -> State:
        """See `Scorer.join`."""
        torch = import_torch()
        from transformers import DynamicCache

        used, columns = aligned([state.columns for state in states])
        length = columns.shape[1]

        def side_by_side(parts: Sequence[Any]) -> Any:
            some = [part[:, :, -keep:] for part, keep in zip(parts, used, strict=True)]
            pad = torch.nn.functional.pad
            return torch.cat([pad(part, (0, 0, length - part.shape[2], 0)) for part in some])

        cache = DynamicCache()
        for number, layers in enumerate(
            zip(*(state.cache.layers for state in states), strict=True)
        ):
            keys = side_by_side([layer.keys for layer in layers])
            cache.update(keys, side_by_side([layer.values for layer in layers]), number)
        return State(
            cache,
            columns,
            np.concatenate([state.shifts for state in states]),
            [count for state in states for count in state.read],
            np.concatenate([state.logits for state in states]),
        )

    def keep(self, state: State, rows: NDArray[np.int64]) -> State:
        """See `Scorer.keep`."""
        if rows.size:
            state.cache.batch_select_indices(_tensor(rows))
        parts = np.split(state.logits, np.cumsum(state.read)[:-1])
        logits = np.concatenate([parts[row] for row in rows])
        read = [state.read[row] for row in rows]
        return State(state.cache, state.columns[rows], state.shifts[rows], read, logits)

    def _forward(
        self,
        cache: Any,
        columns: NDArray[np.bool_],
        shifts: NDArray[np.int64],
        read: list[int],
        tokens: NDArray[np.int64],
        positions: NDArray[np.int64],
        inputs: Mapping[str, Any] = MappingProxyType({}),
    ) -> State:
        with import_torch().no_grad():
            out = self._model(
                input_ids=_tensor(tokens),
                position_ids=_tensor(positions),  # [3, rows, columns] where images are
                attention_mask=_tensor(columns).long(),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=max(read),
                **inputs,
            )
        logits = out.logits[_tensor(np.arange(max(read)) < np.array(read)[:, None])]
        return State(out.past_key_values, columns, shifts, read, logits.float().cpu().numpy())


def _tensor(array: NDArray[Any]) -> Any:
    return import_torch().from_numpy(array).to(device())
