"""PaddleFormers' own fine-tuning with all that a recipe says: `upstream_worker.py CONFIG BEYOND`.

Started by `launching.py`, one process a device. CONFIG is a YAML of `paddleformers-cli train`,
BEYOND a JSON with what that command line has no key for or drops: the adapter's scale, dropout and
targets, the best weights, the early stop, and where to tell of progress. Two names of upstream's
workflow are replaced, and a version in which these would not be reached is refused at once.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # Paddle's launcher starts a file, not a module
    sys.path[0] = str(Path(__file__).resolve().parents[3])

import yaml

OWNER = "ERNIE_INVOICE_OWNER"
_HOOKS = ("create_peft_model", "SFTTrainer")
_PARAMETERS = ["model_args", "training_args", "dtype", "model"]


def main() -> None:
    """Train; any failure ends the process with a traceback on stderr."""
    config_file, beyond_file = map(Path, sys.argv[1:])
    _end_with_owner()
    config = yaml.safe_load(config_file.read_text(encoding="utf-8"))
    beyond = json.loads(beyond_file.read_text(encoding="utf-8"))
    # paddlecodec ships a folder named torchcodec, which transformers would take for the real one.
    sys.modules.setdefault("torchcodec", None)  # type: ignore[arg-type]
    hook(beyond)
    _prepare_alone()
    from paddleformers.cli.train.tuner import run_tuner

    run_tuner(config)


def _prepare_alone() -> None:
    """Set up what upstream asks for when it goes on from a checkpoint, and makes for several
    processes only."""
    import paddle
    from paddle.distributed import fleet

    if paddle.distributed.get_world_size() == 1:
        fleet.init(is_collective=True, strategy=fleet.DistributedStrategy())


def hook(beyond: dict[str, Any]) -> None:
    """Give upstream's workflow the recipe's adapters and follow its trainer.

    Raises RuntimeError when this version's workflow would not come by.
    """
    import paddleformers.trainer.trainer as trainer_module
    from paddleformers.cli.train.sft import workflow

    unreached = [name for name in _HOOKS if name not in workflow.run_sft.__code__.co_names]
    parameters = list(inspect.signature(workflow.create_peft_model).parameters)
    if unreached or parameters != _PARAMETERS:
        raise RuntimeError(
            "this PaddleFormers runs another workflow than 1.2.0, in which the recipe's adapters "
            f"would be dropped: {unreached or parameters}; pip install paddleformers==1.2.0"
        )
    if not hasattr(trainer_module, "GPTModel"):
        # Without paddlefleet its evaluation of an adapted model asks for a class it never imported.
        trainer_module.GPTModel = type("GPTModel", (), {})
    if beyond["lora"] is not None:
        workflow.create_peft_model = _adapted(beyond["lora"])
    workflow.SFTTrainer = _followed(workflow.SFTTrainer, beyond)


def _adapted(lora: dict[str, Any]) -> Any:
    def create_peft_model(model_args: Any, training_args: Any, dtype: Any, model: Any) -> Any:
        from paddleformers.peft import LoRAConfig, LoRAModel

        config = LoRAConfig(
            **lora,
            tensor_model_parallel_size=training_args.tensor_model_parallel_size,
            dtype=dtype,
            base_model_name_or_path=model_args.model_name_or_path,
        )
        adapted = LoRAModel(model, config)
        adapted.mark_only_lora_as_trainable()
        if hasattr(adapted, "_set_pipeline_name_mapping"):
            adapted._set_pipeline_name_mapping()
        adapted.print_trainable_parameters()
        return adapted

    return create_peft_model


def _followed(trainer: Any, beyond: dict[str, Any]) -> Any:
    from erniekit_finetuning.engines.paddle.upstream_follower import follower

    class FollowedTrainer(trainer):  # type: ignore[misc]
        def __init__(self, *args: Any, callbacks: Any = None, **kwargs: Any) -> None:
            super().__init__(*args, callbacks=[*(callbacks or ()), follower(beyond)], **kwargs)

        def train(self, *args: Any, **kwargs: Any) -> Any:
            config = getattr(self.model, "lora_config", None)
            wrong = {
                name: getattr(config, name, None)
                for name, value in (beyond["lora"] or {}).items()
                if getattr(config, name, None) != value
            }
            if wrong:
                raise RuntimeError(f"the model's adapters are not the recipe's: {wrong}")
            return super().train(*args, **kwargs)

    return FollowedTrainer


def _end_with_owner() -> None:
    """End this process when the one that asked for the training is gone, killed or not."""
    owner = int(os.environ.get(OWNER, "0"))

    def watch() -> None:
        while True:
            time.sleep(2)
            try:
                os.kill(owner, 0)
            except ProcessLookupError:
                os._exit(1)

    if owner:
        threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main()
