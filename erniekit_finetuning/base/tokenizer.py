"""The small base model's tokenizer: one token a letter and a digit, whole tokens for fixed words.

Single characters are what lets a model of a few million parameters copy words it has never seen;
whole tokens for JSON keys and for the words that invoices repeat ("Total", "Rechnung") keep the
sequences short. Characters outside the alphabet become UTF-8 bytes, so every text survives.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models

from erniekit_finetuning.data.prompts import WORDS
from erniekit_finetuning.files import write_json
from erniekit_finetuning.invoice import response

FILES = ("tokenizer.json", "tokenizer_config.json")
PAD, BOS, EOS = "<pad>", "<s>", "</s>"
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] + '\\n' }}"
    "{% elif message['role'] == 'user' %}{{ 'User: ' + message['content'] + '\\n' }}"
    "{% else %}{{ 'Assistant: ' + message['content'] + eos_token }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant: ' }}{% endif %}"
)
_ALPHABET = (
    "\n\t\f"
    + "".join(map(chr, range(0x20, 0x7F)))
    + "".join(map(chr, range(0xA1, 0x180)))  # Latin-1 and Latin Extended-A
    + "€₹£¥–—‘’“”„…•·№™●\u00a0\u202f"
)
_WORD = re.compile(r"[^\W\d_]{3,}")


def frequent_words(texts: Iterable[str], most: int) -> list[str]:
    """The `most` words of three letters and more that stand in the most texts, sorted."""
    documents = Counter[str]()
    for text in texts:
        documents.update(set(_WORD.findall(text)))
    ranked = sorted(documents.items(), key=lambda found: (-found[1], found[0]))
    return sorted(word for word, _ in ranked[:most])


def json_tokens() -> list[str]:
    """Whole tokens for the answer's keys and punctuation, longest match first.

    A key comes as `"key":` (before an object, a list or null), `"key":"` (before a string) and
    `"key":null`.
    """
    keys = {"structured_data", "line_items", "payment_terms", "validation_summary"}
    keys |= {"is_valid", "math_verified", "issues", *response.BLOCKS}
    keys |= {*response.VENDOR, *response.CLIENT, *response.SUMMARY, *response.LINE}
    tokens = [f'"{key}":{after}' for key in sorted(keys) for after in ("", '"', "null")]
    # Behind any other key; what starts with `",` must not hide a key's own token.
    tokens += ['":"', '":null', '":[{', '":{', '":']
    return [*tokens, '",', '"}', '"},', '"}]', "},", "}}", "null", "true", "false", "\\n"]


def instruction_words() -> list[str]:
    """Words of the instructions, of the chat template's roles and the names of answer blocks."""
    named = {"User", "Assistant", "as", "line_items", *response.BLOCKS}
    return sorted(named.union(*(_WORD.findall(text) for text in WORDS.values())))


def build(words: Iterable[str]) -> Tokenizer:
    """A tokenizer of the alphabet, the bytes, the JSON tokens, the instructions and `words`."""
    special = [PAD, BOS, EOS]
    byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    symbols = [*special, *byte_tokens, *dict.fromkeys(_ALPHABET)]
    vocabulary = {symbol: index for index, symbol in enumerate(symbols)}
    tokenizer = Tokenizer(
        models.BPE(vocab=vocabulary, merges=[], byte_fallback=True, unk_token=None)
    )
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(special)
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in json_tokens()])
    tokenizer.add_tokens(
        [
            AddedToken(word, normalized=False, single_word=True)
            for word in dict.fromkeys([*instruction_words(), *words])
        ]
    )
    return tokenizer


def copy(source: Path, folder: Path) -> None:
    """Bring the two files of another model: its weights know its numbers alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(source / name, folder / name)


def save(tokenizer: Tokenizer, folder: Path, max_length: int) -> None:
    """Write the two files that transformers and PaddleFormers both read."""
    folder.mkdir(parents=True, exist_ok=True)
    whole, settings = FILES
    write_json(folder / whole, json.loads(tokenizer.to_str()))
    write_json(
        folder / settings,
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "add_prefix_space": False,
            "bos_token": BOS,
            "eos_token": EOS,
            "pad_token": PAD,
            "model_max_length": max_length,
            "clean_up_tokenization_spaces": False,
            "padding_side": "left",
            "chat_template": CHAT_TEMPLATE,
        },
    )
