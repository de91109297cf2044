"""Models from folders: base, adapter on a base, or a run that holds either."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.model import Recipe
from erniekit_finetuning.recipes.models import SHIPPED, resolve_model

ADAPTER_CONFIGS = ("adapter_config.json", "lora_config.json")  # PEFT's, PaddleFormers'
BASE_RECORD = "base_model.json"


@dataclass(frozen=True)
class Source:
    """Where a model's parts lie; `adapter` is None for a whole model."""

    base: Path
    adapter: Path | None = None

    @property
    def trained(self) -> Path:
        """The adapter; raises UnusableInput when there is none."""
        if self.adapter is None:
            cure = "give a run folder or an adapter folder"
            raise UnusableInput(Problem("holds no adapter", file=str(self.base), cure=cure))
        return self.adapter


def locate(model: str | Path | Source, revision: str | None = None) -> Source:
    """Find base and adapter of a model name, model folder, adapter folder or run folder.

    What was found already is given back. Raises UnusableInput when there is none, or when the base
    is not the one the adapter was trained on.
    """
    if isinstance(model, Source):
        return model
    folder = Path(model)
    inside = _adapter_in(folder)
    if inside is not None:
        return Source(_base_of(inside), inside)
    if (folder / "run.json").is_file() and (folder / "model").is_dir():
        return Source(folder / "model")
    return Source(resolve_model(str(model), revision))


def on_base(base: str | Path, adapter: str | Path) -> Source:
    """An adapter (or a run's) on a base that is named, wherever the adapter's record looks for it.

    Raises UnusableInput when there is no adapter, when `base` is one itself, and when the adapter
    was trained on another base.
    """
    folder = _adapter_in(Path(adapter))
    if folder is None:
        cure = "give a run folder or an adapter folder"
        raise UnusableInput(Problem("holds no adapter", file=str(adapter), cure=cure))
    found = locate(base)
    if found.adapter is not None:
        cure = "name its base, or merge it into that first: ernie-invoice merge"
        raise UnusableInput(Problem("an adapter is no base model", file=str(base), cure=cure))
    record_file = folder / BASE_RECORD
    if record_file.is_file():
        record = json.loads(record_file.read_text(encoding="utf-8"))
        if fingerprint(found.base) != record["fingerprint"]:
            raise UnusableInput(
                Problem(
                    "the adapter was trained on another base",
                    file=str(folder),
                    found=str(base),
                    expected=record["name_or_path"],
                    cure="name that one, or train the adapter again on this base",
                )
            )
    return Source(found.base, folder)


def record_base(adapter: Path, name_or_path: str, base: Path) -> None:
    """Write beside an adapter which base it belongs to."""
    name = str(base) if Path(name_or_path).is_dir() else name_or_path
    record = {"name_or_path": name, "fingerprint": fingerprint(base)}
    text = json.dumps(record, indent=2) + "\n"
    (adapter / BASE_RECORD).write_text(text, encoding="utf-8")


def fingerprint(model: Path) -> str:
    """A hash of the weight files' sizes, first and last mebibyte: fast for 40 GB, too."""
    digest = hashlib.sha256()
    for file in sorted(model.glob("*.safetensors")):
        size = file.stat().st_size
        digest.update(f"{file.name} {size}\n".encode())
        with file.open("rb") as opened:
            digest.update(opened.read(2**20))
            opened.seek(max(0, size - 2**20))
            digest.update(opened.read())
    return digest.hexdigest()


def locate_base(recipe: Recipe) -> Path:
    """The base model a recipe trains; raises UnusableInput when it names an adapter."""
    source = locate(recipe.model.name_or_path, recipe.model.revision)
    if source.adapter is not None:
        cure = "merge it into its base first and give the merged folder"
        what = "an adapter is no base model"
        raise UnusableInput(Problem(what, field="model.name_or_path", cure=cure))
    return source.base


def _adapter_in(folder: Path) -> Path | None:
    """The adapter that a folder is, or that a run's folder holds."""
    for inside in (folder, folder / "adapter"):
        if any((inside / name).is_file() for name in ADAPTER_CONFIGS):
            return inside
    return None


def _base_of(adapter: Path) -> Path:
    record_file = adapter / BASE_RECORD
    if not record_file.is_file():
        return resolve_model(_named_base(adapter))
    record = json.loads(record_file.read_text(encoding="utf-8"))
    name = record["name_or_path"]
    base = resolve_model(name)
    if fingerprint(base) != record["fingerprint"]:
        other = "the installed release ships another one" if name in SHIPPED else str(base)
        what = f"the adapter was trained on another {name} than the one found ({other})"
        cure = "train it again on this base, or bring the old base back"
        raise UnusableInput(Problem(what, file=str(adapter), cure=cure))
    return base


def _named_base(adapter: Path) -> str:
    """The base that an adapter of others says it belongs to; there is no fingerprint to check."""
    field = "base_model_name_or_path"
    config = next(adapter / name for name in ADAPTER_CONFIGS if (adapter / name).is_file())
    try:
        name = json.loads(config.read_text(encoding="utf-8")).get(field)
    except (OSError, ValueError, AttributeError) as error:
        raise UnusableInput(Problem(f"cannot be read: {error}", file=str(config))) from error
    if not name:
        what = f"names no base, and there is no {BASE_RECORD} beside it"
        cure = "write the base's name or folder there"
        raise UnusableInput(Problem(what, file=str(config), field=field, cure=cure))
    return str(name)
