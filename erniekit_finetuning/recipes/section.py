"""What all sections of a recipe share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _list_as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


AsTuple = BeforeValidator(_list_as_tuple)
Name = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Name, ...], AsTuple]


class Section(BaseModel):
    """Strict and frozen: `r: true` and `r: 16.5` are errors, not 1 and 16."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, validate_default=True, serialize_by_alias=True
    )
