"""What can be evaluated: a local model on an engine, or a model behind an API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from erniekit_finetuning.engines.api.costs import cost
from erniekit_finetuning.engines.api.reader import ApiReader
from erniekit_finetuning.engines.api.settings import fingerprint, load_api_model
from erniekit_finetuning.engines.protocol import Reader
from erniekit_finetuning.engines.registry import ENGINES, get_engine
from erniekit_finetuning.evaluation.asking import Price
from erniekit_finetuning.evaluation.fingerprints import model_fingerprint
from erniekit_finetuning.invoice.answer_schema import answer_schema
from erniekit_finetuning.shipped import shipped

API = "api"


@dataclass(frozen=True)
class Contestant:
    """A model that answers. `load(batch_size)` gives its reader; `sha256` is its fingerprint."""

    name: str
    engine: str
    sha256: str
    load: Callable[[int], Reader]
    price: Price = lambda prompt_tokens, new_tokens: None
    currency: str | None = None


def contestant(
    spec: str, engine: str = "paddle", schema: Mapping[str, Any] | None = None
) -> Contestant:
    """The model that a word of the command line names.

    `hf:runs/mine` names the engine, too; a `.yaml` file describes a model behind an API, which may
    be held to `schema` (left out: the schema of our own answers). Raises UnusableInput for a model
    that is not there.
    """
    if spec.endswith((".yaml", ".yml")):
        return _behind_api(Path(spec), answer_schema() if schema is None else schema)
    before, colon, after = spec.partition(":")
    name = spec
    if colon and before in ENGINES:
        engine, name = before, after
    return Contestant(
        name, engine, model_fingerprint(name), lambda size: get_engine(engine).load(name, size)
    )


def engine_of(spec: str, engine: str) -> str:
    """The engine that answers for a word of the command line."""
    if spec.endswith((".yaml", ".yml")):
        return API
    before, colon, _ = spec.partition(":")
    return before if colon and before in ENGINES else engine


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
