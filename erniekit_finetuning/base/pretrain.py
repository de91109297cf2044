"""Pre-train the small base model from scratch: `python -m erniekit_finetuning.base.pretrain`.

Needs torch (extra `hf`). Data-parallel CPU processes, checkpoints in safetensors and JSON, resumes
from the last one; a resumed run goes on with fresh draws of data, not bit for bit.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from socket import socket
from typing import Any

from erniekit_finetuning.base import corpus, tokenizer
from erniekit_finetuning.base.batches import IGNORED, Batch, Encoder, batches, pad
from erniekit_finetuning.base.config import Pretraining, Training, load_pretraining
from erniekit_finetuning.base.corpus import FORMS, Labelled, exact_key
from erniekit_finetuning.base.drills import Sample
from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.data.prompts import Instruction, human_turn, text_route
from erniekit_finetuning.files import written_whole


def main() -> None:
    """Build the corpus and the tokenizer, then train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    config, run = load_pretraining(arguments.config), arguments.output
    data, processes = config.corpus, config.training.processes
    corpus.build(run / "drawn", data.generator, data.seed, data.drawn, "drawn", processes)
    corpus.build(run / "set", data.generator, data.seed + 1, data.set, "set", processes)
    for number, form in enumerate(FORMS):
        seed = data.seed + 2 + number
        corpus.build(run / f"held_out_{form}", data.generator, seed, data.held_out, form, processes)
    if not (run / "tokenizer" / "tokenizer_config.json").exists():
        words = tokenizer.frequent_words(
            (document.text for form in FORMS for document in corpus.read(run / form)), data.words
        )
        tokenizer.save(
            tokenizer.build(words), run / "tokenizer", config.model.max_position_embeddings
        )
    import torch.multiprocessing

    torch.multiprocessing.spawn(_worker, (config, run, _free_port()), nprocs=processes)


def _free_port() -> int:
    with socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _worker(rank: int, config: Pretraining, run: Path, port: int) -> None:
    # paddlecodec installs a folder named torchcodec that breaks transformers' model imports.
    sys.modules.setdefault("torchcodec", None)  # type: ignore[arg-type]
    import torch
    import torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel
    from transformers import AutoTokenizer

    settings = config.training
    torch.set_num_threads(1)
    meeting = f"tcp://127.0.0.1:{port}"
    dist.init_process_group("gloo", meeting, rank=rank, world_size=settings.processes)
    torch.manual_seed(settings.seed)
    tokens = AutoTokenizer.from_pretrained(run / "tokenizer")
    model = _model(config, tokens)
    optimizers = _optimizers(model, settings)
    state = {"step": 0, "tokens": 0, "seconds": 0.0}
    checkpoint = run / "checkpoint"
    if checkpoint.exists():
        state = _restore(checkpoint, model, optimizers)
    parallel = DistributedDataParallel(model)
    encode = Encoder(tokens)
    held_out = {
        form: [_whole(document) for document in corpus.read(run / f"held_out_{form}")]
        for form in FORMS
    }
    stream = batches(
        [row for form in FORMS for row in corpus.rows(run / form)],
        encode,
        f"{settings.seed}/{rank}/{state['step']}",
        settings.batch_tokens,
        settings.max_seq_len,
        lambda: state["tokens"] / settings.tokens,
    )
    start, before = time.monotonic(), state["seconds"]
    parent, alone = os.getppid(), False
    # Workers whose parent was killed would go on unseen; they stop at the same step, as one that
    # left earlier would keep the others waiting for its gradients.
    while state["tokens"] < settings.tokens and not alone:
        rate = _rate(settings, int(state["step"]), state["tokens"] / settings.tokens)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        batch = next(stream)
        loss = _loss(parallel, batch, settings.bf16)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        size = float(len(batch.ids) * len(batch.ids[0]))
        seen = torch.tensor([size, float(loss.detach()), float(os.getppid() != parent)])
        dist.all_reduce(seen)
        alone = bool(seen[2])
        state["step"] += 1
        state["tokens"] += int(seen[0])
        state["seconds"] = before + time.monotonic() - start
        last = state["tokens"] >= settings.tokens
        if rank == 0 and (state["step"] % 20 == 0 or last):
            mean = float(seen[1]) / settings.processes
            _log(run, {**state, "loss": round(mean, 4), "learning_rate": rate})
        if state["step"] % settings.eval_steps == 0 or last:
            right = {
                exact_key(form): round(_exact(model, encode, some, rank, settings), 4)
                for form, some in held_out.items()
            }
            if rank == 0:
                _log(run, {**state, **right})
        if rank == 0 and (state["step"] % settings.checkpoint_steps == 0 or last):
            _save(checkpoint, model, optimizers, state)
    # What the loop left for want of its parent is no finished model.
    if rank == 0 and state["tokens"] >= settings.tokens:
        with written_whole(run / "model") as aside:
            model.save_pretrained(aside)
            tokens.save_pretrained(aside)
    dist.destroy_process_group()


