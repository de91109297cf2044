"""Others' trainers on our rows, as their users run them: `paddleformers-cli train` and TRL.

Each function trains one epoch and returns the seconds of its steps after the first, which warms up.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

TRL = """
import json, sys, time
sys.modules.setdefault("torchcodec", None)
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer
spec = json.loads(sys.argv[1])
rows = [json.loads(line) for line in open(spec["rows"], encoding="utf-8")]
data = Dataset.from_list(
    [{"prompt": r["messages"][:-1], "completion": r["messages"][-1:]} for r in rows]
)
class Clock(TrainerCallback):
    ends = []
    def on_step_end(self, *unused, **more):
        self.ends.append(time.monotonic())
clock = Clock()
trainer = SFTTrainer(
    model=AutoModelForCausalLM.from_pretrained(spec["model"]),
    processing_class=AutoTokenizer.from_pretrained(spec["model"]),
    train_dataset=data,
    # Recomputing is TRL's default and would slow it down; bfloat16 has no speed on this CPU.
    args=SFTConfig(
        output_dir=spec["output"], use_cpu=True, bf16=False, gradient_checkpointing=False,
        per_device_train_batch_size=spec["batch"], num_train_epochs=1, learning_rate=1e-3,
        max_length=spec["length"], logging_steps=1, save_strategy="no", report_to="none",
        disable_tqdm=True,
    ),
    peft_config=LoraConfig(
        r=spec["rank"], lora_alpha=2 * spec["rank"], target_modules=spec["targets"]
    ),
    callbacks=[clock],
)
trainer.train()
print("SECONDS" + json.dumps([clock.ends[-1] - clock.ends[0]]))
"""


def trl(spec: dict[str, Any]) -> float:
    """Seconds of TRL's SFTTrainer."""
    log = _run([sys.executable, "-c", TRL, json.dumps(spec)])
    return float(json.loads(re.findall("^SECONDS(.*)$", log, re.MULTILINE)[-1])[0])


def paddleformers(spec: dict[str, Any]) -> float:
    """Seconds of `paddleformers-cli train`."""
    output = Path(spec["output"])
    output.mkdir(parents=True, exist_ok=True)
    settings = {
        "device": "cpu",
        "compute_type": "float32",  # there is no bfloat16 product on CPUs
        "fp16_opt_level": "O1",
        "amp_master_grad": False,
        "_attn_implementation": "sdpa",  # the default, flashmask, exists on GPUs only
        "stage": "SFT",
        "fine_tuning": "LoRA",
        "lora_rank": spec["rank"],
        "template_backend": "jinja",
        "template": None,
        "model_name_or_path": spec["model"],
        "train_dataset_type": "messages",
        "train_dataset_path": spec["rows"],
        "train_dataset_prob": "1.0",
        "max_seq_len": spec["length"],
        "output_dir": str(output / "adapter"),
        "do_train": True,
        "num_train_epochs": 1,
        "learning_rate": 1e-3,
        "per_device_train_batch_size": spec["batch"],
        "gradient_accumulation_steps": 1,
        "logging_steps": 1,
        "save_strategy": "no",
        "dataloader_num_workers": 0,
    }
    config = output / "train.yaml"
    config.write_text(yaml.safe_dump({k: v for k, v in settings.items() if v is not None}))
    log = _run([sys.executable, "-m", "paddleformers.cli.launcher", "train", str(config)])
    times = [float(x) for x in re.findall(r"interval_runtime: ([\d.]+)", log)]
    if len(times) < 3:
        raise RuntimeError(f"paddleformers did not train:\n{log[-3000:]}")
    return sum(times[1:])


def _run(command: list[str]) -> str:
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "0"}  # paddleformers' CLI needs it
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    log = done.stdout + done.stderr
    if done.returncode:
        raise RuntimeError(log[-3000:])
    return log
