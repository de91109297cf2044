"""What can be evaluated: a local model on an engine, or a model behind an API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from erniekit_finetuning.data.schemas.reading import plain_schema
from erniekit_finetuning.engines.api.costs import cost
from erniekit_finetuning.engines.api.reader import ApiReader
from erniekit_finetuning.engines.api.settings import fingerprint, is_api_model, load_api_model
from erniekit_finetuning.engines.prompting import schema_file
from erniekit_finetuning.engines.protocol import Reader
from erniekit_finetuning.engines.registry import ENGINES, get_engine
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluation.asking import Price
from erniekit_finetuning.evaluation.fingerprints import model_fingerprint
from erniekit_finetuning.invoice.answer_schema import answer_schema
from erniekit_finetuning.recipes.models import model_folder
from erniekit_finetuning.shipped import shipped

API = "api"


@dataclass(frozen=True)
class Contestant:
    """A model that answers. `load(batch_size)` gives its reader; `sha256` is its fingerprint.

    `folder`: where a model or run folder lies; None of a model by name or behind an API.
    """

    name: str
    engine: str
    sha256: str
    load: Callable[[int], Reader]
    price: Price = lambda prompt_tokens, new_tokens: None
    currency: str | None = None
    folder: Path | None = None


def contestant(
    spec: str, engine: str = "paddle", schema: Mapping[str, Any] | None = None
) -> Contestant:
    """The model that a word of the command line names.

    `hf:runs/mine` names the engine, too; a `.yaml` file describes a model behind an API, which may
    be held to `schema` (left out: the schema of our own answers). Raises UnusableInput for a model
    that is not there.
    """
    kind, name = _told(spec, engine)
    if kind == API:
        return _behind_api(Path(spec), plain_schema(answer_schema() if schema is None else schema))
    sha256 = model_fingerprint(name)
    return Contestant(
        name,
        kind,
        sha256,
        lambda size: get_engine(kind).load(name, size),
        folder=folder_of(spec, engine),
    )


def trained_schema(specs: Sequence[str], engine: str) -> Path | None:
    """The schema of the answers that models were trained to give; all of them are held to it.

    None where no model was trained on one. Raises UnusableInput where they differ: answers of two
    shapes cannot be judged by one truth.
    """
    told = [_told(spec, engine) for spec in specs]
    files = [schema_file(name) for kind, name in told if kind != API]
    found = {file.read_text(encoding="utf-8"): file for file in files if file is not None}
    if len(found) > 1:
        listed = ", ".join(map(str, found.values()))
        what, cure = "the models were trained for answers of different schemas", "give --schema"
        raise UnusableInput(Problem(what, found=listed, cure=cure))
    return next(iter(found.values()), None)


def engine_of(spec: str, engine: str) -> str:
    """The engine that answers for a word of the command line."""
    return _told(spec, engine)[0]


def folder_of(spec: str, engine: str) -> Path | None:
    """Where a model or run folder lies; None of a model by name or behind an API."""
    kind, name = _told(spec, engine)
    return None if kind == API else model_folder(name)


def _told(spec: str, engine: str) -> tuple[str, str]:
    """The engine and the model that a word names."""
    if is_api_model(spec):
        return API, spec
    before, colon, after = spec.partition(":")
    return (before, after) if colon and before in ENGINES else (engine, spec)


def _behind_api(path: Path, schema: Mapping[str, Any]) -> Contestant:
    settings = load_api_model(shipped(path))
    return Contestant(
        settings.model,
        API,
        fingerprint(settings, schema),
        lambda _: ApiReader(settings, schema),
        lambda prompt_tokens, new_tokens: cost(settings, prompt_tokens, new_tokens),
        settings.currency,
    )