def _model(config: Pretraining, tokens: Any) -> Any:
    from transformers import Ernie4_5Config, Ernie4_5ForCausalLM

    from erniekit_finetuning.base import attention

    shape = config.model
    model = Ernie4_5ForCausalLM(
        Ernie4_5Config(
            head_dim=shape.hidden_size // shape.num_attention_heads,
            rope_parameters={"rope_theta": 10000.0, "rope_type": "default"},
            bos_token_id=tokens.bos_token_id,
            eos_token_id=tokens.eos_token_id,
            pad_token_id=tokens.pad_token_id,
            **shape.model_dump(),
        )
    )
    model.set_attn_implementation(attention.NAME)
    return model


def _optimizers(model: Any, settings: Training) -> list[Any]:
    """Muon for the layers' matrices, AdamW for embeddings and norms, at one learning rate.

    Muon's updates are scaled to the size of AdamW's. It learnt more from the same tokens in a
    side-by-side run of the first 100 steps.
    """
    import torch

    named = list(model.named_parameters())
    matrices = [p for name, p in named if p.ndim == 2 and "embed" not in name]
    rest = [p for name, p in named if p.ndim != 2 or "embed" in name]
    return [
        torch.optim.AdamW(
            rest, lr=settings.learning_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True
        ),
        torch.optim.Muon(
            matrices,
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        ),
    ]


def _rate(settings: Training, step: int, progress: float) -> float:
    warm = min(1.0, (step + 1) / settings.warmup_steps)
    descent = max(0.0, progress - settings.hold) / (1 - settings.hold)
    return settings.learning_rate * warm * (1 - 0.95 * min(descent, 1.0))


def _loss(model: Any, batch: Batch, bf16: bool) -> Any:
    """Mean cross entropy of the trained tokens; logits are made at these positions only.

    Padding is on the right and attention is causal, so no mask is needed.
    """
    import torch

    labels = torch.tensor(batch.labels)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        logits = model(
            input_ids=torch.tensor(batch.ids),
            position_ids=torch.tensor(batch.positions),
            branches=torch.tensor(batch.branches),
            use_cache=False,
            logits_to_keep=_kept(batch),
        ).logits
    kept = labels[:, _kept(batch)]
    return torch.nn.functional.cross_entropy(
        logits.float().flatten(0, 1), kept.flatten(), ignore_index=IGNORED
    )


def _kept(batch: Batch) -> Any:
    """Positions where at least one row is trained."""
    import torch

    return (torch.tensor(batch.labels) != IGNORED).any(0).nonzero().flatten()


def _whole(document: Labelled) -> Sample:
    prompt = text_route(human_turn(Instruction.EXTRACTION), document.text)
    return Sample(prompt, compact({"structured_data": document.data}))


def _exact(
    model: Any, encode: Encoder, samples: Sequence[Sample], rank: int, settings: Training
) -> float:
    """Share of held-out documents whose every answer token is the most likely one.

    That is the share that greedy decoding gets right to the letter.
    """
    import torch
    import torch.distributed as dist

    right = torch.zeros(2)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=settings.bf16):
        for sample in samples[rank :: settings.processes]:
            batch = pad([encode([sample])])
            labels = torch.tensor(batch.labels[0])
            best = model(input_ids=torch.tensor(batch.ids), use_cache=False).logits[0].argmax(-1)
            right[0] += bool(((best == labels) | (labels == IGNORED)).all())
            right[1] += 1
    dist.all_reduce(right)
    return float(right[0] / right[1])


def _log(run: Path, row: dict[str, float]) -> None:
    with (run / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({**row, "seconds": round(row["seconds"], 1)}) + "\n")


def _save(folder: Path, model: Any, optimizers: Sequence[Any], state: dict[str, float]) -> None:
    from safetensors.torch import save_file

    moments = {
        f"{number}.{index}.{name}": value.contiguous()
        for number, optimizer in enumerate(optimizers)
        for index, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
    }
    weights = {name: value.detach() for name, value in model.named_parameters()}
    with written_whole(folder) as aside:
        aside.mkdir()
        save_file(weights, aside / "weights.safetensors")
        save_file(moments, aside / "optimizers.safetensors")
        (aside / "state.json").write_text(json.dumps(state), encoding="utf-8")


def _restore(folder: Path, model: Any, optimizers: Sequence[Any]) -> dict[str, float]:
    from safetensors.torch import load_file

    model.load_state_dict(load_file(folder / "weights.safetensors"), strict=False)
    wholes = [{**optimizer.state_dict(), "state": {}} for optimizer in optimizers]
    for key, value in load_file(folder / "optimizers.safetensors").items():
        number, index, name = key.split(".")
        wholes[int(number)]["state"].setdefault(int(index), {})[name] = value
    for optimizer, whole in zip(optimizers, wholes, strict=True):
        optimizer.load_state_dict(whole)
    state: dict[str, float] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    return state


if __name__ == "__main__":
    main()
