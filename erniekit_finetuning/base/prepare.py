"""Corpus and tokenizer of a pre-training: `python -m erniekit_finetuning.base.prepare`.

Work for CPUs; the run folder can then be carried to a machine with GPUs.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from typer import Option

from erniekit_finetuning.base import corpus, tokenizer
from erniekit_finetuning.base.config import load_pretraining
from erniekit_finetuning.base.corpus import FORMS
from erniekit_finetuning.base.drawing import build
from erniekit_finetuning.console import run as run_command


def prepare(
    recipe: Annotated[Path, Option("--config", help="The pre-training recipe.")],
    run: Annotated[Path, Option("--output", help="The run folder.")],
) -> None:
    """Make what is missing of the corpus and the tokenizer."""
    config = load_pretraining(recipe)
    data, workers = config.corpus, os.cpu_count() or 1
    build(run / "drawn", data.generator, data.seed, data.drawn, "drawn", workers)
    for number, form in enumerate(FORMS):
        # The seed after the corpus's own is that of the pages which are set while training.
        seed = data.seed + 2 + number
        build(run / f"held_out_{form}", data.generator, seed, data.held_out, form, workers)
    if (run / "tokenizer" / "tokenizer_config.json").exists():
        return
    if config.training.initial:
        tokenizer.copy(config.training.initial, run / "tokenizer")
        return
    texts = (document.text for document in corpus.read(run / "drawn"))
    words = tokenizer.frequent_words(texts, data.words)
    longest = config.model.max_position_embeddings
    tokenizer.save(tokenizer.build(words), run / "tokenizer", longest)


if __name__ == "__main__":
    run_command(prepare)
