"""Conversations about images: their tokens for encoding, and what the model takes beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.data.escaping import IMAGE_TAG
from erniekit_finetuning.engines.encoding import Encoded, Encoder
from erniekit_finetuning.engines.hf.runtime import device, import_torch
from erniekit_finetuning.engines.protocol import Example, Message, Question
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.architecture import architecture_in


@dataclass(frozen=True)
class Images:
    """How a model takes images: transformers' image processor, and the tokens that stand for them.

    `marks` are the tokens around an image, which a mixture routes to the image experts, too;
    `mixture` is whether the model is one.
    """

    processor: Any
    token: str
    token_id: int
    marks: tuple[int, ...]
    mixture: bool

    @classmethod
    def of(cls, base: Path, tokenizer: Any) -> Images | None:
        """Those of the model in a folder, None when it reads text alone.

        The image processor alone is loaded: the whole processor would want torchvision for films.
        Raises UnusableInput when the tokenizer names no image token.
        """
        architecture = architecture_in(base)
        if not architecture.sees_images:
            return None
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
        token_id = int(tokenizer.convert_tokens_to_ids(token))
        return cls(processor, token, token_id, ids, architecture.has_experts)

    def lengths(self, opened: Sequence[Any]) -> list[int]:
        """How many tokens stand for each image.

        Told by its size alone, without scaling it. Raises ValueError for one too long and narrow.
        """
        patches = self.processor.get_number_of_image_patches
        found = [
            int(patches(image.height, image.width, {})) // self.processor.merge_size**2
            for image in opened
        ]
        if 0 in found:
            raise ValueError("one of its sides is scaled to nothing")
        return found

    def inputs(self, tokens: NDArray[np.int64], files: Sequence[str]) -> dict[str, Any]:
        """What the model takes beside tokens [rows, length] with the images of all rows."""
        torch = import_torch()
        given = torch.from_numpy(tokens)
        inputs = {"mm_token_type_ids": (given == self.token_id).int()}
        if files:
            inputs |= self.processor(images=list(open_images(files)), return_tensors="pt")
        if self.mixture:
            # Left out, a mixture would route images as text, without a word.
            marked = torch.isin(given, torch.tensor([self.token_id, *self.marks]))
            inputs["moe_mm_token_type_ids"] = marked.int()
        return {name: value.to(device()) for name, value in inputs.items()}


@dataclass(frozen=True)
class ImageEncoder(Encoder):
    """An Encoder that puts an image's tokens where its tag stands.

    `places` holds how many tokens each image of the conversation at hand takes.
    """

    images: Images | None = None
    places: tuple[int, ...] = ()

    @property
    def sees_images(self) -> bool:
        """See `Encoder.sees_images`."""
        return True

    def asked(self, question: Question, name: str) -> Encoded | Problem:
        """See `Encoder.asked`."""
        placed = self._placed(question, name)
        if isinstance(placed, Problem):
            return placed
        return Encoded(tuple(placed.prompt(question.messages)), (), question.images)

    def one(self, example: Example, name: str) -> Encoded | Problem:
        """See `Encoder.one`."""
        placed = self._placed(example, name)
        if isinstance(placed, Problem):
            return placed
        encoded = Encoder.one(placed, example, name)
        if isinstance(encoded, Problem):
            return encoded
        return replace(encoded, images=example.images)

    def _placed(self, asked: Question | Example, name: str) -> ImageEncoder | Problem:
        """An encoder that knows the places of this conversation's images."""
        assert self.images is not None
        tags = sum(m.content.count(IMAGE_TAG) for m in asked.messages)
        if tags != len(asked.images):
            what, expected = "the number of image tags is not that of images", len(asked.images)
            return Problem(what, field=name, found=f"{tags} tags", expected=str(expected))
        if any(self.images.token in m.content for m in asked.messages):
            what = "the text contains the model's image token"
            return Problem(what, field=name, found=repr(self.images.token))
        try:
            return replace(self, places=tuple(self.images.lengths(open_images(asked.images))))
        except OSError as error:
            return Problem(f"an image cannot be opened: {error}", field=name)
        except ValueError as error:
            return Problem(f"the model cannot take an image: {error}", field=name)

    def _text(self, messages: Sequence[Message], asked: bool) -> str:
        assert self.images is not None
        turns = [{"role": m.role, "content": _content(self._told(m))} for m in messages]
        template = self.tokenizer.apply_chat_template
        text = str(template(turns, tokenize=False, add_generation_prompt=asked))
        first, *rest = text.split(self.images.token)
        counts = self.places or (1,) * len(rest)  # shown to a person: one token an image
        return first + "".join(
            self.images.token * count + piece for count, piece in zip(counts, rest, strict=False)
        )


def with_images(encoder: Encoder, images: Images | None) -> Encoder:
    """An encoder that places images, too, where the model sees them."""
    if images is None:
        return encoder
    return ImageEncoder(encoder.tokenizer, encoder.system, encoder.responses_only, images)


def open_images(files: Sequence[str]) -> tuple[Any, ...]:
    """The images in colour; raises OSError naming the first that cannot be read."""
    from PIL import Image

    opened = []
    for file in files:
        try:
            with Image.open(file) as image:
                opened.append(image.convert("RGB"))
        # Pillow's errors for damaged and hostile files, most of which do not name the file.
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise OSError(f"{file}: {getattr(error, 'strerror', None) or error}") from error
    return tuple(opened)


def _content(text: str) -> list[dict[str, str]]:
    parts: list[dict[str, str]] = []
    for number, piece in enumerate(text.split(IMAGE_TAG)):
        parts += [{"type": "image"}] if number else []
        parts += [{"type": "text", "text": piece}] if piece else []
    return parts
