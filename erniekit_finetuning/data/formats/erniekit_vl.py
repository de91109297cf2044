"""ERNIEKit, vision: images and texts in two lists, each image matched to the text it stands before.

{"image_info": [{"matched_text_index": 0, "image_url": ".."}],
 "text_info": [{"text": "..", "tag": "mask"}, {"text": "..", "tag": "no_mask"}]}
Texts alternate: mask is a question (not trained), no_mask an answer. Every row needs an image.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from erniekit_finetuning.data.escaping import IMAGE_TAG
from erniekit_finetuning.data.formats.format import Format, Row, checked, no_place, pair_of
from erniekit_finetuning.data.pair import Pair, Turn
from erniekit_finetuning.errors import Problem, UnusableInput

_NAME = "erniekit-vl"
_EXPECTED = (
    '{"image_info": [{"matched_text_index": 0, "image_url": ".."}], '
    '"text_info": [{"text": "..", "tag": "mask"}, {"text": "..", "tag": "no_mask"}]}'
)


class _Image(Row):
    matched_text_index: int
    image_url: str


class _Text(Row):
    text: str
    tag: Literal["mask", "no_mask"]


class _ErnieKitVL(Row):
    image_info: list[_Image]
    text_info: list[_Text]


def _write(pair: Pair) -> dict[str, Any]:
    images = iter(pair.all_images)
    if not pair.all_images:
        raise no_place(_NAME, "a pair without an image", "use erniekit")
    shown: list[dict[str, Any]] = []
    texts: list[dict[str, Any]] = []
    for turn in pair.conversations:
        if turn.role == "system":
            cure = "put what it says into the first question"
            raise no_place(_NAME, "a system turn", cure)
        text = turn.content
        while turn.role == "human" and text.startswith(IMAGE_TAG):
            text = text.removeprefix(IMAGE_TAG)
            shown.append({"matched_text_index": len(texts), "image_url": next(images)})
        if turn.role == "human" and IMAGE_TAG in text:
            cure = "put the tags in front of the question"
            raise no_place(_NAME, "an image in the middle of a text", cure)
        texts.append({"text": text, "tag": "mask" if turn.role == "human" else "no_mask"})
    return {"image_info": shown, "text_info": texts}


def _read(row: Mapping[str, Any]) -> Pair:
    found: _ErnieKitVL = checked(_ErnieKitVL, row, _EXPECTED)
    tags = [text.tag for text in found.text_info]
    problems = []
    if tags != ["mask", "no_mask"] * (len(tags) // 2) or not tags:
        problems.append(
            Problem(
                "the tags do not alternate",
                field="text_info",
                found=", ".join(tags) or "none",
                expected="mask, no_mask, mask, no_mask ..",
            )
        )
    places = [image.matched_text_index for image in found.image_info]
    if not places or any(at not in range(0, len(tags), 2) for at in places):
        problems.append(
            Problem(
                "an image stands before no question",
                field="image_info.matched_text_index",
                found=str(places),
                expected="at least one image, each at the index of a text with tag mask",
            )
        )
    if places != sorted(places):
        problems.append(Problem("the images are not in order", field="image_info"))
    if problems:
        raise UnusableInput(problems)
    turns = tuple(
        Turn(
            role="human" if text.tag == "mask" else "assistant",
            content=IMAGE_TAG * places.count(index) + text.text,
        )
        for index, text in enumerate(found.text_info)
    )
    return pair_of(turns, tuple(image.image_url for image in found.image_info))


ERNIEKIT_VL = Format(_NAME, frozenset(_ErnieKitVL.model_fields), False, True, _write, _read)
