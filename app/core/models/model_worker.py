"""The process that a model answers in: `python app/core/models/model_worker.py ENGINE MODEL ROWS`.

Lines of JSON come in (questions, and which nobody waits for any more) and go out (answers). It ends
when its input does.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, BinaryIO

if __package__ in (None, ""):  # run by path: import from the checkout, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[3])

from app.core.models.asked import Asked
from app.core.processes import answers_out
from erniekit_finetuning.engines.protocol import Generation
from erniekit_finetuning.engines.reading import GreedyReader
from erniekit_finetuning.engines.registry import get_engine
from erniekit_finetuning.errors import UnusableInput

Inbox = SimpleQueue[dict[str, Any] | None]


def main(engine: str, model: str, rows: int) -> None:
    """Load the model, then answer up to `rows` questions side by side."""
    out = answers_out()
    try:
        reader = get_engine(engine).load(model)
    except UnusableInput as error:
        return _tell(out, problems=error.to_json())
    assert isinstance(reader, GreedyReader)
    _tell(out, ready=True, sees_images=reader.sees_images)
    inbox: Inbox = SimpleQueue()
    Thread(target=_listen, args=(inbox,), daemon=True).start()
    together, waiting = reader.together(), deque[tuple[int, Asked]]()
    while True:
        for message in _news(inbox, wait=not (len(together) or waiting)):
            if message is None:
                return None
            if "ask" in message:
                waiting.append((message["key"], Asked.model_validate(message["ask"])))
            else:
                gone = set(message["leave"])
                together.leave(gone)
                waiting = deque(one for one in waiting if one[0] not in gone)
        while waiting and len(together) < rows:
            key, asked = waiting.popleft()
            try:
                together.ask(key, asked.question(), asked.max_new_tokens)
            except UnusableInput as error:
                _tell(out, key=key, problems=error.to_json())
        for key, said in together.step() if len(together) else ():
            if isinstance(said, Generation):
                _tell(out, key=key, answer=asdict(said))
            else:
                _tell(out, key=key, problems=said.to_json())


def _listen(inbox: Inbox) -> None:
    try:
        for line in sys.stdin.buffer:
            inbox.put(json.loads(line))
    finally:  # also after half a line of a parent that was killed
        inbox.put(None)


def _news(inbox: Inbox, wait: bool) -> Iterator[dict[str, Any] | None]:
    """What came since the last token; the next thing that comes, where there is nothing to do."""
    if wait:
        yield inbox.get()
    while not inbox.empty():
        yield inbox.get()


def _tell(out: BinaryIO, **message: Any) -> None:
    out.write(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
