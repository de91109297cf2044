"""The pre-training recipe of the small base model: configs/ernie-4.5-tiny/pretrain.yaml."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from erniekit_finetuning.base.corpus import FORMS
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.faults import unusable


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shape(_Strict):
    """Dense ERNIE-4.5 sizes."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    max_position_embeddings: int


class Corpus(_Strict):
    """Generated documents: the generator's configuration file, how many, from which seed.

    `drawn` ones are set by typst and read back from their PDF; more text pages are set while the
    model learns. `held_out` of each measure the run.
    """

    generator: Path
    drawn: int
    held_out: int
    seed: int
    words: int  # as many of the corpus's words become tokens


class Training(_Strict):
    """Warm-up, a constant rate until `hold` of the run, then a linear descent to 5 %.

    On GPUs rows are packed into sequences of `max_seq_len`, on CPUs each is a sequence of its own.
    """

    initial: Path | None = None  # a model to go on from, past the curriculum's beginning
    compiled: bool  # layers, by torch: on GPUs a must, on CPUs it needs a C++ compiler
    tokens: int
    batch_tokens: int  # a process and step, padding included
    processes: int
    workers: int  # that make a process's batches; 0: it makes them itself
    max_seq_len: int
    learning_rate: float
    warmup_steps: int
    hold: float
    weight_decay: float
    max_grad_norm: float
    bf16: bool
    log_steps: int
    eval_steps: int
    checkpoint_steps: int
    seed: int


class Pretraining(_Strict):
    """Everything that makes the base model."""

    model: Shape
    corpus: Corpus
    training: Training


def load_pretraining(path: Path) -> Pretraining:
    """Read the recipe; raises UnusableInput with every fault."""
    try:
        return Pretraining.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise UnusableInput(Problem(str(error), file=str(path))) from error
    except ValidationError as error:
        raise unusable(error, shown=True, file=str(path)) from error


def unprepared(config: Pretraining, run: Path) -> list[Problem]:
    """What a training lacks that `base.prepare` makes, and what is wrong with its `initial`."""
    parts = ("drawn", "tokenizer", *(f"held_out_{form}" for form in FORMS))
    cure = "run erniekit_finetuning.base.prepare with this recipe and output"
    found = [
        Problem("no such folder", file=str(run / part), cure=cure)
        for part in parts
        if not (run / part).is_dir()
    ]
    if initial := config.training.initial:
        found += unlike(initial, config.model)
    return found


def unlike(model: Path, shape: Shape) -> list[Problem]:
    """Sizes of a model that are others."""
    file = model / "config.json"
    try:
        sizes = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        cure = "name a folder with a model"
        return [Problem("cannot be read", file=str(file), found=str(error), cure=cure)]
    return [
        Problem(
            "a model of other sizes",
            file=str(file),
            field=name,
            found=str(sizes.get(name)),
            expected=str(size),
            cure="weights go on, and make a mean, where all sizes are the same",
        )
        for name, size in shape
        if sizes.get(name) != size
    ]
