"""Tiny models of the architectures that are too large for a test: `python standins.py KIND FOLDER`.

Made by transformers itself, in a process without Paddle, with the character tokenizer.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

SPECIAL = {
    "image_token": "<|IMAGE|>",
    "image_start_token": "<|START|>",
    "image_end_token": "<|END|>",
    "video_token": "<|VIDEO|>",
    "video_start_token": "<|VSTART|>",
    "video_end_token": "<|VEND|>",
}
TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}User: "
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}"
    "<|START|><|IMAGE|><|END|>{% else %}{{ part['text'] }}{% endif %}{% endfor %}"
    "\nAssistant: {% else %}{% for part in message['content'] %}{{ part['text'] }}{% endfor %}"
    "</s>{% endif %}{% endfor %}"
)
TEXT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.2,  # of transformers' 0.02 every token is about as likely
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
EXPERTS = {
    "moe_num_experts": 4, "moe_k": 2, "moe_num_shared_experts": 1, "moe_layer_start_index": 1,
    "moe_layer_interval": 1, "moe_layer_end_index": 1,
}  # fmt: skip


def main(kind: str, folder: Path) -> None:
    sys.modules.setdefault("torchcodec", None)  # type: ignore[arg-type]
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import torch
    import transformers
    from tiny_model import write_character_tokenizer

    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = write_character_tokenizer(folder)
    if kind == "ernie4_5_moe":
        config: Any = transformers.Ernie4_5_MoeConfig(
            vocab_size=vocabulary, moe_intermediate_size=16, **TEXT, **EXPERTS
        )
        transformers.Ernie4_5_MoeForCausalLM(config).save_pretrained(str(folder))
        return
    tokenizer = with_image_tokens(folder)
    ids = {name: tokenizer.convert_tokens_to_ids(token) for name, token in SPECIAL.items()}
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]}
    if kind == "paddleocr_vl":
        config = transformers.PaddleOCRVLConfig(
            text_config=TEXT | {
                "vocab_size": len(tokenizer), "head_dim": 8, "rope_parameters": rope
            },
            vision_config={
                "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
                "num_attention_heads": 2, "image_size": 56, "patch_size": 14,
            },
            image_token_id=ids["image_token"],
            video_token_id=ids["video_token"],
            vision_start_token_id=ids["image_start_token"],
            vision_end_token_id=ids["image_end_token"],
        )  # fmt: skip
        transformers.PaddleOCRVLForConditionalGeneration(config).save_pretrained(str(folder))
        pixels = transformers.PaddleOCRVLImageProcessor(min_pixels=28 * 28, max_pixels=56 * 56)
    else:
        config = transformers.Ernie4_5_VLMoeConfig(
            text_config=TEXT | {
                "vocab_size": len(tokenizer), "head_dim": 8, "rope_parameters": rope,
                "moe_intermediate_size": [16, 16], "moe_num_experts": 4, "moe_k": 2,
                "moe_num_shared_experts": 1, "num_hidden_layers": 3,
                # Not the last: there no later token would see how an image was routed.
                "mlp_layer_types": ["dense", "sparse", "dense"],
            },
            vision_config={
                "hidden_size": 16, "intermediate_size": 32, "depth": 1, "num_heads": 2,
                "patch_size": 14, "rms_norm_eps": 1e-6,
            },
            image_start_token_id=ids["image_start_token"],
            image_end_token_id=ids["image_end_token"],
            image_token_id=ids["image_token"],
            video_start_token_id=ids["video_start_token"],
            video_end_token_id=ids["video_end_token"],
            video_token_id=ids["video_token"],
        )  # fmt: skip
        transformers.Ernie4_5_VLMoeForConditionalGeneration(config).save_pretrained(str(folder))
        size = {"shortest_edge": 56 * 56, "longest_edge": 84 * 84}
        pixels = transformers.Ernie4_5_VLMoeImageProcessor(size=size)
    pixels.save_pretrained(str(folder))
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(str(folder))


def with_image_tokens(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(folder), extra_special_tokens=SPECIAL)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
