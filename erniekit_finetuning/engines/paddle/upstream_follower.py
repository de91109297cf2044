"""A callback of PaddleFormers' trainer: tells of progress, keeps the best weights, stops early.

Upstream has a callback that stops early, too, but it needs upstream to load the best weights at the
end, which with LoRA and its default checkpoints it does not find and only warns.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from erniekit_finetuning.files import write_json


def follower(beyond: dict[str, Any]) -> Any:
    """The callback for what `launching.py` wrote."""
    import paddle
    from paddleformers.trainer.trainer_callback import TrainerCallback

    leads = paddle.distributed.get_rank() == 0
    progress = Path(beyond["progress"])
    best = Path(beyond["best"])
    record_file = best.with_name("best.json")
    patience, threshold = beyond["patience"], beyond["threshold"]

    def tell(**line: Any) -> None:
        if leads:
            with progress.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def keep(model: Any) -> None:
        aside = best.with_name("best.part")
        if leads:
            shutil.rmtree(aside, ignore_errors=True)
        _wait(paddle)
        model.save_pretrained(str(aside), merge_tensor_parallel=True, save_model_config=False)
        _wait(paddle)
        if leads:
            shutil.rmtree(best, ignore_errors=True)
            aside.rename(best)

    class Follower(TrainerCallback):  # type: ignore[misc]
        def on_log(
            self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any
        ) -> None:
            names = {
                "loss": "loss",
                "eval_loss": "eval_loss",
                "learning_rate": "learning_rate",
                "interval_tokens_per_second_per_device": "tokens_per_second",
            }
            told = {ours: float(logs[its]) for its, ours in names.items() if its in logs}
            if told.keys() & {"loss", "eval_loss"}:
                tell(step=state.global_step, epoch=float(state.epoch or 0), **told)

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            tell(done=state.global_step, total=state.max_steps)
            if state.global_step >= state.max_steps and args.do_eval:
                control.should_evaluate = True  # the last weights may be the best

        def on_evaluate(
            self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any
        ) -> None:
            loss = float(metrics["eval_loss"])
            record = _read(record_file)
            if state.global_step <= record["last"]:  # repeated after a killed training went on
                return
            lowest = record["eval_loss"]
            lowered = lowest is None or loss < lowest
            enough = lowest is None or loss < lowest - threshold
            record["unimproved"] = 0 if enough else record["unimproved"] + 1
            record["last"] = state.global_step
            if lowered:
                record |= {"eval_loss": loss, "step": state.global_step}
                if beyond["keep_best"]:
                    keep(kwargs["model"])
            stop = patience is not None and record["unimproved"] >= patience
            record["stopped"] = bool(stop)
            _wait(paddle)
            if leads:
                write_json(record_file, record)
            if stop:
                control.should_training_stop = True

    return Follower()


def _read(file: Path) -> dict[str, Any]:
    if file.is_file():
        record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return record
    return {"eval_loss": None, "step": 0, "unimproved": 0, "last": 0, "stopped": False}


def _wait(paddle: Any) -> None:
    if paddle.distributed.get_world_size() > 1:
        paddle.distributed.barrier()
