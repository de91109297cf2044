"""One page through ErnieVLMService at 1, 4 and 16 clients, beside stock generate one by one.

    python benchmarks/bench_service.py [--documents 32] [--rounds 2]

Stock is the same model in transformers and in PaddleFormers with their own `generate` and
attention, greedy, asked one document after another for exactly as many tokens as our answer has:
free, where ours is held to the document, placed and checked. PaddleFormers takes a minute a
document on two cores, so it gets one only. All take the same documents in turn, so that a busy
machine slows them alike. Files are opened beforehand. Prints one JSON object; seconds are wall
time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree
from tempfile import mkdtemp
from typing import Any

import numpy as np

from app.core.models.ernie_vlm_service import ErnieVLMService
from erniekit_finetuning.data.prompts import Instruction, human_turn, text_route
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.engines.locating import locate
from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.dataset.stream import pdf_documents

SEED = 92
GENERATOR = Path(__file__).parents[1] / "configs/generator/pretrain.yaml"
CLIENTS = (1, 4, 16)
MODEL = "ernie-4.5-tiny"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--documents", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--stock", choices=STOCK, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stock:
        return answer_all(STOCK[options.stock]())
    made = pdf_documents(load_config(GENERATOR), SEED, 0, options.documents)
    documents = [document for _, document in made]
    service = ErnieVLMService({"ernie_vl": {"base_model": MODEL}})
    tokens = [service.read(document).new_tokens for document in documents]
    asked = [
        {"prompt": text_route(human_turn(Instruction.EXTRACTION), document_text(one)), "tokens": n}
        for one, n in zip(documents, tokens, strict=True)
    ]
    peers = {name: Peer(name) for name in STOCK}
    runs: dict[str, list[Run]] = {name: [] for name in (*STOCK, *map(str, CLIENTS))}
    runs["paddleformers"].append(timed(asked[:1], 1, peers["paddleformers"].answer))
    for _ in range(options.rounds):
        runs["transformers"].append(timed(asked, 1, peers["transformers"].answer))
        for clients in CLIENTS:
            runs[str(clients)].append(timed(documents, clients, service.read))
    service.close()
    best = {name: min(some, key=lambda run: run.seconds) for name, some in runs.items()}
    report = {name: run.report() for name, run in best.items()}
    ratio = best["transformers"].seconds / best["16"].seconds
    print(json.dumps({**report, "throughput_16_by_transformers": round(ratio, 2)}, indent=2))
    return None


class Run:
    """Documents answered, in how many seconds in all and each."""

    def __init__(self, seconds: float, each: list[float]) -> None:
        self.seconds, self._each = seconds, each

    def report(self) -> dict[str, float]:
        """Documents a second, and how long half and 95 of 100 took at most."""
        half, most = np.percentile(self._each, (50, 95))
        found = {"documents_per_second": len(self._each) / self.seconds, "p50": half, "p95": most}
        return {name: round(float(value), 3) for name, value in found.items()}


def timed(asked: list[Any], clients: int, answer: Callable[[Any], Any]) -> Run:
    """Ask all, as many at once as there are clients."""

    def one(question: Any) -> float:
        began = time.perf_counter()
        answer(question)
        return time.perf_counter() - began

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        each = list(pool.map(one, asked))
    return Run(time.perf_counter() - began, each)


class Peer:
    """Stock generate in a process of its own: Torch and Paddle do not work in one."""

    def __init__(self, name: str) -> None:
        command = [sys.executable, __file__, "--stock", name]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.answer({"prompt": "Total 5.00", "tokens": 4})  # loaded, and warm

    def answer(self, question: dict[str, Any]) -> None:
        """Ask, and wait for the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        while (line := self._process.stdout.readline()) != "answered\n":
            assert line, "the stock process ended"


Generate = Callable[[list[int], int], None]


def answer_all(stock: tuple[Any, Generate]) -> None:
    """The peer's process: a question a line, answered one by one."""
    tokenizer, generate = stock
    for line in sys.stdin:
        question = json.loads(line)
        turn = [{"role": "user", "content": question["prompt"]}]
        text = tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
        generate(tokenizer(text, add_special_tokens=False)["input_ids"], question["tokens"])
        print("answered", flush=True)


def paddleformers() -> tuple[Any, Generate]:
    """PaddleFormers as it comes, but for a kernel that does not exist on CPUs."""
    from erniekit_finetuning.engines.paddle.loading import load_tokenizer
    from erniekit_finetuning.engines.paddle.runtime import import_paddle

    paddle = import_paddle()
    from paddleformers.transformers import AutoConfig, AutoModelForCausalLM

    folder = Path(mkdtemp()) / "model"  # it writes a file of its own beside the weights
    copytree(locate(MODEL).base, folder)
    config = AutoConfig.from_pretrained(str(folder))
    config.fuse_rms_norm = False
    model = AutoModelForCausalLM.from_pretrained(str(folder), config=config, dtype="float32")
    model.eval()

    def generate(ids: list[int], count: int) -> None:
        how = {"decode_strategy": "greedy_search", "use_cache": True}
        with paddle.no_grad():
            model.generate(
                paddle.to_tensor([ids]), max_new_tokens=count, min_new_tokens=count, **how
            )

    return load_tokenizer(folder), generate


def transformers() -> tuple[Any, Generate]:
    """Transformers as it comes."""
    from erniekit_finetuning.engines.hf.runtime import import_torch

    torch = import_torch()
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = locate(MODEL).base
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def generate(ids: list[int], count: int) -> None:
        with torch.no_grad():
            model.generate(
                torch.tensor([ids]), do_sample=False, max_new_tokens=count, min_new_tokens=count
            )

    return AutoTokenizer.from_pretrained(folder), generate


STOCK: dict[str, Callable[[], tuple[Any, Generate]]] = {
    "transformers": transformers,
    "paddleformers": paddleformers,
}


if __name__ == "__main__":
    main()
