"""A 2-layer random ERNIE-4.5 with a character tokenizer, in the Hugging Face layout.

Small enough to train in a second, laid out like the real ones: config.json, model.safetensors with
[out, in] weights, tokenizer.json and tokenizer_config.json.
"""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models

HIDDEN, FEED_FORWARD, LAYERS, HEADS, KV_HEADS, HEAD_DIM = 32, 64, 2, 4, 2, 8
CHAT_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ 'User: ' + message['content'] + '\nAssistant: ' }}"
    "{% else %}{{ message['content'] + '</s>' }}{% endif %}{% endfor %}"
)


def build_tiny_model(folder: Path, seed: int = 0, context: int = 256) -> Path:
    """Write the model into `folder` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = write_character_tokenizer(folder)
    write_config(folder, tiny_config(vocabulary, context))
    save_file(random_weights(vocabulary, seed), folder / "model.safetensors", {"format": "pt"})
    return folder


def tiny_config(vocabulary: int, context: int) -> dict[str, Any]:
    """What config.json says of the model."""
    return {
        "architectures": ["Ernie4_5ForCausalLM"],
        "model_type": "ernie4_5",
        "vocab_size": vocabulary,
        "hidden_size": HIDDEN,
        "intermediate_size": FEED_FORWARD,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "head_dim": HEAD_DIM,
        "max_position_embeddings": context,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "hidden_act": "silu",
        "use_bias": False,
        "tie_word_embeddings": True,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "torch_dtype": "float32",
    }


def write_config(folder: Path, config: dict[str, Any]) -> None:
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


def write_character_tokenizer(folder: Path) -> int:
    """Write one token a printable ASCII character; return the vocabulary's size."""
    tokens = ["<unk>", "<s>", "</s>", *sorted(set(string.printable))]
    tokenizer = Tokenizer(
        models.BPE({t: i for i, t in enumerate(tokens)}, merges=[], unk_token="<unk>")
    )
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": "<unk>",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "pad_token": "<unk>",
        "chat_template": CHAT_TEMPLATE,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")
    return len(tokens)


def random_weights(vocabulary: int, seed: int) -> dict[str, np.ndarray]:
    """Normal weights, under Hugging Face's names and [out, in] layout."""
    generator = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return generator.normal(0, 0.1, shape).astype(np.float32)

    # Tied to the output layer: smaller ones could not tell one letter from another.
    weights = {"model.embed_tokens.weight": 4 * normal(vocabulary, HIDDEN)}
    weights["model.norm.weight"] = np.ones(HIDDEN, np.float32)
    for layer in range(LAYERS):
        name = f"model.layers.{layer}"
        weights |= {
            f"{name}.self_attn.q_proj.weight": normal(HEADS * HEAD_DIM, HIDDEN),
            f"{name}.self_attn.k_proj.weight": normal(KV_HEADS * HEAD_DIM, HIDDEN),
            f"{name}.self_attn.v_proj.weight": normal(KV_HEADS * HEAD_DIM, HIDDEN),
            f"{name}.self_attn.o_proj.weight": normal(HIDDEN, HEADS * HEAD_DIM),
            f"{name}.mlp.gate_proj.weight": normal(FEED_FORWARD, HIDDEN),
            f"{name}.mlp.up_proj.weight": normal(FEED_FORWARD, HIDDEN),
            f"{name}.mlp.down_proj.weight": normal(HIDDEN, FEED_FORWARD),
            f"{name}.input_layernorm.weight": np.ones(HIDDEN, np.float32),
            f"{name}.post_attention_layernorm.weight": np.ones(HIDDEN, np.float32),
        }
    return weights
