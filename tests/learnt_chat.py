"""A run whose adapter knows four answers by heart, for tests that talk with it."""

from __future__ import annotations

from pathlib import Path

from tiny_model import build_tiny_model

from erniekit_finetuning.engines import Example
from erniekit_finetuning.mixing import Split
from erniekit_finetuning.recipes import Recipe
from erniekit_finetuning.training import train

LONG = "the quick brown fox jumps over a lazy dog, which waits for supper; both go home by night"
LEARNT = {"say alpha": "ahpla", "say beta": "ateb", "be bold": "<b>x</b>", "tell me more": LONG}


def learn(folder: Path) -> Path:
    """Train into folder/run, on a base in folder/tiny; give the run."""
    base = build_tiny_model(folder / "tiny", context=2048)
    recipe = Recipe.model_validate(
        {
            "model": {"name_or_path": str(base)},
            "lora": {"r": 16, "lora_alpha": 32},
            "data": {"max_seq_len": 256, "validation_share": 0},
            "training": {
                "max_steps": 140,
                "learning_rate": 0.02,
                "per_device_train_batch_size": 4,
                "logging_steps": 20,
                "save_steps": 140,
            },
        }
    )
    examples = [Example.ask(*one) for one in LEARNT.items()]
    train(recipe, Split(examples, []), folder / "run")
    return folder / "run"
