"""The pre-training recipe of the small base model: configs/ernie-4.5-tiny/pretrain.yaml."""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

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

    `drawn` ones are set by typst and read back from their PDF; as many text pages are set while
    the model learns. `held_out` of each measure the run.
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


def recipe_and_run(description: str | None) -> tuple[Pretraining, Path]:
    """The recipe and the run folder that a command line names; raises as `load_pretraining`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    return load_pretraining(arguments.config), arguments.output
