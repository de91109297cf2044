"""Corpus and tokenizer of a pre-training: `python -m erniekit_finetuning.base.prepare`.

Work for CPUs; the run folder can then be carried to a machine with GPUs.
"""

from __future__ import annotations

import os

from erniekit_finetuning.base import corpus, tokenizer
from erniekit_finetuning.base.config import recipe_and_run
from erniekit_finetuning.base.corpus import FORMS
from erniekit_finetuning.base.drawing import build


def main() -> None:
    """Make what is missing."""
    config, run = recipe_and_run(__doc__)
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
    main()
