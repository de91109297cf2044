"""Put a pre-trained model into the package: `python -m erniekit_finetuning.base.publish`."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from erniekit_finetuning.files import written_whole

FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def main() -> None:
    """Copy weights, configuration and tokenizer of a run, draw its curve, keep the model card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    publish(arguments.run, arguments.output)


def publish(run: Path, output: Path) -> None:
    """Replace `output` with the model of `run`; a README.md that is there stays."""
    card = output / "README.md"
    kept = card.read_text(encoding="utf-8") if card.exists() else None
    with written_whole(output) as aside:
        aside.mkdir()
        for name in FILES:
            folder = run / ("tokenizer" if name.startswith("tokenizer") else "model")
            shutil.copyfile(folder / name, aside / name)
        draw_curve(run / "metrics.jsonl", aside / "curve.png")
        if kept is not None:
            (aside / "README.md").write_text(kept, encoding="utf-8")


def draw_curve(metrics: Path, picture: Path) -> None:
    """Loss and share of held-out documents right to the letter, over tokens."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    figure, left = pyplot.subplots(figsize=(8, 4), dpi=100)
    losses = [(row["tokens"] / 1e6, row["loss"]) for row in rows if "loss" in row]
    left.plot(*zip(*losses, strict=True), color="tab:blue", linewidth=0.8)
    left.set_xlabel("million tokens, padding included")
    left.set_ylabel("loss on the answer, tasks mixed", color="tab:blue")
    right = left.twinx()
    exact = [
        (row["tokens"] / 1e6, row["held_out_exact"]) for row in rows if "held_out_exact" in row
    ]
    right.plot(*zip(*exact, strict=True), color="tab:orange", marker="o", markersize=3)
    right.set_ylim(0, 1)
    right.set_ylabel("held-out documents right to the letter", color="tab:orange")
    figure.tight_layout()
    figure.savefig(picture, format="png")
    pyplot.close(figure)


if __name__ == "__main__":
    main()
