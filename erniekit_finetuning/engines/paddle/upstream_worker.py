"""PaddleFormers' own trainer with what its command line drops: `python upstream_worker.py CONFIG`.

The command line fixes alpha at twice the rank, ignores dropout and target modules, and stops never
early. Two names of its workflow are replaced, its LoRAConfig and its SFTTrainer; where it does not
use them the training ends before its first step.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run by path: import from the checkout, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[3])

from erniekit_finetuning.adapters.fusing import FUSED
from erniekit_finetuning.engines.paddle.runtime import import_paddle
from erniekit_finetuning.recipes.model import LoraSection, Recipe


def main(config: Path) -> None:
    """Train `config`, PaddleFormers' file, with the recipe.json that lies beside it."""
    import_paddle()
    recipe = Recipe.model_validate_json((config.parent / "recipe.json").read_text("utf-8"))
    # Evaluating with LoRA and without Paddle's fleet names a class that is then not there.
    import paddleformers.trainer.trainer as trainer_module
    from paddleformers.cli.train.sft import workflow
    from paddleformers.cli.train.tuner import run_tuner
    from paddleformers.utils.log import logger

    if not hasattr(trainer_module, "GPTModel"):
        trainer_module.GPTModel = type("GPTModel", (), {})
    logger.set_level("INFO")
    used: list[str] = []
    workflow.LoRAConfig = lora_config(workflow.LoRAConfig, recipe.lora, used)
    workflow.SFTTrainer = trainer(workflow.SFTTrainer, recipe, used, config.parent)
    sys.argv = ["paddleformers-cli", "train", str(config)]
    run_tuner()


def lora_config(original: Any, lora: LoraSection, used: list[str]) -> Any:
    """What makes a LoRAConfig of the recipe's section, whatever the workflow asks for."""

    def make(**asked: Any) -> Any:
        used.append("LoRAConfig")
        names = paddle_names(lora.target_modules)
        found = [name for name in asked["target_modules"] if any(n in name for n in names)]
        return original(
            **asked
            | {
                "lora_alpha": lora.lora_alpha,
                "lora_dropout": lora.lora_dropout,
                "rslora": lora.use_rslora,
                "target_modules": found,
            }
        )

    return make


def paddle_names(targets: tuple[str, ...]) -> set[str]:
    """Last names that a target may have in Paddle's models: its own, and of what it is fused in."""
    fused = {whole for whole, parts in FUSED.items() if set(parts) & set(targets)}
    return set(targets) | fused


def trainer(original: Any, recipe: Recipe, used: list[str], folder: Path) -> Any:
    """An SFTTrainer that tells its metrics, stops early, and refuses to start without the recipe's
    LoRA."""
    from paddleformers.trainer.trainer_callback import EarlyStoppingCallback, TrainerCallback

    class Telling(TrainerCallback):  # type: ignore[misc]
        def on_log(
            self, args: Any, state: Any, control: Any, logs: Any = None, **more: Any
        ) -> None:
            if args.process_index == 0:
                numbers = {k: v for k, v in (logs or {}).items() if isinstance(v, int | float)}
                with (folder / "told.jsonl").open("a", encoding="utf-8") as file:
                    told = {"step": state.global_step, "epoch": state.epoch, **numbers}
                    file.write(json.dumps(told) + "\n")

    class Trainer(original):  # type: ignore[misc]
        def __init__(self, *positional: Any, callbacks: Any = None, **named: Any) -> None:
            if recipe.lora.enabled and "LoRAConfig" not in used:
                raise RuntimeError("PaddleFormers did not ask for a LoRAConfig: another version?")
            training, more = recipe.training, [Telling()]
            if training.early_stopping_patience is not None:
                more.append(
                    EarlyStoppingCallback(
                        training.early_stopping_patience, training.early_stopping_threshold
                    )
                )
            super().__init__(*positional, callbacks=[*(callbacks or []), *more], **named)

    return Trainer


if __name__ == "__main__":
    main(Path(sys.argv[1]))
