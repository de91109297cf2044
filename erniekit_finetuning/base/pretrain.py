"""Pre-train the small base model from scratch: `python -m erniekit_finetuning.base.pretrain`.

Needs torch (extra `hf`). Data-parallel processes, each on a GPU where there are enough, else on the
CPU. Checkpoints every few minutes; a resumed run goes on with fresh draws of data, not bit for bit.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from pathlib import Path
from socket import socket

from erniekit_finetuning.base import corpus, tokenizer
from erniekit_finetuning.base.batches import Encoder
from erniekit_finetuning.base.checkpoint import restore, save
from erniekit_finetuning.base.config import Pretraining, load_pretraining
from erniekit_finetuning.base.corpus import FORMS, Labelled, exact_key
from erniekit_finetuning.base.drills import Sample
from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.data.prompts import Instruction, human_turn, text_route
from erniekit_finetuning.engines.memory import bound_kernel_cache
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
    bound_kernel_cache()
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

    from erniekit_finetuning.base import learning
    from erniekit_finetuning.base.stream import stream

    settings = config.training
    torch.set_num_threads(1)
    meeting = f"tcp://127.0.0.1:{port}"
    dist.init_process_group("gloo", meeting, rank=rank, world_size=settings.processes)
    torch.manual_seed(settings.seed)
    tokens = AutoTokenizer.from_pretrained(run / "tokenizer")
    on_gpu = torch.cuda.device_count() >= settings.processes
    model = learning.build_model(config, tokens).to(f"cuda:{rank}" if on_gpu else "cpu")
    optimizers = learning.build_optimizers(model, settings)
    state = {"step": 0, "tokens": 0, "seconds": 0.0}
    checkpoint = run / "checkpoint"
    if checkpoint.exists():
        state = restore(checkpoint, model, optimizers)
    parallel = DistributedDataParallel(model)
    encode = Encoder(tokens)
    held_out = {
        form: [_whole(document) for document in corpus.read(run / f"held_out_{form}")]
        for form in FORMS
    }
    progress = multiprocessing.Value("d", state["tokens"] / settings.tokens)
    documents = [row for form in FORMS for row in corpus.rows(run / form)]
    seed = f"{settings.seed}/{rank}/{state['step']}"
    made = stream(documents, encode, seed, settings, progress)
    start, before = time.monotonic(), state["seconds"]
    parent, alone = os.getppid(), False
    # Workers whose parent was killed would go on unseen; they stop at the same step, as one that
    # left earlier would keep the others waiting for its gradients.
    while state["tokens"] < settings.tokens and not alone:
        progress.value = state["tokens"] / settings.tokens
        rate = learning.rate(settings, int(state["step"]), progress.value)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        batch = learning.Tensors(*(one.to(model.device) for one in next(made)))
        loss = learning.loss_of(parallel, batch, settings.bf16)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        left = os.getppid() != parent
        seen = torch.tensor([float(batch.ids.numel()), float(loss.detach()), float(left)])
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
                exact_key(form): round(learning.exact_share(model, encode, some, rank, settings), 4)
                for form, some in held_out.items()
            }
            if rank == 0:
                _log(run, {**state, **right})
        if rank == 0 and (state["step"] % settings.checkpoint_steps == 0 or last):
            save(checkpoint, model, optimizers, state)
    # What the loop left for want of its parent is no finished model.
    if rank == 0 and state["tokens"] >= settings.tokens:
        with written_whole(run / "model") as aside:
            model.save_pretrained(aside)
            tokens.save_pretrained(aside)
    dist.barrier()  # one that left earlier kept the other from ending, once
    dist.destroy_process_group()


def _whole(document: Labelled) -> Sample:
    prompt = text_route(human_turn(Instruction.EXTRACTION), document.text)
    return Sample(prompt, compact({"structured_data": document.data}))


def _log(run: Path, row: dict[str, float]) -> None:
    with (run / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({**row, "seconds": round(row["seconds"], 1)}) + "\n")


if __name__ == "__main__":
    main()
