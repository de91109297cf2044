"""`erniekit train`: recipes of ours, and ERNIEKit's own files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from upstream.models import paddleformers_model
from upstream.rows import good_rows, write_rows

from erniekit_finetuning.doctor import whose_erniekit
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.native_recipe import in_paddleformers, is_native, read_native

ROOT = Path(__file__).parent.parent


def erniekit(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "erniekit_finetuning.erniekit_cli", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def native_file(folder: Path, **more: Any) -> Path:
    rows = write_rows(folder / "rows.jsonl", good_rows("erniekit")[:4])
    settings = {
        "device": "cpu",
        "stage": "SFT",
        "fine_tuning": "LoRA",
        "lora_rank": 4,
        "lora_alpha": 12,
        "model_name_or_path": str(folder / "model"),
        "train_dataset_path": str(rows),
        "max_seq_len": 1024,
        "output_dir": str(folder / "out"),
        "do_train": True,
        "num_train_epochs": 3,
        "batch_size": 2,
        "logging_steps": 1,
        "learning_rate": 0.01,
        "use_flash_attention": False,
        "fuse_rms_norm": False,
        "fp16_opt_level": "O1",
        "unified_checkpoint": True,
        **more,
    }
    file = folder / "native.yaml"
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return file


def test_a_native_file_is_trained_by_paddleformers(tmp_path: Path) -> None:
    paddleformers_model(tmp_path / "model")
    done = erniekit("train", "--config", str(native_file(tmp_path)), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "handed over to PaddleFormers" in done.stderr
    assert "note: batch_size: 2 is said by per_device_train_batch_size" in done.stderr
    assert done.stdout.strip() == str(tmp_path / "out")
    losses = [
        float(line.split()[-1]) for line in done.stderr.splitlines() if line.startswith("step ")
    ]
    assert len(losses) == 6  # three times over, two of four rows a step
    assert losses[-1] < losses[0] - 1
    adapter = json.loads((tmp_path / "out" / "lora_config.json").read_text(encoding="utf-8"))
    assert (adapter["r"], adapter["lora_alpha"]) == (4, 12)


def test_unknown_keys_of_a_native_file_are_errors(tmp_path: Path) -> None:
    file = native_file(tmp_path, lora_rnk=3, tokenizer_magic=True)
    done = erniekit("train", str(file), "lerning_rate=1e-3", folder=tmp_path)
    assert done.returncode == 2
    for said in ("lora_rnk", "did you mean lora_rank?", "tokenizer_magic", "learning_rate?"):
        assert said in done.stderr


def test_a_native_file_in_paddleformers_keys(tmp_path: Path) -> None:
    file = native_file(tmp_path, tensor_parallel_degree=2, recompute=True)
    native = in_paddleformers(file, read_native(file, ["lora_alpha=-1", "learning_rate=1e-3"]))
    assert native.settings["tensor_model_parallel_size"] == 2
    assert native.settings["recompute_granularity"] == "full"
    assert native.settings["learning_rate"] == 1e-3
    assert native.lora is not None
    assert native.lora["lora_alpha"] == 8  # ERNIEKit's own: twice the rank


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"stage": "DPO"}, "only SFT and VL-SFT"),
        ({"use_cls": True}, "has no place in PaddleFormers"),
    ],
)
def test_what_cannot_be_handed_over(more: dict[str, Any], said: str, tmp_path: Path) -> None:
    file = native_file(tmp_path, **more)
    with pytest.raises(UnusableInput, match=said):
        in_paddleformers(file, read_native(file, []))


def test_labels_that_paddleformers_would_ignore(tmp_path: Path) -> None:
    file = native_file(tmp_path)
    write_rows(tmp_path / "rows.jsonl", good_rows("erniekit"))
    with pytest.raises(UnusableInput, match=r"rows\.jsonl:5: label"):
        in_paddleformers(file, read_native(file, []))


def test_a_recipe_of_ours_needs_an_output_folder(tmp_path: Path) -> None:
    config = ROOT / "configs" / "ernie-4.5-tiny" / "invoice.yaml"
    assert not is_native(config)
    done = erniekit("train", str(config), folder=tmp_path)
    assert done.returncode == 2
    assert "output_dir=FOLDER" in done.stderr


def test_a_recipe_of_ours_is_trained_in_erniekits_grammar(tmp_path: Path) -> None:
    pairs = [
        {
            "conversations": [
                {"role": "human", "content": f"Read {number}."},
                {"role": "assistant", "content": f'{{"total": "{number}.00"}}'},
            ]
        }
        for number in range(8)
    ]
    write_rows(tmp_path / "pairs.jsonl", pairs)
    done = erniekit(
        "train",
        "configs/ernie-4.5-tiny/invoice.yaml",
        "training.max_steps=2",
        "training.warmup_steps=0",
        f"dataset={tmp_path / 'pairs.jsonl'}",
        f"output_dir={tmp_path / 'run'}",
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "adapter").is_dir()
    assert "engine paddle" in done.stderr


def test_whose_command_it_is(tmp_path: Path) -> None:
    script = tmp_path / "erniekit"
    assert whose_erniekit(None) == "none"
    script.write_text("from erniekit_finetuning.erniekit_cli import main", encoding="utf-8")
    assert "ours" in whose_erniekit(str(script))
    script.write_text("from erniekit.cli import main", encoding="utf-8")
    assert "official" in whose_erniekit(str(script))
