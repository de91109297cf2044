"""Tokens a second of LoRA training, ours beside `paddleformers-cli train` and TRL, interleaved.

    python benchmarks/bench_training.py [--rounds 3] [--lengths 512 2048]

All train the shipped small model on the same rows, one epoch, with the same LoRA on every matrix of
the decoder, each in processes of its own, as its users run it. Counted are real tokens, without
padding, over the time of all steps but the first. Ours packs documents; the others pad batches, as
they do by default. Prints one JSON object: medians and ratios of each round.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import training_peers

from erniekit_finetuning.engines.batches import padding_share, sequences
from erniekit_finetuning.engines.encoding import Encoder
from erniekit_finetuning.engines.processes import train_apart
from erniekit_finetuning.engines.protocol import Example, Message
from erniekit_finetuning.files import write_jsonl
from erniekit_finetuning.recipes.model import ALL_TARGETS, Recipe
from erniekit_finetuning.recipes.models import resolve_model

BATCH, RANK = 4, 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lengths", type=int, nargs="+", default=[512, 2048])
    parser.add_argument("--tokens", type=int, default=40_000)
    options = parser.parse_args()
    told = {}
    with tempfile.TemporaryDirectory() as held:
        model = local_model(Path(held) / "model")
        for length in options.lengths:
            told[str(length)] = compare(Path(held) / str(length), model, length, options)
    print(json.dumps(told, indent=2))


def local_model(folder: Path) -> Path:
    """The shipped model with what PaddleFormers needs said on a CPU."""
    shutil.copytree(resolve_model("ernie-4.5-tiny"), folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"fuse_rms_norm": False}))
    return folder


def compare(folder: Path, model: Path, length: int, options: Any) -> dict[str, Any]:
    from transformers import AutoTokenizer

    encoder = Encoder(AutoTokenizer.from_pretrained(str(model)))
    examples = documents(encoder, length, options.tokens)
    rows = folder / "rows.jsonl"
    write_jsonl(
        rows,
        (
            {"messages": [{"role": m.role, "content": m.content} for m in example.messages]}
            for example in examples
        ),
    )
    lengths = [len(row.tokens) for row in encoder.all(examples, length)]
    spec = {
        "model": str(model), "rows": str(rows), "length": length, "batch": BATCH, "rank": RANK,
        "targets": list(ALL_TARGETS),
    }  # fmt: skip
    contenders: dict[str, Callable[[dict[str, Any]], float]] = {
        "paddle": lambda spec: ours("paddle", spec, examples),
        "paddleformers": lambda spec: training_peers.paddleformers(spec) / share(lengths, BATCH),
        "hf": lambda spec: ours("hf", spec, examples),
        "trl": lambda spec: training_peers.trl(spec) / share(lengths, BATCH),
    }
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(options.rounds):
        for name, run in contenders.items():
            seconds = run(spec | {"output": str(folder / f"{name}{number}")})
            speeds[name].append(sum(lengths) / seconds)
            print(f"{length} {name}: {speeds[name][-1]:.0f} tokens/s", file=sys.stderr)
    packed = sequences(lengths, length, 0, 0)
    return {
        "documents": len(lengths),
        "tokens": sum(lengths),
        "padding_in_batches": round(padding_share(lengths, BATCH, 0), 3),
        "padding_packed": round(1 - sum(lengths) / (len(packed) * length), 3),
        "padding_computed": 0.0,  # a pack is computed at its own length
        "tokens_per_second": {name: round(statistics.median(v)) for name, v in speeds.items()},
        "paddle_to_paddleformers": ratios(speeds["paddle"], speeds["paddleformers"]),
        "paddle_to_trl": ratios(speeds["paddle"], speeds["trl"]),
        "hf_to_trl": ratios(speeds["hf"], speeds["trl"]),
    }


def share(lengths: list[int], batch: int) -> float:
    """The share of an epoch's tokens in the steps after the first, on average."""
    steps = -(-len(lengths) // batch)
    return (steps - 1) / steps


def ratios(ours: list[float], others: list[float]) -> list[float]:
    return [round(a / b, 2) for a, b in zip(ours, others, strict=True)]


def tokens_of(encoder: Encoder, text: str) -> int:
    return len(encoder.prompt([Message("user", text)]))


def documents(encoder: Encoder, length: int, tokens: int) -> list[Example]:
    """Made-up documents of a quarter to all of `length` tokens, a third of them the answer."""
    generator = np.random.default_rng(length)
    line = "Total 1,204.50 EUR due 2024-03-01\n"
    per_line = (tokens_of(encoder, line * 20) - tokens_of(encoder, "")) / 20
    made: list[Example] = []
    total = 0.0
    while total < tokens or len(made) % BATCH:
        wanted = generator.uniform(0.25, 0.95) * length
        lines = max(3, int(wanted / per_line))
        answer = line * (lines // 3)
        made.append(Example.ask(f"{len(made)} {line * (lines - lines // 3)}", answer))
        total += wanted
    return made


def ours(engine: str, spec: dict[str, Any], examples: list[Example]) -> float:
    """Seconds an epoch of ours takes, from its steps after the first."""
    recipe = Recipe.model_validate(
        {
            "engine": engine,
            "model": {"name_or_path": spec["model"]},
            "lora": {"r": RANK, "lora_alpha": 2 * RANK},
            "data": {"max_seq_len": spec["length"], "packing": True},
            "training": {
                "num_train_epochs": 1,
                "per_device_train_batch_size": 2,
                "learning_rate": 1e-3,
                "logging_steps": 1000,
            },
        }
    )
    ends: list[tuple[int, int, float]] = []
    train_apart(
        recipe,
        examples,
        [],
        Path(spec["output"]),
        lambda metric: None,
        lambda done, total: ends.append((done, total, time.monotonic())),
    )
    (first, total, begun), (last, _, ended) = ends[0], ends[-1]
    return (ended - begun) * total / (last - first)


if __name__ == "__main__":
    main()
