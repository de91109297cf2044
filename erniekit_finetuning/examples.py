"""Pairs to the conversations that a training learns from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from erniekit_finetuning.data.pair import Pair
from erniekit_finetuning.data.rows import Row, read_rows
from erniekit_finetuning.data.schemas.keeping import answer_problems
from erniekit_finetuning.data.schemas.own import OwnSchema
from erniekit_finetuning.data.standardizing import LeftOut, standardized
from erniekit_finetuning.engines.protocol import Example, Message
from erniekit_finetuning.errors import Problem, UnusableInput, brief
from erniekit_finetuning.invoice.strict_json import exact_number, parse

_ROLES = {"system": "system", "human": "user", "assistant": "assistant"}


def read_examples(
    path: Path,
    with_images: bool = False,
    schema: OwnSchema | None = None,
    rows: Iterator[Row] | None = None,
    left_out: LeftOut | None = None,
) -> list[Example]:
    """Examples of a file of pairs or conversations, all with answers of `schema` if there is one.

    `rows` are read in the place of the file's: those of a data set of the hub; `left_out` counts
    what `standardize` leaves out. Raises UnusableInput naming every pair that cannot be one.
    Without images, the document's text stands in the place of the image tags.
    """
    examples: list[Example] = []
    problems: list[Problem] = []
    left = LeftOut() if left_out is None else left_out
    given = read_rows(str(path)) if rows is None else rows
    for number, (_, pair) in enumerate(standardized(given, str(path), left), start=1):
        try:
            example = example_of(pair, number, with_images)
            images = tuple(str(image_path(path, image)) for image in example.images)
            problems += _missing(images, path, number)
            if schema is not None:
                of_schema = breaks(pair, schema)
                problems += [replace(one, file=str(path), line=number) for one in of_schema]
            examples.append(replace(example, images=images))
        except UnusableInput as error:
            problems += error.problems
    if problems:
        raise UnusableInput(problems)
    return examples


def image_path(file: Path, image: str) -> Path:
    """Where an image lies: beside the file that names it, else where the command runs."""
    beside = file.parent / image
    return beside if beside.exists() else Path(image)


def breaks(pair: Pair, schema: OwnSchema) -> list[Problem]:
    """Why a pair cannot teach a model to answer in a schema: its answer, or what it is asked."""
    cure = "make the pairs with prepare_data.py --schema"
    problems = []
    if not pair.human.endswith(schema.words):
        found, expected = brief(pair.human[-60:]), brief(schema.words)
        what = "does not ask in the words of data.schema"
        problems.append(
            Problem(what, field="conversations", found=found, expected=expected, cure=cure)
        )
    try:
        return [*problems, *answer_problems(parse(pair.answer, exact_number), schema)]
    except UnusableInput as error:
        return [*problems, *error.problems]


def _missing(images: Sequence[str], file: Path, number: int) -> list[Problem]:
    return [
        Problem("the image is not there", str(file), number, "image", found=image)
        for image in images
        if not Path(image).is_file()
    ]


def example_of(pair: Pair, number: int, with_images: bool = False) -> Example:
    """One pair as an example; raises UnusableInput when it has images but no text of them."""
    shown = pair if with_images else pair.for_text_models()
    messages = tuple(
        Message(_ROLES[turn.role], turn.content)  # type: ignore[arg-type]
        for turn in shown.conversations
    )
    return Example(messages, pair.id or str(number), shown.all_images)
