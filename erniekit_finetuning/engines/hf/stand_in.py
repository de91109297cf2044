"""Tiny models with random weights, to try a recipe before its base is there.

    python -m erniekit_finetuning.engines.hf.stand_in gemma runs/tiny-gemma examples/classical.json

Same architecture, same special tokens, half a million weights; one token a character of the files.
It learns what it is shown and knows nothing: a trial of the recipe and of the data, not of a model.
"""

from __future__ import annotations

import argparse
import string
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from erniekit_finetuning.data.rows import read_rows
from erniekit_finetuning.data.standardizing import LeftOut, standardized
from erniekit_finetuning.engines.hf.runtime import import_torch
from erniekit_finetuning.files import write_json, written_whole


@dataclass(frozen=True)
class Kind:
    """Begin, end and unknown token of an architecture, and those of its chat templates."""

    classes: str
    begin: str
    end: str
    unknown: str
    turns: tuple[str, ...]


KINDS = {
    "ernie4_5": Kind("Ernie4_5", "<s>", "</s>", "<unk>", ("<|im_start|>", "<|im_end|>")),
    "gemma": Kind("Gemma", "<bos>", "<eos>", "<unk>", ("<start_of_turn>", "<end_of_turn>")),
    "llama": Kind(
        "Llama",
        "<|begin_of_text|>",
        "<|end_of_text|>",
        "<unk>",
        ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    ),
}
# 16 adapters of these widths fill a block of AdamW's 8 bits, which smaller ones would not use.
SHAPE = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 4096,
    "initializer_range": 0.08,  # of the usual 0.02 every token is about as likely
    "tie_word_embeddings": True,
}


def make_stand_in(kind: str, folder: Path, texts: Iterable[str]) -> Path:
    """Write a model of a kind of `KINDS` that can say every character of `texts`; give `folder`."""
    torch = import_torch()
    import transformers

    named = KINDS[kind]
    with written_whole(folder) as aside:
        aside.mkdir()
        ids = _write_tokenizer(aside, named, texts)
        special = {
            "pad_token_id": ids[named.unknown],
            "bos_token_id": ids[named.begin],
            "eos_token_id": ids[named.end],
        }
        config = getattr(transformers, f"{named.classes}Config")(
            vocab_size=len(ids), **SHAPE, **special
        )
        torch.manual_seed(0)
        model = getattr(transformers, f"{named.classes}ForCausalLM")(config)
        model.save_pretrained(str(aside))
    return folder


def _write_tokenizer(folder: Path, kind: Kind, texts: Iterable[str]) -> dict[str, int]:
    from tokenizers import AddedToken, Tokenizer, decoders, models

    special = [kind.unknown, kind.begin, kind.end, *kind.turns]
    letters = sorted(set(string.printable).union(*texts))
    ids = {token: number for number, token in enumerate([*special, *letters])}
    tokenizer = Tokenizer(models.BPE(ids, merges=[], unk_token=kind.unknown))
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": kind.unknown,
        "pad_token": kind.unknown,
        "bos_token": kind.begin,
        "eos_token": kind.end,
        "clean_up_tokenization_spaces": False,
    }
    write_json(folder / "tokenizer_config.json", settings)
    return ids


def texts_of(files: Iterable[Path]) -> set[str]:
    """What is said in files of conversations; raises UnusableInput as `standardized` does."""
    return {
        turn.content
        for file in files
        for _, pair in standardized(read_rows(str(file)), str(file), LeftOut())
        for turn in pair.conversations
    }


def main() -> None:
    """Make one; see the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    given = parser.parse_args()
    print(make_stand_in(given.kind, given.folder, texts_of(given.files)))


if __name__ == "__main__":
    main()
