"""Which model behind an API is asked, and how: a YAML file with the section `api`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BeforeValidator,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.faults import said
from erniekit_finetuning.recipes.section import Name, Section
from erniekit_finetuning.recipes.yaml_file import Key, read_with_problems

ENDPOINT = "/chat/completions"
_OWN = {"model", "messages", "max_tokens", "n", "response_format", "stream"}
_SECRET = re.compile(r"key|token|secret|password|authorization", re.IGNORECASE)
_NO_KEY = "name the environment variable that holds the key in key_env"
# What is wrong in these may be a key: it is not shown.
_HIDDEN = ("base_url", "key_env", "extra")


def _exact(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a number")
    # A float's repr is the number as the file says it, up to 15 digits.
    return Decimal(repr(value))


Price = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, max_digits=15)]


class ApiModel(Section):
    """A model behind an API. The key is not in it, only the name of the variable that holds it.

    `thinking` on or off is sent as `thinking_key` says; left out, the server decides. `timeout` is
    in seconds, `context` in tokens, prices in `currency` for a million tokens.
    """

    base_url: Name
    model: Name
    key_env: str | None = None
    thinking: bool | None = None  # YAML reads on and off as true and false
    thinking_key: Literal["chat_template_kwargs", "enable_thinking"] = "chat_template_kwargs"
    images: bool = False
    json_mode: Literal["none", "object", "schema"] = "none"
    context: int = Field(32768, ge=2)
    parallel: int = Field(4, ge=1)
    timeout: float = Field(120, gt=0)
    retries: int = Field(5, ge=0)
    price_in: Price | None = None
    price_out: Price | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    extra: dict[str, JsonValue] = Field(default_factory=dict)

    @field_validator("base_url")
    @classmethod
    def _plain_url(cls, url: str) -> str:
        if "@" in url:
            raise ValueError(f"carries a user or a password; {_NO_KEY}")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", url):
            raise ValueError("not an address that begins with http:// or https://")
        if parts.query or parts.fragment:
            raise ValueError(f"carries a query, which may hold a key; {_NO_KEY}")
        url = url.rstrip("/")
        if url.endswith(ENDPOINT):
            raise ValueError(f"{ENDPOINT} is added to it: leave that out")
        return url

    @field_validator("key_env")
    @classmethod
    def _a_name(cls, name: str | None) -> str | None:
        if name is not None and not re.fullmatch("[A-Z_][A-Z0-9_]*", name):
            raise ValueError("not the name of an environment variable in capitals")
        return name

    @field_validator("extra")
    @classmethod
    def _not_ours(cls, extra: dict[str, JsonValue]) -> dict[str, JsonValue]:
        for name in extra:
            if name in _OWN:
                raise ValueError(f"{name} is set by the reader")
            if name.lower() in ("key", "api_key", "authorization"):
                raise ValueError(f"{name} has no place in a file; {_NO_KEY}")
        return extra

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.thinking is not None and self.thinking_key in self.extra:
            raise ValueError(f"thinking and extra both say {self.thinking_key}: say it once")
        if len({x is None for x in (self.price_in, self.price_out, self.currency)}) > 1:
            raise ValueError("price_in, price_out and currency go together")
        return self

    @property
    def url(self) -> str:
        """Where requests go."""
        return self.base_url + ENDPOINT

    def body(self, schema: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What every request says, whatever the question; `schema` counts in json_mode schema."""
        body: dict[str, Any] = {"model": self.model, "temperature": 0}
        if self.json_mode == "object":
            body["response_format"] = {"type": "json_object"}
        elif self.json_mode == "schema":
            form = {"name": "answer", "schema": dict(schema or {})}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        if self.thinking is not None:
            switch = {"enable_thinking": self.thinking}
            template = self.thinking_key == "chat_template_kwargs"
            body |= {self.thinking_key: switch} if template else switch
        return body | self.extra


class _File(Section):
    api: ApiModel


def is_api_model(name: str) -> bool:
    """Whether a model's name is a file that describes one behind an API."""
    return name.endswith((".yaml", ".yml"))


def load_api_model(path: Path) -> ApiModel:
    """Read a settings file; raises UnusableInput with all its faults, and none shows a key."""
    values, lines, problems = read_with_problems(path)
    try:
        file = _File.model_validate(values)
    except ValidationError as error:
        problems += [_problem(path, lines, detail) for detail in error.errors()]
    if problems:
        raise UnusableInput(problems)
    return file.api


def fingerprint(model: ApiModel, schema: Mapping[str, Any] | None = None) -> str:
    """SHA-256 over what shapes an answer; what only shapes cost and speed is not in it."""
    shaping = {"base_url": model.base_url, "images": model.images, "body": model.body(schema)}
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()


def _problem(path: Path, lines: dict[Key, int], detail: Any) -> Problem:
    key: Key = tuple(str(part) for part in detail["loc"])
    nearest = next((key[:n] for n in range(len(key), 0, -1) if key[:n] in lines), ())
    what, found, cure = said(detail), None, None
    if detail["type"] == "extra_forbidden":
        what, cure = "unknown key", _known(key)
        if _SECRET.search(key[-1]):
            what, cure = "no such key, and the key itself has no place in a file", _NO_KEY
    elif detail["type"] != "missing" and not isinstance(detail["input"], dict):
        shown = len(key) > 1 and key[1] not in _HIDDEN
        found = repr(detail["input"]) if shown else None
    return Problem(what, str(path), lines.get(nearest), ".".join(key), found, cure=cure)


def _known(key: Key) -> str:
    names = list((ApiModel if len(key) > 1 else _File).model_fields)
    close = get_close_matches(key[-1], names, n=1)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(names)}"
