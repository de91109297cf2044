"""Conversations in the shapes of other tools, to turns: questions, answers, images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from erniekit_finetuning.data.escaping import IMAGE_TAG, escaped, escaped_answer
from erniekit_finetuning.data.exact_json import exact_json
from erniekit_finetuning.data.formats import FORMATS
from erniekit_finetuning.data.pair import Turn
from erniekit_finetuning.data.record import Conversation, Folders
from erniekit_finetuning.errors import Problem, UnusableInput

Fields = Mapping[str, Any]


def prompt_completion(row: Fields, origin: str, folders: Folders) -> Conversation:
    """{prompt, completion}, {instruction, output}: one question, one answer."""
    question = _text(row, "prompt" if "prompt" in row else "instruction")
    answer = next(key for key in ("completion", "response", "output") if key in row)
    return _one(row, origin, folders, question, row[answer])


def alpaca(row: Fields, origin: str, folders: Folders) -> Conversation:
    """{instruction, input, output}: instruction and input on lines of their own."""
    asked = [_text(row, "instruction"), str(row.get("input") or "")]
    return _one(row, origin, folders, "\n".join(part for part in asked if part), row["output"])


def _one(row: Fields, origin: str, folders: Folders, question: str, answer: Any) -> Conversation:
    if not isinstance(answer, str):
        answer = exact_json(answer)
    system = row.get("system")
    turns = (
        *((Turn(role="system", content=str(system)),) if system else ()),
        Turn(role="human", content=question),
        Turn(role="assistant", content=answer),
    )
    return _conversation(row, origin, folders, turns, _images(row))


def in_format(name: str) -> Callable[[Fields, str, Folders], Conversation]:
    """The reader of one of our own formats, for files that other tools made."""

    def read(row: Fields, origin: str, folders: Folders) -> Conversation:
        pair = FORMATS[name].read(FORMATS[name].known(row))
        # Some tools name the image beside a format that has no key for it.
        images = pair.all_images or _images(row)
        return _conversation(row, origin, folders, pair.conversations, images)

    return read


def _conversation(
    row: Fields,
    origin: str,
    folders: Folders,
    turns: tuple[Turn, ...],
    images: tuple[str, ...],
) -> Conversation:
    identifier = row.get("document_id") or row.get("id") or origin
    turns = tuple(without_stray_tags(turn, bool(images)) for turn in turns)
    return Conversation(
        id=str(identifier),
        turns=turns,
        images=tuple(folders.image(name, "image") for name in images),
    )


def without_stray_tags(turn: Turn, shows_images: bool) -> Turn:
    """A turn whose `<image>` is a tag only where an image stands."""
    if IMAGE_TAG not in turn.content:
        return turn
    if turn.role == "assistant":
        return Turn(role=turn.role, content=escaped_answer(turn.content))
    if turn.role == "human" and shows_images:
        return turn
    return Turn(role=turn.role, content=escaped(turn.content))


def _images(row: Fields) -> tuple[str, ...]:
    """The images of a row that names them beside the conversation."""
    found = row.get("images", row.get("image"))
    if found is None or found == "":
        return ()
    names = found if isinstance(found, list) else [found]
    wrong = next((name for name in names if not isinstance(name, str)), None)
    if wrong is not None:
        raise UnusableInput(
            Problem(
                "not the path of an image",
                field="image",
                found=type(wrong).__name__,
                expected="a path or a list of paths",
            )
        )
    return tuple(names)


def _text(row: Fields, key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str | int | float | Decimal) or isinstance(value, bool):
        raise UnusableInput(
            Problem("not a text", field=key, found=type(value).__name__, expected="a string")
        )
    return str(value)
