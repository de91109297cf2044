"""What a base model's folder holds, by the headers of its weight files alone."""

from __future__ import annotations

from pathlib import Path

from erniekit_finetuning.adapters.adapter import Adapter
from erniekit_finetuning.adapters.tensors import Stored, stored_tensors
from erniekit_finetuning.errors import Problem, UnusableInput

EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def stored_in(base: Path) -> dict[str, tuple[Path, Stored]]:
    """Every weight of a model's folder: the file it is in, and where."""
    return {
        name: (file, told)
        for file in sorted(base.glob("*.safetensors"))
        for name, told in stored_tensors(file).items()
    }


def is_tied(base: Path) -> bool:
    """Whether the model's first and last matrix are one: then it is stored once."""
    names = stored_in(base).keys()
    return EMBEDDING in names and HEAD not in names


def one_end(adapter: Adapter, one_tensor: bool) -> Adapter:
    """An adapter of a tied model with its whole embedding under one name.

    `one_tensor` says that the adapter's form keeps one tensor for both ends. Raises UnusableInput
    when both ends were trained apart: the model would have to be another than its base.
    """
    ends = [name for name in (EMBEDDING, HEAD) if name in adapter.whole]
    if not ends:
        return adapter
    first = adapter.whole[ends[0]]
    alike = len(ends) == 2 and (first == adapter.whole[HEAD]).all()
    if not alike and not (one_tensor and len(ends) == 1):
        what = "one end of a model whose first and last matrix are one was trained apart"
        cure = "train both as one: PEFT's ensure_weight_tying=True"
        raise UnusableInput(Problem(what, field=", ".join(ends), cure=cure))
    whole = {name: weight for name, weight in adapter.whole.items() if name not in ends}
    return adapter.with_whole({**whole, EMBEDDING: first})


def both_ends(adapter: Adapter) -> Adapter:
    """The inverse of `one_end`, for a form that keeps a tensor for each end."""
    if EMBEDDING not in adapter.whole:
        return adapter
    return adapter.with_whole({**adapter.whole, HEAD: adapter.whole[EMBEDDING]})
