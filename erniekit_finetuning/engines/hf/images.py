"""Conversations about images: their tokens for encoding, and what the model takes beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from erniekit_finetuning.data.escaping import IMAGE_TAG
from erniekit_finetuning.engines.batches import Pack
from erniekit_finetuning.engines.encoding import Encoded, Encoder
from erniekit_finetuning.engines.hf.runtime import device, import_torch
from erniekit_finetuning.engines.protocol import Example, Message
from erniekit_finetuning.errors import Problem, UnusableInput


@dataclass(frozen=True)
class Images:
    """How a model takes images: transformers' image processor, and the tokens that stand for them.

    `marks` are the tokens around an image, which a mixture routes to the image experts, too.
    """

    processor: Any
    token: str
    token_id: int
    marks: tuple[int, ...]

    @classmethod
    def of(cls, base: Path, tokenizer: Any) -> Images:
        """Those of the model in a folder; raises UnusableInput when it names no image token.

        The image processor alone is loaded: the whole processor would want torchvision for films.
        """
        import_torch()
        from transformers import AutoImageProcessor

        token = getattr(tokenizer, "image_token", None)
        if token is None:
            what = "the tokenizer names no image_token"
            raise UnusableInput(Problem(what, file=str(base / "tokenizer_config.json")))
        names = ("image_start_token", "image_end_token")
        marks = [getattr(tokenizer, name) for name in names if hasattr(tokenizer, name)]
        ids = tuple(int(tokenizer.convert_tokens_to_ids(mark)) for mark in marks)
        processor = AutoImageProcessor.from_pretrained(str(base), use_fast=False)
        return cls(processor, token, int(tokenizer.convert_tokens_to_ids(token)), ids)

    def lengths(self, opened: Sequence[Any]) -> list[int]:
        """How many tokens stand for each image."""
        if not opened:
            return []
        grids = self.processor(images=list(opened), return_tensors="np")["image_grid_thw"]
        return [int(grid.prod()) // self.processor.merge_size**2 for grid in grids]

    def inputs(self, pack: Pack, mixture: bool) -> dict[str, Any]:
        """What the model takes beside tokens for a pack of one document with images."""
        torch = import_torch()
        made = self.processor(images=list(open_images(pack.images)), return_tensors="pt")
        tokens = torch.from_numpy(pack.tokens)[None]
        of_images = (tokens == self.token_id).int()
        inputs = {"mm_token_type_ids": of_images} | dict(made)
        if mixture:
            # Left out, a mixture would route images as text, without a word.
            marked = torch.isin(tokens, torch.tensor([self.token_id, *self.marks]))
            inputs["moe_mm_token_type_ids"] = marked.int()
        return {name: value.to(device()) for name, value in inputs.items()}


@dataclass(frozen=True)
class ImageEncoder(Encoder):
    """An Encoder that puts an image's tokens where its tag stands.

    `places` holds how many tokens each image of the example at hand takes.
    """

    images: Images | None = None
    places: tuple[int, ...] = ()

    def one(self, example: Example, name: str) -> Encoded | Problem:
        """See `Encoder.one`."""
        tags = sum(m.content.count(IMAGE_TAG) for m in example.messages)
        if tags != len(example.images):
            what, expected = "the number of image tags is not that of images", len(example.images)
            return Problem(what, field=name, found=f"{tags} tags", expected=str(expected))
        assert self.images is not None
        try:
            places = tuple(self.images.lengths(open_images(example.images)))
        except OSError as error:
            return Problem(f"an image cannot be opened: {error}", field=name)
        encoded = Encoder.one(replace(self, places=places), example, name)
        if isinstance(encoded, Problem):
            return encoded
        return replace(encoded, images=example.images)

    def _text(self, messages: Sequence[Message], asked: bool) -> str:
        assert self.images is not None
        turns = [{"role": m.role, "content": _content(m.content)} for m in messages]
        template = self.tokenizer.apply_chat_template
        text = str(template(turns, tokenize=False, add_generation_prompt=asked))
        first, *rest = text.split(self.images.token)
        counts = self.places or (1,) * len(rest)  # shown to a person: one token an image
        return first + "".join(
            self.images.token * count + piece for count, piece in zip(counts, rest, strict=False)
        )


def open_images(files: Sequence[str]) -> tuple[Any, ...]:
    """The images in colour; raises OSError when one cannot be read."""
    from PIL import Image

    opened = []
    for file in files:
        with Image.open(file) as image:
            opened.append(image.convert("RGB"))
    return tuple(opened)


def _content(text: str) -> list[dict[str, str]]:
    parts: list[dict[str, str]] = []
    for number, piece in enumerate(text.split(IMAGE_TAG)):
        parts += [{"type": "image"}] if number else []
        parts += [{"type": "text", "text": piece}] if piece else []
    return parts
