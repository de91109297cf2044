"""What a format is, and the checks that several share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from erniekit_finetuning.data.pair import Pair, Turn
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.faults import unusable


@dataclass(frozen=True)
class Format:
    """One format. `write` and `read` are inverse on the pairs that it can hold.

    `text_only`: it has no place for images, so the document's text takes the place of their tags.
    `arrays`: its engines read a JSON array, too, not only one object a line.
    `keys` are all keys of a row. `write` raises UnusableInput for a pair without a place in it,
    `read` for a row that is not of the format, with every fault.
    """

    name: str
    keys: frozenset[str]
    text_only: bool
    arrays: bool
    write: Callable[[Pair], dict[str, Any]]
    read: Callable[[Mapping[str, Any]], Pair]

    def known(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The keys of the format; other tools' files carry more that say nothing to a model."""
        return {key: value for key, value in row.items() if key in self.keys}

    def row(self, pair: Pair) -> dict[str, Any]:
        """The row of a pair, made into one for text models where the format has no images."""
        return self.write(pair.for_text_models() if self.text_only else pair)

    def kept(self, pair: Pair) -> Pair:
        """What of a pair the format keeps: all but `pairs` lose id, text, boxes and tags."""
        if self.name == "pairs":
            return pair
        pair = pair.for_text_models() if self.text_only else pair
        return pair.model_copy(update={"id": None, "text": None, "pages": None, "tags": None})


class Row(BaseModel):
    """A row read strictly: unknown keys and wrong types are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def checked(model: type[Row], row: Mapping[str, Any], expected: str) -> Any:
    """The row as `model`; raises UnusableInput with every fault."""
    try:
        return model.model_validate(row)
    except ValidationError as error:
        raise unusable(error, shown=True, expected=expected) from error


def pair_of(turns: tuple[Turn, ...], images: tuple[str, ...] = ()) -> Pair:
    """A pair of turns and images, one image under `image`, several under `images`."""
    return Pair(
        image=images[0] if len(images) == 1 else None,
        images=images if len(images) > 1 else None,
        conversations=turns,
    )


def no_place(name: str, what: str, cure: str) -> UnusableInput:
    """The error for a pair that a format cannot hold."""
    return UnusableInput(Problem(f"the format {name} has no place for {what}", cure=cure))
