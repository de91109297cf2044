"""Put a pre-trained model into the package: `python -m erniekit_finetuning.base.publish`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from typer import Option

from erniekit_finetuning.base.config import Shape, unlike
from erniekit_finetuning.base.corpus import FORMS, exact_key
from erniekit_finetuning.base.tokenizer import copy
from erniekit_finetuning.console import run as run_command
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_json, written_whole

_WEIGHTS = "model.safetensors"


def publish(
    run: Annotated[Path, Option(help="The folder of a finished pre-training.")],
    output: Annotated[Path, Option(help="The folder of the model.")],
    curve: Annotated[str, Option(help="Another name keeps an earlier curve.")] = "curve.png",
    share: Annotated[float, Option(help="Of the run, in a mean with the output's weights.")] = 1.0,
) -> None:
    """Copy weights, configuration and tokenizer of a run, draw its curve; other files stay.

    Weights become bfloat16, as those of all ERNIE-4.5 models are: half the size. A mean with the
    weights that a run went on from keeps more of what those could (Wortsman et al., 2022).
    """
    if not 0 < share <= 1 or (share < 1 and not (output / _WEIGHTS).exists()):
        cure = "a share above 0 and up to 1; below 1 only where the output is a model"
        raise UnusableInput(Problem("not a share", field="--share", found=str(share), cure=cure))
    model = run / "model"
    if not model.is_dir():
        cure = "finish the run: erniekit_finetuning.base.pretrain"
        raise UnusableInput(Problem("no such folder", file=str(model), cure=cure))
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    shape = Shape.model_validate({name: config[name] for name in Shape.model_fields})
    if share < 1 and (problems := unlike(output, shape)):
        raise UnusableInput(problems)
    with written_whole(output) as aside:
        if output.exists():
            shutil.copytree(output, aside)
        copy(run / "tokenizer", aside)
        _halve(model / _WEIGHTS, output / _WEIGHTS, share, aside / _WEIGHTS)
        write_json(aside / "config.json", {**config, "dtype": "bfloat16"})
        draw_curve(run / "metrics.jsonl", aside / curve)


def _halve(new: Path, before: Path, share: float, output: Path) -> None:
    """Weights in 16 bits; those from before are read where they have a share."""
    import torch
    from safetensors.torch import load_file, save_file

    weights = load_file(new)
    if share < 1:
        others = load_file(before)
        weights = {
            name: share * one.float() + (1 - share) * others[name].float()
            for name, one in weights.items()
        }
    halves = {name: one.to(torch.bfloat16) for name, one in weights.items()}
    save_file(halves, output, metadata={"format": "pt"})


def draw_curve(metrics: Path, picture: Path) -> None:
    """Loss and share of held-out documents right to the letter, over tokens."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    figure, left = pyplot.subplots(figsize=(8, 4), dpi=100)
    left.plot(*curve(rows, "loss"), color="tab:blue", linewidth=0.8)
    left.set_yscale("log")
    left.set_xlabel("million tokens, padding included")
    left.set_ylabel("loss on the answer, tasks mixed", color="tab:blue")
    right = left.twinx()
    for form, colour in zip(FORMS, ("tab:orange", "tab:brown"), strict=True):
        right.plot(
            *curve(rows, exact_key(form)), color=colour, marker="o", markersize=3, label=form
        )
    right.set_ylim(0, 1)
    right.set_ylabel("held-out documents right to the letter", color="tab:orange")
    right.legend(loc="upper center")
    figure.tight_layout()
    figure.savefig(picture, format="png")
    pyplot.close(figure)


def curve(rows: Sequence[Mapping[str, float]], name: str) -> tuple[list[float], list[float]]:
    """Million tokens, and the metric of that name there, over the rows that have it."""
    some = [row for row in rows if name in row]
    return [row["tokens"] / 1e6 for row in some], [row[name] for row in some]


if __name__ == "__main__":
    run_command(publish)
