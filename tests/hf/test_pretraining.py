"""Pre-training of the small base model: a tiny one, killed and resumed; its attention."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from erniekit_finetuning.base.corpus import FORMS, exact_key
from erniekit_finetuning.base.drills import Sample
from erniekit_finetuning.base.publish import curve
from erniekit_finetuning.base.tokenizer import FILES

ROOT = Path(__file__).parent.parent.parent


def tiny_recipe(folder: Path, **training: Any) -> Path:
    """The shipped recipe, of a size that trains in seconds."""
    shipped = ROOT / "configs" / "ernie-4.5-tiny" / "pretrain.yaml"
    recipe = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    recipe["model"] |= {"vocab_size": 1024, "hidden_size": 64, "intermediate_size": 96}
    recipe["model"] |= {"num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1}
    generator = str(ROOT / "configs" / "generator" / "pretrain.yaml")
    recipe["corpus"] |= {"generator": generator, "drawn": 6, "held_out": 2, "words": 20}
    recipe["training"] |= {"batch_tokens": 1024, "eval_steps": 10, "checkpoint_steps": 5}
    recipe["training"] |= {"workers": 0, "warmup_steps": 20, "max_seq_len": 2048, "compiled": False}
    recipe["training"] |= training
    folder.mkdir(exist_ok=True)
    file = folder / "pretrain.yaml"
    file.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return file


def pretrain(recipe: Path, run: Path) -> subprocess.Popen[bytes]:
    """Prepared, and started as shells start what runs in the background: deaf to interrupts.

    Else torch's own signal to workers without a parent would hide whether they notice.
    """
    module = [sys.executable, "-m", "erniekit_finetuning.base.prepare"]
    subprocess.run(
        [*module, "--config", str(recipe), "--output", str(run)], check=True, capture_output=True
    )
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

    command += ["--run", str(run), "--output", str(published), "--share"]
    weights = published / "model.safetensors"
    whole = {name: one.clone() for name, one in load_file(weights).items()}  # no longer mapped
    save_file({name: -one for name, one in whole.items()}, weights)
    subprocess.run([*command, "0.75"], check=True, capture_output=True)
    mean = load_file(weights)
    for name, one in whole.items():
        torch.testing.assert_close(mean[name], 0.5 * one, rtol=0.01, atol=1e-4)
    refused = subprocess.run([*command, "0"], check=False, capture_output=True, text=True)
    assert (refused.returncode, "--share" in refused.stderr) == (2, True)
    subprocess.run([*command, "1"], check=True, capture_output=True)

    # Further from there, with the tokenizer of the weights: another run's may number otherwise.
    onward = tmp_path / "onward"
    recipe = tiny_recipe(tmp_path / "b", tokens=3_000, processes=1, initial=str(published))
    started = pretrain(recipe, onward)
    _, errors = started.communicate(timeout=300)
    assert started.returncode == 0, errors.decode()
    assert logged(onward)[0]["loss"] < (losses[0] + losses[-1]) / 2
    for name in FILES:
        assert (onward / "tokenizer" / name).read_bytes() == (published / name).read_bytes()


def test_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    shipped = ROOT / "erniekit_finetuning" / "assets" / "ernie-4.5-tiny"
    recipe = tiny_recipe(tmp_path, tokens=3_000, processes=1, initial=str(shipped))
    started = pretrain(recipe, tmp_path / "run")
    _, errors = started.communicate(timeout=300)
    assert started.returncode == 2
    assert b"vocab_size: a model of other sizes" in errors


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch compiles with g++")
def test_compiled_layers_learn_the_same_on_cpus(tmp_path: Path) -> None:
    losses = []
    for compiled in (False, True):
        folder = tmp_path / str(compiled)
        recipe = tiny_recipe(folder, tokens=3_000, processes=1, bf16=False, compiled=compiled)
        _, errors = pretrain(recipe, folder / "run").communicate(timeout=300)
        losses.append([row["loss"] for row in logged(folder / "run") if "loss" in row])
        assert losses[-1], errors.decode()
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


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


def answers_apart(recipe: Path, folder: Path, packed: bool) -> tuple[float, tuple[int, int]]:
    """How far logits of several rows of several questions are from those of each question alone,
    and how many rows count as right where the labels are what the model would say.
    """
    sys.modules.setdefault("torchcodec", None)  # type: ignore[arg-type]  # as pretrain does
    import torch
    from torch.nn.attention import flex_attention
    from transformers import PreTrainedTokenizerFast

    from erniekit_finetuning.base import drawing, tokenizer
    from erniekit_finetuning.base.batches import Laying, laid_out
    from erniekit_finetuning.base.config import load_pretraining
    from erniekit_finetuning.base.curriculum import TASKS
    from erniekit_finetuning.base.learning import Learner, build_model, exact, tensors
    from erniekit_finetuning.base.rows import Encoder
    from synthetic_invoice_generator.config import load_config

    # Without it torch compiles for CPUs what is meant for GPUs.
    flex_attention._FLEX_ATTENTION_DISABLE_COMPILE_DEBUG = True
    config = load_pretraining(recipe)
    generator = load_config(config.corpus.generator)
    drawn = drawing.documents(generator, 3, 1, 6, "set")  # some lose a value
    documents = sorted(drawn, key=lambda one: len(one.text))[:3]  # they fit into one sequence
    words = tokenizer.frequent_words((one.text for one in documents), 20)
    tokenizer.save(tokenizer.build(words), folder, 4096)
    encode = Encoder(PreTrainedTokenizerFast.from_pretrained(folder))
    rng, tasks = random.Random(1), ("own", "lines", "whole")
    asked = [[TASKS[task](rng, document) for task in tasks] for document in documents]

    def learner(packed: bool) -> Learner:
        torch.manual_seed(1)
        return Learner(build_model(config, encode.tokenizer, packed).double(), bf16=False)

    def logits(some: Learner, rows: list[list[Sample]], packed: bool) -> list[Any]:
        laying = Laying(20_000, 4096, packed)
        batches = [tensors(one) for one in laid_out([encode(row) for row in rows], laying)]
        return [(batch, some.logits(batch)) for batch in batches]

    with torch.no_grad():
        one = learner(False)
        alone = [logits(one, [[sample]], False)[0] for samples in asked for sample in samples]
        labels = torch.cat([batch.labels for batch, _ in alone])
        ((batch, found),) = logits(learner(packed), asked, packed)
        # Rows come in another order: each is looked for by its labels.
        order = sorted(range(len(asked)), key=lambda at: len(encode(asked[at]).ids), reverse=packed)
        wanted = [alone[3 * at + question] for at in order for question in range(3)]
        assert torch.cat([one.labels for one, _ in wanted]).equal(batch.labels)
        apart = float((found - torch.cat([told for _, told in wanted])).abs().max())
        said = batch._replace(labels=found.argmax(-1))
        said.labels[:3] += 1
        assert len(labels) == len(said.labels)
        return apart, exact(learner(packed), [said])


@pytest.mark.parametrize("packed", [False, True])
def test_questions_asked_at_once_are_answered_as_each_alone(
    torch_process: ProcessPoolExecutor, tmp_path: Path, packed: bool
) -> None:
    recipe = tiny_recipe(tmp_path, tokens=1)
    job = torch_process.submit(answers_apart, recipe, tmp_path / "t", packed)
    apart, (right, rows) = job.result()
    assert apart < 1e-6
    assert (right, rows) == (2, 3)
