"""Over every printed value of an invoice, wherever it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from erniekit_finetuning.invoice.model import Printed

M = TypeVar("M", bound=BaseModel)


class _Sort(Enum):
    LEAF = 1
    PART = 2
    LIST = 3
    OTHER = 4


def _sort_of(value: Any) -> _Sort:
    """What a value is; its class is asked once, which is quicker than isinstance each time."""
    found = _SORTS.get(value.__class__)
    return _learnt(value.__class__) if found is None else found


_SORTS: dict[type, _Sort] = {}


def _learnt(kind: type) -> _Sort:
    if issubclass(kind, Printed):
        sort = _Sort.LEAF
    elif issubclass(kind, BaseModel):
        sort = _Sort.PART
    else:
        sort = _Sort.LIST if issubclass(kind, tuple) else _Sort.OTHER
    return _SORTS.setdefault(kind, sort)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Printed[Any]]]:
    """Every printed value of an invoice or a part of it, with its path: `lines[0].net_amount`."""
    found: list[tuple[str, Printed[Any]]] = []
    _gather(value, path, found)
    return iter(found)


def _gather(value: Any, path: str, found: list[tuple[str, Printed[Any]]]) -> None:
    sort = _sort_of(value)
    if sort is _Sort.LEAF:
        found.append((path, value))
    elif sort is _Sort.PART:
        before = f"{path}." if path else ""
        # A model's __dict__ holds its fields in their order; looking them up by name takes longer.
        for name, child in value.__dict__.items():
            if not child:  # nothing, or an empty list
                continue
            sort = _sort_of(child)
            if sort is _Sort.LEAF:
                found.append((before + name, child))
            elif sort is not _Sort.OTHER:
                _gather(child, before + name, found)
    elif sort is _Sort.LIST:
        for index, item in enumerate(value):
            _gather(item, f"{path}[{index}]", found)


def changed(value: M, update: Mapping[str, Any]) -> M:
    """`value.model_copy(update=update)`, four times as fast; for models without extra fields.

    A document has a hundred values, and typing it changes each one.
    """
    made = value.__class__.__new__(value.__class__)
    fields_set = value.__pydantic_fields_set__ | update.keys()
    _set(made, "__dict__", {**value.__dict__, **update})
    _set(made, "__pydantic_fields_set__", fields_set)
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made


_set = object.__setattr__  # the models are frozen


def mapped(value: M, change: Callable[[str, Printed[Any]], Printed[Any]]) -> M:
    """A copy of an invoice or a part of it; `change` gets each value's field name and the value.

    Parts in which nothing changes are not copied: they cannot be changed either.
    """
    return cast(M, _mapped(value, "", change))


def _mapped(value: Any, name: str, change: Callable[[str, Printed[Any]], Printed[Any]]) -> Any:
    sort = _sort_of(value)
    if sort is _Sort.LEAF:
        return change(name, value)
    if sort is _Sort.PART:
        update = {}
        for field, child in value.__dict__.items():
            if not child:  # nothing, or an empty list
                continue
            sort = _sort_of(child)
            if sort is _Sort.OTHER:
                continue
            made = change(field, child) if sort is _Sort.LEAF else _mapped(child, field, change)
            if made is not child:
                update[field] = made
        return changed(value, update) if update else value
    if sort is not _Sort.LIST or not value:
        return value
    items = tuple([_mapped(item, name, change) for item in value])
    same = all(made is item for made, item in zip(items, value, strict=True))
    return value if same else items
