"""The process that opens files: `python app/core/documents/document_worker.py MEGABYTES`.

A path comes in as a line of JSON, with the page (from 0) whose picture is wanted or null for the
words; these or problems go out as one. Memory is bounded, so that a file which unpacks to more than
it should ends this process and not the service.
"""

from __future__ import annotations

import base64
import json
import resource
import sys
from pathlib import Path

if __package__ in (None, ""):  # run by path: import from the checkout, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[3])

from app.core.processes import answers_out
from erniekit_finetuning.documents.opening import read_document
from erniekit_finetuning.documents.picture import page_picture
from erniekit_finetuning.errors import Problem, UnusableInput


def main(megabytes: int) -> None:
    """Open one file after another, until the input ends."""
    out = answers_out()
    resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2**20, megabytes * 2**20))
    for line in sys.stdin.buffer:
        path, page = json.loads(line)
        told = _opened(Path(path), page)
        out.write(json.dumps(told).encode() + b"\n")


def _opened(path: Path, page: int | None) -> dict[str, object]:
    try:
        if page is not None:
            return {"picture": base64.b64encode(page_picture(path, page)).decode()}
        return {"document": read_document(path).to_json()}
    except UnusableInput as error:
        return {"problems": error.to_json()}
    except MemoryError:
        cure = "scale it down, or split it"
        problem = Problem("the file needs more memory than it may take", str(path), cure=cure)
        return {"problems": UnusableInput(problem).to_json()}


if __name__ == "__main__":
    main(int(sys.argv[1]))
