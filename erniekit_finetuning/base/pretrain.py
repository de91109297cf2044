"""Pre-train the small base model from scratch: `python -m erniekit_finetuning.base.pretrain`.

Needs torch (extra `hf`), and what `base.prepare` left in the run folder. Data-parallel processes,
each on a GPU where there are enough, else on the CPU. Checkpoints every few minutes; a resumed run
goes on with fresh draws of data, not bit for bit.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from pathlib import Path
from socket import socket
from typing import Annotated, Any

from typer import Option

from erniekit_finetuning.base import corpus
from erniekit_finetuning.base.batches import Laying, laid_out
from erniekit_finetuning.base.checkpoint import restore, save
from erniekit_finetuning.base.config import Pretraining, load_pretraining, unprepared
from erniekit_finetuning.base.corpus import FORMS, Labelled, exact_key
from erniekit_finetuning.base.drills import Sample
from erniekit_finetuning.base.rows import Encoder
from erniekit_finetuning.console import run as run_command
from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.data.prompts import Instruction, human_turn, text_route
from erniekit_finetuning.engines.memory import bound_kernel_cache
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.files import written_whole
from synthetic_invoice_generator.config import load_config


def pretrain(
    recipe: Annotated[Path, Option("--config", help="The pre-training recipe.")],
    run: Annotated[Path, Option("--output", help="The run folder, as `base.prepare` left it.")],
) -> None:
    """Train, from the checkpoint where there is one."""
    config = load_pretraining(recipe)
    if problems := unprepared(config, run):
        raise UnusableInput(problems)
    bound_kernel_cache()
    import torch.multiprocessing

    processes = config.training.processes
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
    from erniekit_finetuning.base.stream import Documents, stream

    settings, data = config.training, config.corpus
    on_gpu = torch.cuda.device_count() >= settings.processes
    torch.set_num_threads(1)
    meeting = f"tcp://127.0.0.1:{port}"
    backend = "cpu:gloo,cuda:nccl" if on_gpu else "gloo"
    dist.init_process_group(backend, meeting, rank=rank, world_size=settings.processes)
    torch.manual_seed(settings.seed)
    tokens = AutoTokenizer.from_pretrained(run / "tokenizer")
    model = learning.build_model(config, tokens, packed=on_gpu)
    if settings.initial:
        learning.go_on_from(settings.initial, model)
    if on_gpu:
        torch.cuda.set_device(rank)
        model.to(f"cuda:{rank}")
    if settings.compiled:
        for layer in model.model.layers:  # one compilation for all
            layer.compile(dynamic=None if on_gpu else True)  # CPUs' batches are of any length
    optimizers = learning.build_optimizers(model, settings)
    state = {"step": 0, "tokens": 0, "seconds": 0.0}
    checkpoint = run / "checkpoint"
    if checkpoint.exists():
        state = restore(checkpoint, model, optimizers)
    learner = learning.Learner(model, settings.bf16)
    parallel = DistributedDataParallel(learner) if settings.processes > 1 else learner
    encode = Encoder(tokens)
    laying = Laying(settings.batch_tokens, settings.max_seq_len, packed=on_gpu)
    held_out = {form: _held_out(run, form, encode, laying) for form in FORMS}
    begun = 1.0 if settings.initial else state["tokens"] / settings.tokens
    learnt = multiprocessing.Value("d", begun)
    drawn = list(corpus.rows(run / "drawn"))
    documents = Documents(drawn, load_config(data.generator), data.seed + 1)
    seed = f"{settings.seed}/{rank}/{state['step']}"
    made = stream(documents, encode, seed, laying, settings.workers, learnt)
    start, before = time.monotonic(), state["seconds"]
    parent, alone = os.getppid(), False
    # Workers whose parent was killed would go on unseen; they stop at the same step, as one that
    # left earlier would keep the others waiting for its gradients.
    while state["tokens"] < settings.tokens and not alone:
        done = state["tokens"] / settings.tokens
        learnt.value = max(learnt.value, done)
        rate = learning.rate(settings, int(state["step"]), done)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        batch = next(made).to(model.device)
        loss = parallel(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        left = os.getppid() != parent
        seen = torch.tensor([float(batch.ids.numel()), float(left)])
        dist.all_reduce(seen)
        alone = bool(seen[1])
        state["step"] += 1
        state["tokens"] += int(seen[0])
        state["seconds"] = before + time.monotonic() - start
        last = state["tokens"] >= settings.tokens
        if state["step"] % settings.log_steps == 0 or last:
            mean = _sum(float(loss.detach())) / settings.processes
            if rank == 0:
                _log(run, {**state, "loss": round(mean, 4), "learning_rate": rate})
        if state["step"] % settings.eval_steps == 0 or last:
            shares = {}
            for form, batches in held_out.items():
                right, all_of_them = learning.exact(learner, batches[rank :: settings.processes])
                shares[exact_key(form)] = round(_sum(right) / _sum(all_of_them), 4)
            if rank == 0:
                _log(run, {**state, **shares})
        if rank == 0 and (state["step"] % settings.checkpoint_steps == 0 or last):
            save(checkpoint, model, optimizers, state)
    # What the loop left for want of its parent is no finished model.
    if rank == 0 and state["tokens"] >= settings.tokens:
        with written_whole(run / "model") as aside:
            model.save_pretrained(aside)
            tokens.save_pretrained(aside)
    dist.barrier()  # one that left earlier kept the other from ending, once
    dist.destroy_process_group()


def _sum(one: float) -> float:
    """The sum over the processes."""
    import torch
    import torch.distributed as dist

    whole = torch.tensor([one], dtype=torch.float64)
    dist.all_reduce(whole)
    return float(whole)


def _held_out(run: Path, form: corpus.Form, encode: Encoder, laying: Laying) -> list[Any]:
    """The held-out documents of a form in batches."""
    from erniekit_finetuning.base.learning import tensors

    rows = [encode([_whole(document)]) for document in corpus.read(run / f"held_out_{form}")]
    fitting = [row for row in rows if len(row.ids) <= laying.length]
    return [tensors(batch) for batch in laid_out(fitting, laying)]


def _whole(document: Labelled) -> Sample:
    prompt = text_route(human_turn(Instruction.EXTRACTION), document.text)
    return Sample(prompt, compact({"structured_data": document.data}))


def _log(run: Path, row: dict[str, float]) -> None:
    with (run / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({**row, "seconds": round(row["seconds"], 1)}) + "\n")


if __name__ == "__main__":
    run_command(pretrain)
