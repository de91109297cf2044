"""The tiny model in the two forms that upstream loads, with tokenizers that know every text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tiny_model import LAYERS, random_weights, tiny_config, write_config
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

CONTEXT = 8192
# Upstream's ernie templates put these around turns; <unk>, <s>, </s> have the ids of config.json.
SPECIAL = ["<unk>", "<s>", "</s>", "<|begin_of_sentence|>", "<|end_of_sentence|>"]
# The same dialogue form as PaddleFormers' own template `ernie_nothink`, for ERNIEKit.
CHAT_TEMPLATE = (
    "<|begin_of_sentence|>{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ 'User: ' + message['content'] + '\n' }}"
    "{% elif message['role'] == 'assistant' %}"
    "{{ 'Assistant: ' + message['content'] + '<|end_of_sentence|>' }}"
    "{% else %}{{ message['content'] + '\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}Assistant: {% endif %}"
)


def paddleformers_model(folder: Path) -> Path:
    """Write the model as PaddleFormers 1.2 reads it: Hugging Face's layout, kernels for CPUs."""
    folder.mkdir(parents=True)
    vocabulary = write_byte_tokenizer(folder)
    # The fused kernel exists on GPUs only, and the trainer takes the choice from here alone.
    write_config(folder, tiny_config(vocabulary, CONTEXT) | {"fuse_rms_norm": False})
    weights = random_weights(vocabulary, seed=0)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


def erniekit_model(folder: Path) -> Path:
    """Write the model as ERNIEKit 1.0.1 reads it: Paddle's names, fused matrices, [in, out]."""
    folder.mkdir(parents=True)
    vocabulary = write_sentencepiece_tokenizer(folder)
    config = tiny_config(vocabulary, CONTEXT)
    del config["torch_dtype"]  # ERNIEKit takes a model that has it for torch's and refuses it
    config |= {"architectures": ["Ernie4_5_ForCausalLM"], "scale_qk_coeff": 1.0}
    write_config(folder, config)
    weights = fused(random_weights(vocabulary, seed=0))
    save_file(weights, folder / "model.safetensors", {"format": "np"})
    return folder


def fused(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Rename and join Hugging Face's matrices; [out, in] becomes [in, out]."""
    plain = dict(weights)
    for layer in range(LAYERS):
        for block, whole, parts in (
            ("self_attn", "qkv_proj", ("q_proj", "k_proj", "v_proj")),
            ("mlp", "up_gate_proj", ("gate_proj", "up_proj")),
        ):
            name = f"model.layers.{layer}.{block}"
            taken = [plain.pop(f"{name}.{part}.weight") for part in parts]
            plain[f"{name}.{whole}.weight"] = np.concatenate(taken)
    return {
        name.replace("model.", "ernie.", 1): np.ascontiguousarray(
            matrix.T if "_proj" in name else matrix
        )
        for name, matrix in plain.items()
    }


def write_byte_tokenizer(folder: Path) -> int:
    """Write a tokenizer.json of one token a byte; return the vocabulary's size."""
    tokens = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.save(str(folder / "tokenizer.json"))
    write_tokenizer_config(folder, {"tokenizer_class": "PreTrainedTokenizerFast"})
    return len(tokens)


def write_sentencepiece_tokenizer(folder: Path) -> int:
    """Write a tokenizer.model of ASCII letters and bytes; return the vocabulary's size."""
    import sentencepiece

    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(map(chr, range(33, 127)))]),
        model_prefix=str(folder / "tokenizer"),
        model_type="char",
        vocab_size=len(SPECIAL) + 256 + 94 + 1,  # with the sign for a space
        byte_fallback=True,  # every other character, line breaks included, as its UTF-8 bytes
        user_defined_symbols=SPECIAL[3:],
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (folder / "tokenizer.vocab").unlink()
    write_tokenizer_config(folder, {"tokenizer_class": "Ernie4_5_Tokenizer"})
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    return int(model.vocab_size())


def write_tokenizer_config(folder: Path, tokenizer: dict[str, Any]) -> None:
    settings = tokenizer | {
        "unk_token": "<unk>",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "pad_token": "<unk>",
        "cls_token": "<|begin_of_sentence|>",
        "sep_token": "<|end_of_sentence|>",
        "chat_template": CHAT_TEMPLATE,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")
