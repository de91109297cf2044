"""Either form of an adapter's folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

from erniekit_finetuning.adapters import paddle_format, peft_format
from erniekit_finetuning.adapters.adapter import Adapter
from erniekit_finetuning.adapters.base_weights import both_ends, is_tied, one_end
from erniekit_finetuning.adapters.fusing import Heads
from erniekit_finetuning.engines.locating import BASE_RECORD, Source
from erniekit_finetuning.engines.prompting import copy_prompting
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import refuse_existing, written_whole

Form = Literal["peft", "paddle"]
FORMS: dict[Form, str] = {"peft": peft_format.CONFIG, "paddle": paddle_format.CONFIG}


def form_of(folder: Path) -> Form:
    """Which form a folder has; raises UnusableInput when it holds no adapter."""
    for form, config in FORMS.items():
        if (folder / config).is_file():
            return form
    expected = " or ".join(FORMS.values())
    raise UnusableInput(Problem("holds no adapter", file=str(folder), expected=expected))


def read_adapter(folder: Path, base: Path) -> Adapter:
    """The adapter in a folder, which belongs to the model in `base`.

    Raises UnusableInput for a folder that holds none, or one that cannot be used.
    """
    form = form_of(folder)
    if form == "peft":
        adapter = peft_format.read_peft(folder)
    else:
        adapter = paddle_format.read_paddle(folder, Heads.of(base))
    return one_end(adapter, form == "paddle") if is_tied(base) else adapter


def write_form(form: Form, folder: Path, adapter: Adapter, base: Path, name: str) -> None:
    """Write a form of an adapter of the model in `base`, which its config calls `name`.

    Raises UnusableInput for what PaddleFormers' form cannot hold.
    """
    if is_tied(base):
        adapter = both_ends(adapter)
    if form == "peft":
        peft_format.write_peft(folder, adapter, name)
    else:
        paddle_format.write_paddle(folder, adapter, Heads.of(base), name)


def convert(source: Source, form: Form, output: Path) -> None:
    """Write an adapter to `output` in another form, with the record of its base.

    Raises UnusableInput when there is no adapter, or `output` exists.
    """
    adapter = read_adapter(source.trained, source.base)
    refuse_existing(output)
    with written_whole(output) as aside:
        write_form(form, aside, adapter, source.base, str(source.base))
        copy_prompting(source.trained, aside)
        if (source.trained / BASE_RECORD).is_file():
            shutil.copyfile(source.trained / BASE_RECORD, aside / BASE_RECORD)
