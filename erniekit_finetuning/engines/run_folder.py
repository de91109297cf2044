"""A run's folder: what it holds, whose it is, and whether it is finished."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from erniekit_finetuning.data.schemas.own import schema_sha256
from erniekit_finetuning.engines.processes import result_from_json
from erniekit_finetuning.engines.prompting import SCHEMA_FILE, prompting_of
from erniekit_finetuning.engines.protocol import Example, TrainResult
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_json, write_text
from erniekit_finetuning.recipes.loading import dump_recipe
from erniekit_finetuning.recipes.model import Recipe

RUN_FILE = "run.json"


@dataclass(frozen=True)
class RunFolder:
    """The folder of one training, opened for one recipe and one set of examples."""

    path: Path
    identity: dict[str, Any]

    def finished(self) -> TrainResult | None:
        """The result of this very training, when it was done before."""
        saved = read_run(self.path)
        if saved is None or saved["state"] != "finished":
            return None
        model = self.path / saved["result"]["model"]
        if not model.is_dir():
            return None
        result = saved["result"] | {"model": model, "already_finished": True}
        return result_from_json(result)

    def finish(
        self, result: TrainResult, estimate: dict[str, Any], sources: Sequence[dict[str, Any]] = ()
    ) -> None:
        """Write run.json as finished; `estimate` is what was expected before, `sources` count where
        the examples came from."""
        told = asdict(result) | {"model": result.model.name}
        run = {
            "state": "finished",
            **self.identity,
            "sources": list(sources),
            "estimate": estimate,
            "result": told,
        }
        write_json(self.path / RUN_FILE, run)


def open_run(
    path: Path, recipe: Recipe, examples: Sequence[Example], recipe_file: Path | None
) -> RunFolder:
    """Take a new folder, or the same training's folder again.

    Raises UnusableInput when the folder holds another training, with all that differs, or the
    recipe's schema cannot be used.
    """
    schema = prompting_of(recipe.data).schema
    identity = {
        "recipe_file": recipe_file.name if recipe_file else None,
        "recipe": recipe.model_dump(mode="json"),
        "data_fingerprint": data_fingerprint(examples),
        "examples": len(examples),
        "schema_sha256": None if schema is None else schema_sha256(schema.json),
    }
    saved = read_run(path)
    if saved is None:
        if any((path / name).exists() for name in ("checkpoints", "adapter", "model")):
            cure = "name another output folder"
            raise UnusableInput(Problem(f"has no {RUN_FILE}", file=str(path), cure=cure))
        write_text(path / "recipe.yaml", dump_recipe(recipe))
        if schema is not None:
            write_text(path / SCHEMA_FILE, schema.text)
        write_json(path / RUN_FILE, {"state": "running", **identity})
        return RunFolder(path, identity)
    problems = _differences(path, saved, identity)
    if problems:
        raise UnusableInput(problems)
    return RunFolder(path, identity)


def read_run(path: Path) -> dict[str, Any] | None:
    """A run folder's run.json, None when there is none."""
    file = path / RUN_FILE
    if not file.is_file():
        return None
    run: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return run


def data_fingerprint(examples: Sequence[Example]) -> str:
    """A hash of all conversations, in order."""
    digest = hashlib.sha256()
    for example in examples:
        said = [[message.role, message.content, message.trained] for message in example.messages]
        digest.update(json.dumps([said, example.images]).encode() + b"\n")
    return digest.hexdigest()


def _differences(path: Path, saved: dict[str, Any], identity: dict[str, Any]) -> list[Problem]:
    cure = "name another output folder, or remove this one"
    problems = []
    if saved["data_fingerprint"] != identity["data_fingerprint"]:
        found, expected = f"{identity['examples']} examples", f"the {saved['examples']} of that run"
        what = "holds a training on other data"
        problems.append(Problem(what, file=str(path), found=found, expected=expected, cure=cure))
    if saved.get("schema_sha256") != identity["schema_sha256"]:
        what = "holds a training with another schema"
        problems.append(Problem(what, file=str(path), field="data.schema", cure=cure))
    old, new = flat(saved["recipe"]), flat(identity["recipe"])
    for field in sorted(old.keys() | new.keys()):
        if old.get(field) != new.get(field):
            found, expected = repr(new.get(field)), repr(old.get(field))
            what = "holds a training with another recipe"
            problems.append(
                Problem(
                    what, file=str(path), field=field, found=found, expected=expected, cure=cure
                )
            )
    return problems


def flat(values: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Nested sections as one, by dotted keys.

    >>> flat({"lora": {"r": 4}, "engine": "hf"})
    {'lora.r': 4, 'engine': 'hf'}
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = above + key
        found |= flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return found
