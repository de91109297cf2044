"""Further processes that compute gradients of a share of each step's rows, one a CPU core.

Paddle uses one core on a CPU. The adapter's weights and gradients are small, so they travel over
pipes as safetensors; nothing is pickled, and a helper ends when its pipe does.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

import erniekit_finetuning
from erniekit_finetuning.engines.encoding import Encoded
from erniekit_finetuning.engines.paddle.checkpoints import trained_weights
from erniekit_finetuning.engines.paddle.gradients import accumulate
from erniekit_finetuning.engines.paddle.loading import load_base
from erniekit_finetuning.engines.paddle.lora import prepare_model
from erniekit_finetuning.engines.paddle.runtime import import_paddle, on_gpu
from erniekit_finetuning.recipes.model import LoraSection

Arrays = dict[str, NDArray[Any]]
# Starting one takes seconds: worth it from about ten seconds of arithmetic on.
WORTHWHILE_OPERATIONS = 2e11
# A second copy of a larger model may not fit into memory beside the first.
LARGEST_MODEL = 50_000_000


def helpers_worthwhile(parameters: int, tokens: int, rows_per_step: int) -> int:
    """How many helpers shorten a training on this machine; 0 on a GPU."""
    if on_gpu() or parameters > LARGEST_MODEL or 6 * parameters * tokens < WORTHWHILE_OPERATIONS:
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(0, min(cores or 1, rows_per_step) - 1)


class Helper:
    """One process with its own copy of the model."""

    def __init__(self, base: Path, lora: LoraSection) -> None:
        root = str(Path(erniekit_finetuning.__file__).parent.parent)
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "erniekit_finetuning.engines.paddle.helpers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | one_thread | {"PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for the training, which then ends its helpers
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        spec = json.dumps({"base": str(base), "lora": lora.model_dump(mode="json")})
        self._input.write(spec.encode() + b"\n")
        self._input.flush()

    def ask(self, model: Any, rows: Sequence[Encoded], seeds: Sequence[int], tokens: int) -> None:
        """Send the weights and some rows; see `gradients.accumulate`."""
        weights = {f"weight {name}": w.numpy() for name, w in trained_weights(model).items()}
        shape = [(len(row.tokens), row.answer_start) for row in rows]
        work: Arrays = {
            "tokens": np.concatenate([np.array(row.tokens) for row in rows]),
            "rows": np.array(shape),
            "seeds": np.array(seeds),
            "divisor": np.array([tokens]),
        }
        _send(self._input, weights | work)

    def answer(self) -> tuple[Arrays, float]:
        """The gradients by weight, and the loss summed over the rows' answer tokens."""
        found = _receive(self._output)
        if found is None:
            raise RuntimeError(f"a training helper ended with exit code {self._process.wait()}")
        return found, float(found.pop("loss")[0])

    def close(self) -> None:
        """End the process, whatever it is doing; it holds nothing that must be kept."""
        self._process.kill()
        self._process.wait()
        for stream in (self._input, self._output):
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def _serve(source: IO[bytes], target: IO[bytes]) -> None:
    spec = json.loads(source.readline())
    lora = LoraSection.model_validate(spec["lora"])
    model = prepare_model(load_base(Path(spec["base"]), "float32"), lora)
    model.train()
    paddle = import_paddle()
    while (work := _receive(source)) is not None:
        weights = trained_weights(model)
        for name, weight in weights.items():
            weight.set_value(paddle.to_tensor(work[f"weight {name}"]))
        ends = np.cumsum(work["rows"][:, 0])
        rows = [
            Encoded(tuple(work["tokens"][end - length : end].tolist()), int(start))
            for end, (length, start) in zip(ends, work["rows"], strict=True)
        ]
        loss = accumulate(model, rows, work["seeds"].tolist(), int(work["divisor"][0]), 1)
        found = {name: weight.grad.numpy() for name, weight in weights.items()}
        _send(target, found | {"loss": np.array([loss])})
        for weight in weights.values():
            weight.clear_gradient(False)


def _send(stream: IO[bytes], arrays: Arrays) -> None:
    data = save(arrays)
    stream.write(len(data).to_bytes(8, "little") + data)
    stream.flush()


def _receive(stream: IO[bytes]) -> Arrays | None:
    size = stream.read(8)
    return dict(load(stream.read(int.from_bytes(size, "little")))) if len(size) == 8 else None


if __name__ == "__main__":
    # Paddle may print; what is not an answer must not get into the pipe.
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        _serve(sys.stdin.buffer, answers)
