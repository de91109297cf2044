"""One model out of base and adapter: file by file, without a framework."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.adapters.adapter import Adapter
from erniekit_finetuning.adapters.base_weights import stored_in
from erniekit_finetuning.adapters.formats import read_adapter
from erniekit_finetuning.adapters.proof import compare, compare_rounded
from erniekit_finetuning.adapters.tensors import (
    DTYPES,
    Stored,
    read_float32,
    read_json,
    write_tensors,
    written_through,
)
from erniekit_finetuning.engines.locating import Source
from erniekit_finetuning.engines.model_files import copy_beside
from erniekit_finetuning.engines.prompting import copy_prompting
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import refuse_existing, written_whole

Logits = Callable[[Path, Sequence[str]], Sequence[NDArray[np.float32]]]


def merge(
    source: Source, adapter_at: Path, output: Path, prompts: Sequence[str], logits: Logits
) -> float:
    """Write base and adapter as one model to `output`; return the largest difference of logits.

    `logits` computes those of a folder: of `adapter_at`, base and adapter side by side, and of the
    merged model. The sums are proved in float32: for a base in fewer bits they are written so
    first, beside `output`, and the model that is kept is that one rounded. Raises UnusableInput,
    with nothing left at `output`, when there is no adapter or no prompt, when a tensor of the
    adapter fits none of the base, or when the logits differ.
    """
    if not prompts:
        raise UnusableInput(Problem("a merge is proved on prompts", expected="at least one"))
    adapter, folder = _opened(source, output)
    expected = logits(adapter_at, prompts)
    with written_whole(output) as aside:
        rounded = not write_merged(adapter, source.base, aside)
        copy_prompting(folder, aside)
        found = logits(aside, prompts)
        if not rounded:
            return compare(expected, found)
        with TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as proof:
            write_merged(adapter, source.base, Path(proof), exact=True)
            copy_prompting(folder, Path(proof))
            compare(expected, logits(Path(proof), prompts))
        return compare_rounded(expected, found)


def merge_unproved(source: Source, output: Path) -> None:
    """Write base and adapter as one model to `output` without computing a logit.

    Raises UnusableInput as `merge` does.
    """
    adapter, folder = _opened(source, output)
    with written_whole(output) as aside:
        write_merged(adapter, source.base, aside)
        copy_prompting(folder, aside)


def write_merged(adapter: Adapter, base: Path, folder: Path, exact: bool = False) -> bool:
    """Write the base's files with the adapter added to its weights, a matrix in memory at a time.

    Every file keeps its names, its dtypes and its metadata: it is the base's with other numbers.
    With `exact` weights are float32 whatever the base's are, a file in memory at a time. Returns
    whether every sum is kept as it is, not rounded to fewer bits. Raises UnusableInput, before
    anything is written, for a quantized base and for whatever of the adapter fits no weight; and
    for sums that the base's dtype cannot hold.
    """
    stored = stored_in(base)
    changed = {f"{path}.weight" for path in adapter.updates} | adapter.whole.keys()
    problems = _quantized(base) + _unfitting(adapter, stored, base)
    if problems:
        raise UnusableInput(problems)
    folder.mkdir(parents=True, exist_ok=True)
    copy_beside(base, folder, index=True)
    for file in sorted({file for file, _ in stored.values()}):
        names = [name for name in changed if stored[name][0] == file]
        if exact:
            tensors = read_float32(file)
            for name in names:
                tensors[name] = _sum(name, tensors[name], adapter)
            write_tensors(folder / file.name, tensors, "pt")
            continue
        shutil.copyfile(file, folder / file.name)
        for name in names:
            weight = written_through(folder / file.name, stored[name][1])
            weight[...] = _sum(name, weight, adapter).astype(weight.dtype)
            if not np.isfinite(weight.astype(np.float32)).all():
                what, found = "is too large for the base's dtype", str(weight.dtype)
                raise UnusableInput(Problem(what, file=str(base), field=name, found=found))
            weight.flush()
    return exact or all(stored[name][1].dtype in ("F32", "F64") for name in changed)


def _sum(name: str, weight: NDArray[Any], adapter: Adapter) -> NDArray[np.float32]:
    update = adapter.updates.get(name.removesuffix(".weight"))
    start = adapter.whole.get(name)
    total = (weight if start is None else start).astype(np.float32)
    if update is not None and name.endswith(".weight"):
        total += np.float32(adapter.scaling) * (update.b @ update.a)
    return total


def _opened(source: Source, output: Path) -> tuple[Adapter, Path]:
    adapter = read_adapter(source.trained, source.base)
    refuse_existing(output)
    return adapter, source.trained


def _quantized(base: Path) -> list[Problem]:
    if "quantization_config" not in read_json(base / "config.json"):
        return []
    cure = "merge into the model that it was quantized from, then quantize the merged one"
    return [Problem("a quantized base cannot take an adapter in", file=str(base), cure=cure)]


def _unfitting(
    adapter: Adapter, stored: dict[str, tuple[Path, Stored]], base: Path
) -> list[Problem]:
    shapes = {
        **{f"{p}.weight": (u.b.shape[0], u.a.shape[1]) for p, u in adapter.updates.items()},
        **{name: weight.shape for name, weight in adapter.whole.items()},
    }
    problems = []
    for name, shape in sorted(shapes.items()):
        if name not in stored:
            problems.append(Problem("the base has no such weight", file=str(base), field=name))
        elif stored[name][1].dtype not in DTYPES:
            found = stored[name][1].dtype
            cure = "merge into the model that it was quantized from"
            problems.append(
                Problem("is quantized", file=str(base), field=name, found=found, cure=cure)
            )
        elif stored[name][1].shape != tuple(shape):
            found, expected = str(list(shape)), str(list(stored[name][1].shape))
            what = "does not fit the base's weight"
            problems.append(
                Problem(what, file=str(base), field=name, found=found, expected=expected)
            )
    return problems
