"""Settings of the service: environment first, then a YAML file, then defaults.

ERNIE_FINETUNED_PATH=runs/demo/adapter        the fine-tuned model
ERNIE_INVOICE_ERNIE_VL__BASE_MODEL=...        any other field
ERNIE_INVOICE_CONFIG=service.yaml             the YAML file
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    YamlConfigSettingsSource,
)
from yaml import YAMLError

from app.config.sections import Api, Documents, ErnieVL, Jobs, Kept
from app.config.variables import refuse_unknown_variables
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.faults import field_of, said

_Kind = TypeVar("_Kind", bound=BaseModel)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Settings(BaseSettings):
    """Everything the service can be told."""

    model_config = SettingsConfigDict(
        env_prefix="ERNIE_INVOICE_", env_nested_delimiter="__", extra="forbid"
    )

    ernie_vl: ErnieVL = ErnieVL()
    documents: Documents = Documents()
    api: Api = Api()
    kept: Kept = Kept()
    jobs: Jobs = Jobs()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over what the caller gives over the YAML file."""
        file = os.environ.get("ERNIE_INVOICE_CONFIG")
        yaml = YamlConfigSettingsSource(settings_cls, yaml_file=file)
        return _FineTunedPath(settings_cls), env_settings, init_settings, yaml


class _FineTunedPath(PydanticBaseSettingsSource):
    """ERNIE_FINETUNED_PATH, the name that deployments already use."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        path = os.environ.get("ERNIE_FINETUNED_PATH")
        return {"ernie_vl": {"fine_tuned_model_path": path}} if path else {}


def load_settings(config: Mapping[str, Any] | None = None) -> Settings:
    """Environment over `config` over the YAML file; raises UnusableInput with every fault."""
    refuse_unknown_variables("ERNIE_INVOICE_", Settings.model_fields)
    file = os.environ.get("ERNIE_INVOICE_CONFIG")
    if file and not Path(file).is_file():
        raise UnusableInput(
            Problem("no such file", field="ERNIE_INVOICE_CONFIG", found=file, cure="check the path")
        )
    try:
        return Settings(**(config or {}))
    except ValidationError as error:
        raise _faults(error) from error
    except (SettingsError, YAMLError, TypeError, ValueError) as error:
        where, found = file or "environment", str(error).split("\n")[0][:200]
        cure = "YAML with a mapping for each section; JSON in variables of whole sections"
        raise UnusableInput(
            Problem("the settings cannot be read", where, found=found, cure=cure)
        ) from error


def _faults(error: ValidationError) -> UnusableInput:
    """Every fault, without the values: some are secret."""
    return UnusableInput(
        [
            Problem(
                said(fault),
                file="settings",
                field=field_of(fault),
                cure=_known(fault["loc"]),
            )
            for fault in error.errors(include_url=False, include_input=False)
        ]
    )


def _known(place: tuple[int | str, ...]) -> str:
    """The keys that there are where one was wrong."""
    sections: dict[int | str, type[BaseModel]] = {
        "ernie_vl": ErnieVL,
        "documents": Documents,
        "api": Api,
        "kept": Kept,
        "jobs": Jobs,
    }
    section = sections.get(place[0]) if place else None
    if section is None:
        return f"known sections: {', '.join(Settings.model_fields)}"
    return f"known keys of {place[0]}: {', '.join(section.model_fields)}"


def _section(kind: type[_Kind], given: Mapping[str, Any]) -> _Kind:
    try:
        return kind(**given)
    except ValidationError as error:
        raise _faults(error) from error


def settings_for(model: str | None, schema: Path | None = None) -> Settings:
    """The settings with `model` (a name or folder) in place of base and fine-tuned model.

    What a person typed goes before environment and file; None changes nothing.
    """
    settings = load_settings()
    named, kept = settings.ernie_vl.model_dump(), settings.kept
    if model is not None:
        named |= {"base_model": model, "fine_tuned_model_path": None}
        kept = kept.model_copy(update={"follow_promoted": False})
    if schema is not None:
        named["answer_schema"] = schema
    return settings.model_copy(update={"ernie_vl": _section(ErnieVL, named), "kept": kept})


def settings_to_serve(
    model: str | None, schema: Path | None, host: str | None, port: int | None
) -> Settings:
    """`settings_for`, and the address that was typed.

    Raises UnusableInput for an address that other machines reach where no key is set.
    """
    settings = settings_for(model, schema)
    at = settings.api.model_dump()
    at |= {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    api = _section(Api, at)
    if api.key is None and not _is_loopback(api.host):
        raise UnusableInput(
            Problem(
                "other machines can reach this address, and no key is set",
                field="api.host",
                found=api.host,
                cure="set api.key (16 letters, digits and signs or more), or listen on 127.0.0.1",
            )
        )
    return settings.model_copy(update={"api": api})
