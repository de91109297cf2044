"""Over every printed value of an invoice, wherever it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from erniekit_finetuning.invoice.model import Printed

M = TypeVar("M", bound=BaseModel)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Printed[Any]]]:
    """Every printed value of an invoice or a part of it, with its path: `lines[0].net_amount`."""
    if isinstance(value, Printed):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            child = getattr(value, name)
            if child is not None:
                yield from leaves(child, f"{path}.{name}" if path else name)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")


def mapped(value: M, change: Callable[[str, Printed[Any]], Printed[Any]]) -> M:
    """A copy of an invoice or a part of it; `change` gets each value's field name and the value."""
    return cast(M, _mapped(value, "", change))


def _mapped(value: Any, name: str, change: Callable[[str, Printed[Any]], Printed[Any]]) -> Any:
    if isinstance(value, Printed):
        return change(name, value)
    if isinstance(value, BaseModel):
        update = {}
        for field in type(value).model_fields:
            child = getattr(value, field)
            if isinstance(child, BaseModel | tuple):
                update[field] = _mapped(child, field, change)
        return value.model_copy(update=update)
    if isinstance(value, tuple):
        return tuple(_mapped(item, name, change) for item in value)
    return value
