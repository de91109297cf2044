"""One epoch of a few rows through PaddleFormers 1.2's own command line, on a CPU."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import yaml

from upstream.rows import longest
from upstream.running import (
    TEMPLATE_ROOM,
    TIMEOUT,
    Result,
    lines_with,
    losses_in,
    number_in,
    run_to_end,
)

ROWS_A_STEP = 4
ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "0",  # without it the command line builds an argument of nothing
    "FLAGS_enable_dataset_debug": "true",  # prints what each row becomes
}
SHOWN = re.compile(
    r"\[dataset debug\] input: (.*?)\n=====.*?\[dataset debug\] labels: (.*?)\n=====", re.DOTALL
)


def train_one_step(
    data_file: Path, kind: str, model: Path, output: Path, timeout: float = TIMEOUT
) -> Result:
    """Train on a data file of kind `messages` or `erniekit`, once over, four rows a step.

    The file's path must hold no space, comma or #: upstream takes it apart there.
    """
    output.mkdir(parents=True)
    config = output / "train.yaml"
    settings = _settings(data_file, kind, model, output / "adapter")
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    command = [sys.executable, "-m", "paddleformers.cli.launcher", "train", str(config)]
    code, log = run_to_end(command, output, ENVIRONMENT, timeout)
    return Result(
        exit_code=code,
        log=log,
        samples=number_in(log, r"train_dataset\.max_estimate_samples: (\d+)"),
        refusals=lines_with(log, "preprocess data error", "Error processing example", "[SKIP]"),
        losses=losses_in(log),
        texts=tuple(dict.fromkeys(SHOWN.findall(log))),
    )


def _settings(data_file: Path, kind: str, model: Path, adapter: Path) -> dict[str, Any]:
    on_cpu = {
        "device": "cpu",
        "compute_type": "float32",  # there is no bfloat16 product on CPUs
        "fp16_opt_level": "O1",
        "amp_master_grad": False,
        "_attn_implementation": "eager",  # the default, flashmask, exists on GPUs only
    }
    return on_cpu | {
        "stage": "SFT",
        "fine_tuning": "LoRA",
        "lora_rank": 4,
        "template": "ernie_nothink",
        "model_name_or_path": str(model),
        "train_dataset_type": kind,
        "train_dataset_path": str(data_file),
        "train_dataset_prob": "1.0",
        "max_seq_len": longest(data_file) + TEMPLATE_ROOM,
        "output_dir": str(adapter),
        "do_train": True,
        "num_train_epochs": 1,  # with max_steps it would not count the rows
        "per_device_train_batch_size": ROWS_A_STEP,
        "gradient_accumulation_steps": 1,
        "logging_steps": 1,
        "dataloader_num_workers": 0,
    }
