"""Pre-training of the small base model: a tiny one, killed and resumed; its attention."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from erniekit_finetuning.base.corpus import FORMS, exact_key
from erniekit_finetuning.base.drills import Sample
from erniekit_finetuning.base.publish import curve

ROOT = Path(__file__).parent.parent.parent


def tiny_recipe(folder: Path, **training: Any) -> Path:
    """The shipped recipe, of a size that trains in seconds."""
    shipped = ROOT / "configs" / "ernie-4.5-tiny" / "pretrain.yaml"
    recipe = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    recipe["model"] |= {"vocab_size": 1024, "hidden_size": 64, "intermediate_size": 96}
    recipe["model"] |= {"num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1}
    generator = str(ROOT / "configs" / "generator" / "pretrain.yaml")
    recipe["corpus"] |= {"generator": generator, "drawn": 6, "set": 30, "held_out": 2, "words": 20}
    recipe["training"] |= {"batch_tokens": 1024, "eval_steps": 10, "checkpoint_steps": 5} | training
    file = folder / "pretrain.yaml"
    file.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return file


def pretrain(recipe: Path, run: Path) -> subprocess.Popen[bytes]:
    """Started as shells start what runs in the background: it does not hear interrupts.

    Else torch's own signal to workers without a parent would hide whether they notice.
    """
    command = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", sys.executable]
    command += ["-m", "erniekit_finetuning.base.pretrain"]
    return subprocess.Popen(
        [*command, "--config", str(recipe), "--output", str(run)],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def logged(run: Path) -> list[dict[str, float]]:
    file = run / "metrics.jsonl"
    return [json.loads(row) for row in file.read_text().splitlines()] if file.exists() else []


def test_a_killed_run_goes_on_and_its_model_is_published(tmp_path: Path) -> None:
    run, recipe = tmp_path / "run", tiny_recipe(tmp_path, tokens=300_000, processes=2)
    first = pretrain(recipe, run)
    until = time.monotonic() + 180
    while not (run / "checkpoint" / "state.json").exists():
        assert first.poll() is None, first.stderr and first.stderr.read().decode()
        assert time.monotonic() < until
        time.sleep(0.2)
    first.send_signal(signal.SIGKILL)
    first.wait()
    time.sleep(3)  # the workers notice that nobody waits for them
    at = len(logged(run))
    state = json.loads((run / "checkpoint" / "state.json").read_text())
    time.sleep(2)
    assert len(logged(run)) == at, "a worker goes on without its parent"
    assert not (run / "model").exists(), "half a run left a model"

    second = pretrain(recipe, run)
    _, errors = second.communicate(timeout=300)
    assert second.returncode == 0, errors.decode()
    rows = logged(run)
    assert rows[-1]["tokens"] >= 300_000
    assert rows[at]["step"] > state["step"]
    losses = [row["loss"] for row in rows if "loss" in row]
    assert losses[-1] < losses[0]
    for name in ("loss", *map(exact_key, FORMS)):
        tokens, values = curve(rows, name)
        assert len(tokens) == len(values) > 3, name

    published = tmp_path / "published"
    command = [sys.executable, "-m", "erniekit_finetuning.base.publish"]
    subprocess.run(
        [*command, "--run", str(run), "--output", str(published)], check=True, capture_output=True
    )
    names = {file.name for file in published.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "curve.png"} <= names


def test_workers_make_the_batches_of_a_run(tmp_path: Path) -> None:
    run, recipe = tmp_path / "run", tiny_recipe(tmp_path, tokens=40_000, processes=1, workers=2)
    _, errors = pretrain(recipe, run).communicate(timeout=300)
    assert (run / "model" / "model.safetensors").exists(), errors.decode()
    assert logged(run)[-1]["tokens"] >= 40_000


def attention_apart(length: int, groups: int, shared: int) -> list[float]:
    """The largest differences to torch's attention; two branches after `shared` tokens."""
    import torch

    from erniekit_finetuning.base.attention import _attend

    torch.manual_seed(length)
    q = torch.randn(2, 4, length, 16, dtype=torch.float64, requires_grad=True)
    k, v = (
        torch.randn(2, groups, length, 16, dtype=torch.float64, requires_grad=True) for _ in "kv"
    )
    told = torch.randn(2, 4, length, 16, dtype=torch.float64)
    at = torch.arange(length)
    half = (length - shared) // 2
    branches = (at >= shared).int() + (at >= shared + half).int()
    seen = (at[:, None] >= at) & ((branches == 0) | (branches == branches[:, None]))
    ours, _ = _attend(
        None, q, k, v, None, 0.25, branches.expand(2, -1) if shared < length else None
    )
    theirs = torch.nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=seen, scale=0.25, enable_gqa=True
    )
    grads = [
        torch.autograd.grad((out * told).sum(), (q, k, v)) for out in (ours.transpose(1, 2), theirs)
    ]
    pairs = [(ours.transpose(1, 2), theirs), *zip(*grads, strict=True)]
    return [float((one - other).abs().max()) for one, other in pairs]


@pytest.mark.parametrize(
    ("length", "groups", "shared"),
    [
        (1, 4, 1),
        (255, 4, 255),
        (256, 4, 256),
        (700, 4, 700),
        (300, 2, 300),
        (700, 4, 300),
        (90, 2, 5),
    ],
)
def test_attention_and_its_gradients_are_torchs(
    torch_process: ProcessPoolExecutor, length: int, groups: int, shared: int
) -> None:
    assert max(torch_process.submit(attention_apart, length, groups, shared).result()) < 1e-9


def questions_apart(recipe: Path, folder: Path) -> float:
    """How far the logits of answers to several questions are from those of each one alone."""
    sys.modules.setdefault("torchcodec", None)  # type: ignore[arg-type]  # as pretrain does
    import torch
    from transformers import PreTrainedTokenizerFast

    from erniekit_finetuning.base import corpus, tokenizer
    from erniekit_finetuning.base.batches import IGNORED, Encoder, pad
    from erniekit_finetuning.base.config import load_pretraining
    from erniekit_finetuning.base.curriculum import TASKS
    from erniekit_finetuning.base.learning import build_model
    from synthetic_invoice_generator.config import load_config

    config = load_pretraining(recipe)
    (document,) = corpus.documents(load_config(config.corpus.generator), 3, 1, 1, "set")
    tokenizer.save(tokenizer.build(tokenizer.frequent_words([document.text], 20)), folder, 4096)
    tokens = PreTrainedTokenizerFast.from_pretrained(folder)
    encode, rng = Encoder(tokens), random.Random(1)
    samples = [TASKS[task](rng, document) for task in ("own", "lines", "whole")]
    torch.manual_seed(1)
    model = build_model(config, tokens).double()

    def answers(asked: list[Sample]) -> Any:
        batch = pad([encode(asked)])
        logits = model(
            input_ids=torch.tensor(batch.ids),
            position_ids=torch.tensor(batch.positions),
            branches=torch.tensor(batch.branches),
            use_cache=False,
        ).logits[0]
        return logits[torch.tensor(batch.labels[0]) != IGNORED]

    with torch.no_grad():
        alone = torch.cat([answers([sample]) for sample in samples])
        return float((answers(samples) - alone).abs().max())


def test_questions_asked_at_once_are_answered_as_each_alone(
    torch_process: ProcessPoolExecutor, tmp_path: Path
) -> None:
    recipe = tiny_recipe(tmp_path, tokens=1)
    assert torch_process.submit(questions_apart, recipe, tmp_path / "t").result() < 1e-9
