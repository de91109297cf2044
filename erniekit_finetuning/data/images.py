"""Images that training can use: opened, decoded, of one frame, not too large."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from erniekit_finetuning.documents.opening import MAX_BYTES, MAX_PIXELS
from erniekit_finetuning.errors import Problem, UnusableInput

_ANIMATED = (
    "GIF",
    "PNG",
    "WEBP",
    "AVIF",
)  # a TIFF of several frames is a document of several pages


def check_image(path: Path) -> None:
    """Raise UnusableInput for an image that cannot be decoded, is too large, or is animated."""
    size = path.stat().st_size
    if not 0 < size <= MAX_BYTES:
        raise UnusableInput(
            Problem(
                "the file's size is outside the limits",
                file=str(path),
                found=f"{size} bytes",
                expected=f"1 to {MAX_BYTES} bytes",
                cure="scan it with a lower resolution" if size else "scan it again",
            )
        )
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UnusableInput(
                    Problem(
                        "the image is too large",
                        file=str(path),
                        found=f"{image.width} x {image.height} pixels",
                        expected=f"at most {MAX_PIXELS:,}",
                        cure="scan it with a lower resolution",
                    )
                )
            frames = getattr(image, "n_frames", 1)
            if image.format in _ANIMATED and frames > 1:
                raise UnusableInput(
                    Problem(
                        "the image is animated",
                        file=str(path),
                        found=f"{frames} frames",
                        expected="one",
                        cure="save the frame that shows the document",
                    )
                )
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnusableInput(
            Problem(
                "the image cannot be read",
                file=str(path),
                found=str(error)[:200],
                cure="open it in a viewer; scan or export it again",
            )
        ) from error
