"""A JSON Schema of a team's own: the shape that its truths have and that its answers shall have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from jsonschema.protocols import Validator

from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.data.prompts import own_words
from erniekit_finetuning.data.schemas.blank import blank
from erniekit_finetuning.data.schemas.reading import answer_tree
from erniekit_finetuning.data.schemas.tree import Object
from erniekit_finetuning.errors import Problem, UnusableInput


@dataclass(frozen=True)
class OwnSchema:
    """A schema by its JSON text: equal texts are equal schemas, also in another process."""

    text: str

    @property
    def json(self) -> Mapping[str, Any]:
        """The schema as JSON."""
        found: Mapping[str, Any] = self.validator.schema  # type: ignore[assignment]
        return found

    @property
    def validator(self) -> Validator:
        """What judges answers by it."""
        return _validator(self.text)

    @property
    def tree(self) -> Object:
        """What answers are held to."""
        return _tree(self.text)

    @property
    def words(self) -> str:
        """The instruction that asks for an answer of it."""
        return own_words(blank(self.tree))


def schema_sha256(schema: Mapping[str, Any]) -> str:
    """What tells schemas apart: keys in their order, without regard to white space."""
    return sha256(compact(schema).encode()).hexdigest()


def read_validator(path: Path) -> Validator:
    """Any JSON Schema (2020-12); raises UnusableInput when it cannot be read or is none."""
    return _validator(_text(path))


def read_own_schema(path: Path) -> OwnSchema:
    """A schema that answers can be held to.

    Raises UnusableInput when it cannot be read, or with everything in it that is not of the subset
    that docs/decoding.md lists.
    """
    schema = OwnSchema(_text(path))
    try:
        _ = schema.tree
    except UnusableInput as error:
        raise UnusableInput([replace(one, file=str(path)) for one in error.problems]) from error
    return schema


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
        Draft202012Validator.check_schema(json.loads(text))
    except (OSError, ValueError, RecursionError, SchemaError) as error:
        found = str(error).splitlines()[0][:200]
        raise UnusableInput(Problem("is no JSON Schema", file=str(path), found=found)) from error
    return text


@cache
def _validator(text: str) -> Validator:
    return Draft202012Validator(json.loads(text))


@cache
def _tree(text: str) -> Object:
    return answer_tree(json.loads(text))
