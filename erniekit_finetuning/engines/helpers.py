"""Further processes that compute gradients of a share of each step's packs, one a CPU core.

Paddle uses one core on a CPU, and two torch processes of one thread each are faster than one of
two. The adapter's weights and gradients are small, so they travel over pipes as safetensors;
nothing is pickled, and a helper ends when its pipe does.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

import erniekit_finetuning
from erniekit_finetuning.engines.batches import Pack
from erniekit_finetuning.engines.team import share_of_step, share_out
from erniekit_finetuning.engines.trainable import Arrays, Trainable
from erniekit_finetuning.recipes.model import Recipe

# Starting one takes seconds: worth it from about ten seconds of arithmetic on.
WORTHWHILE_OPERATIONS = 2e11
# A second copy of a larger model may not fit into memory beside the first.
LARGEST_MODEL = 50_000_000


def helpers_worthwhile(parameters: int, tokens: int, packs_per_step: int) -> int:
    """How many helpers shorten a training on this machine's CPU."""
    if parameters > LARGEST_MODEL or 6 * parameters * tokens < WORTHWHILE_OPERATIONS:
        return 0
    return max(0, min(cores(), packs_per_step) - 1)


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Helpers:
    """A team of this process and helpers."""

    leads = True

    def __init__(self, recipe: Recipe, base: Path, count: int) -> None:
        self._helpers = [Helper(recipe, base) for _ in range(count)]

    def gradients(
        self, trainable: Trainable, packs: Sequence[Pack], first_seed: int, divisor: int
    ) -> float:
        """See `Team.gradients`."""
        lengths = [len(pack.tokens) for pack in packs]
        shares = share_out(lengths, 1 + len(self._helpers))
        asked = [(h, share) for h, share in zip(self._helpers, shares[1:], strict=True) if share]
        weights = trainable.weights() if asked else {}
        for helper, share in asked:
            seeds = [first_seed + i for i in share]
            helper.ask(weights, [packs[i] for i in share], seeds, divisor)
        loss = share_of_step(trainable, packs, shares[0], first_seed, divisor)
        for helper, _ in asked:
            found, their_loss = helper.answer()
            loss += their_loss
            trainable.add_gradients(found)
        return loss

    def close(self) -> None:
        """See `Team.close`."""
        for helper in self._helpers:
            helper.close()


class Helper:
    """One process with its own copy of the model."""

    def __init__(self, recipe: Recipe, base: Path) -> None:
        root = str(Path(erniekit_finetuning.__file__).parent.parent)
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "erniekit_finetuning.engines.helpers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | one_thread | {"PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for the training, which then ends its helpers
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        spec = json.dumps({"base": str(base), "recipe": recipe.model_dump(mode="json")})
        self._input.write(spec.encode() + b"\n")
        self._input.flush()

    def ask(
        self, weights: Arrays, packs: Sequence[Pack], seeds: Sequence[int], divisor: int
    ) -> None:
        """Send the weights and some packs."""
        _send(
            self._input,
            {f"weight {name}": array for name, array in weights.items()}
            | {f"tokens {i}": pack.tokens for i, pack in enumerate(packs)}
            | {f"positions {i}": pack.positions for i, pack in enumerate(packs)}
            | {f"labels {i}": pack.labels for i, pack in enumerate(packs)}
            | {f"lengths {i}": np.array(pack.lengths) for i, pack in enumerate(packs)}
            | {f"images {i}": _text(pack.images) for i, pack in enumerate(packs)}
            | {"seeds": np.array(seeds), "divisor": np.array([divisor])},
        )

    def answer(self) -> tuple[Arrays, float]:
        """The gradients by weight, and the loss summed over the packs' labels."""
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
    from erniekit_finetuning.engines.registry import get_framework

    spec = json.loads(source.readline())
    recipe = Recipe.model_validate(spec["recipe"])
    trainable = get_framework(recipe.engine).build(recipe, Path(spec["base"])).trainable
    while (work := _receive(source)) is not None:
        begin = "weight "
        trainable.set_weights(
            {name[len(begin) :]: a for name, a in work.items() if name.startswith(begin)}
        )
        loss = 0.0
        for i, seed in enumerate(work["seeds"].tolist()):
            pack = Pack(
                work[f"tokens {i}"],
                work[f"positions {i}"],
                work[f"labels {i}"],
                tuple(work[f"lengths {i}"].tolist()),
                tuple(json.loads(work[f"images {i}"].tobytes())),
            )
            loss += trainable.accumulate(pack, int(work["divisor"][0]), seed)
        _send(target, trainable.gradients() | {"loss": np.array([loss])})
        trainable.clear_gradients()


def _text(strings: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(strings).encode(), np.uint8)


def _send(stream: IO[bytes], arrays: Arrays) -> None:
    data = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    stream.write(len(data).to_bytes(8, "little") + data)
    stream.flush()


def _receive(stream: IO[bytes]) -> Arrays | None:
    size = stream.read(8)
    return dict(load(stream.read(int.from_bytes(size, "little")))) if len(size) == 8 else None


if __name__ == "__main__":
    # A framework may print; what is not an answer must not get into the pipe.
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        _serve(sys.stdin.buffer, answers)
