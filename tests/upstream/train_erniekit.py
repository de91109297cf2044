"""One epoch of a few rows through ERNIEKit 1.0.1's own command line, on a CPU."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from upstream.rows import longest, read_rows
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
# ERNIEKit's trainer does not show what it makes of a row; its reader alone can be asked.
READ = """
import json, sys
from ernie.dataset.finetuning import create_dataset
from ernie.tokenizer import Ernie4_5_Tokenizer
file, kind, model, length = sys.argv[1:]
tokenizer = Ernie4_5_Tokenizer.from_pretrained(model)
packs = create_dataset(
    task_group=file, task_group_prob="1.0", sub_dataset_type=kind, tokenizer=tokenizer,
    max_seq_len=int(length), num_samples_each_epoch=1, is_valid=True, random_seed=0,
    random_shuffle=False, greedy_intokens=False,
)
for row in (row for pack in packs for row in pack):
    answer = [token for token, trained in zip(row.labels, row.loss_mask) if trained]
    texts = [tokenizer.decode(ids, skip_special_tokens=False) for ids in (row.token_ids, answer)]
    print("ROW" + json.dumps(texts))
"""


def train_one_step(
    data_file: Path,
    kind: str,
    model: Path,
    output: Path,
    timeout: float = TIMEOUT,
    recipe: Mapping[str, Any] | None = None,
) -> Result:
    """Train on a data file of kind `erniekit` or `alpaca`, once over, four sequences a step.

    `recipe` holds other settings than this module's, to train with on these files. The data file's
    path must hold no space or comma: upstream takes it apart there.
    """
    output.mkdir(parents=True)
    config = output / "train.yaml"
    settings = _settings(data_file, kind, model, output / "adapter")
    if recipe is not None:
        files = ("model_name_or_path", "train_dataset_path", "output_dir", "max_seq_len")
        settings = {**recipe, **{name: settings[name] for name in files}}
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    programs = Path(sys.executable).parent
    environment = {
        "CUDA_VISIBLE_DEVICES": "0",  # without it the command line builds an argument of nothing
        "MASTER_PORT": str(_free_port()),  # else 8080, which others like, too
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",  # it starts whatever `python` is
    }
    command = [str(programs / "erniekit"), "train", str(config)]
    code, log = run_to_end(command, output, environment, timeout)
    complaints = ("Skip loading error", "Skip parsing error", "Fail to load file", "[SKIP]")
    return Result(
        exit_code=code,
        log=log,
        samples=number_in(log, r"ori number of examples: (\d+)"),
        refusals=lines_with(log, *complaints),
        losses=losses_in(log),
        texts=_texts_read(data_file, kind, model, output / "read", timeout),
    )


def _texts_read(
    data_file: Path, kind: str, model: Path, output: Path, timeout: float
) -> tuple[tuple[str, str], ...]:
    length = str(longest(data_file) + TEMPLATE_ROOM)
    command = [sys.executable, "-c", READ, str(data_file), kind, str(model), length]
    _, log = run_to_end(command, output, {}, timeout)
    rows = re.findall("^ROW(.*)$", log, re.MULTILINE)
    return tuple((whole, trained) for whole, trained in map(json.loads, rows))


def _settings(data_file: Path, kind: str, model: Path, adapter: Path) -> dict[str, Any]:
    on_cpu = {
        "device": "cpu",
        "fp16_opt_level": "O1",
        "fuse_rms_norm": False,
        "fuse_rope": False,
        "use_flash_attention": False,
        "use_attn_mask_start_row_indices": False,
    }
    return on_cpu | {
        "stage": "SFT",
        "fine_tuning": "LoRA",
        "lora_rank": 4,
        "model_name_or_path": str(model),
        "train_dataset_type": kind,
        "train_dataset_path": str(data_file),
        "train_dataset_prob": "1.0",
        "max_seq_len": longest(data_file) + TEMPLATE_ROOM,
        # The default, six million, is a list in memory with each row many times over.
        "num_samples_each_epoch": len(read_rows(data_file)),
        "output_dir": str(adapter),
        "unified_checkpoint": True,
        "do_train": True,
        "num_train_epochs": 1,
        "batch_size": ROWS_A_STEP,  # per_device_train_batch_size is overwritten by it
        "gradient_accumulation_steps": 1,
        "logging_steps": 1,
        "dataloader_num_workers": 0,
    }


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
