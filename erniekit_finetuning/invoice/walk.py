"""Over every printed value of an invoice, wherever it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from erniekit_finetuning.invoice.model import Printed

M = TypeVar("M", bound=BaseModel)
_INNER = (BaseModel, tuple)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Printed[Any]]]:
    """Every printed value of an invoice or a part of it, with its path: `lines[0].net_amount`."""
    found: list[tuple[str, Printed[Any]]] = []
    _gather(value, path, found)
    return iter(found)


def _gather(value: Any, path: str, found: list[tuple[str, Printed[Any]]]) -> None:
    # A model's __dict__ holds its fields in their order; looking them up by name takes longer.
    if isinstance(value, Printed):
        found.append((path, value))
    elif isinstance(value, BaseModel):
        for name, child in value.__dict__.items():
            if child is not None and isinstance(child, _INNER):
                _gather(child, f"{path}.{name}" if path else name, found)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            _gather(item, f"{path}[{index}]", found)


def changed(value: M, update: Mapping[str, Any]) -> M:
    """`value.model_copy(update=update)`, four times as fast; for models without extra fields.

    A document has a hundred values, and typing it changes each one.
    """
    made = value.__class__.__new__(value.__class__)
    made.__dict__.update(value.__dict__)
    made.__dict__.update(update)
    fields_set = value.__pydantic_fields_set__ | update.keys()
    object.__setattr__(made, "__pydantic_fields_set__", fields_set)
    object.__setattr__(made, "__pydantic_extra__", None)
    object.__setattr__(made, "__pydantic_private__", None)
    return made


def mapped(value: M, change: Callable[[str, Printed[Any]], Printed[Any]]) -> M:
    """A copy of an invoice or a part of it; `change` gets each value's field name and the value.

    Parts in which nothing changes are not copied: they cannot be changed either.
    """
    return cast(M, _mapped(value, "", change))


def _mapped(value: Any, name: str, change: Callable[[str, Printed[Any]], Printed[Any]]) -> Any:
    if isinstance(value, Printed):
        return change(name, value)
    if isinstance(value, BaseModel):
        update = {}
        for field, child in value.__dict__.items():
            if child is not None and isinstance(child, _INNER):
                made = _mapped(child, field, change)
                if made is not child:
                    update[field] = made
        return changed(value, update) if update else value
    if not isinstance(value, tuple):
        return value
    items = tuple(_mapped(item, name, change) for item in value)
    same = all(made is item for made, item in zip(items, value, strict=True))
    return value if same else items
