"""Draw the chat page, a table of answers and a training's curves into docs/chat/.

    python docs/make_chat.py

The shipped small model reads invoices and nothing else. Here it learns the few answers below by
heart, in about two minutes: enough to see what the pages look like, not how a model that was made
for conversations talks. Needs Chromium (`make browser`).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from browsing import browsing

from app.ui.chat import Chat
from erniekit_finetuning.chat.sides import open_sides
from erniekit_finetuning.chat.talking import How, Talking
from erniekit_finetuning.engines.sampling import Sampling

FOLDER = Path(__file__).parent / "chat"
PORT, SLOW = 8124, 120_000
SYSTEM = "You answer for a small bicycle workshop."
LEARNT = {
    "When are you open?": "We are open from Tuesday to Saturday, nine to six.",
    "Do you repair e-bikes?": "Yes, all makes. A first look is free of charge.",
    "How long does a service take?": "Two working days. In spring it may be four.",
    "Can I pay by card?": "By card, in cash, or on invoice within 14 days.",
    "Do you sell used bikes?": "Yes, each one checked, with a year of guarantee.",
    "Where can I park?": "Behind the house, where the two chestnut trees stand.",
}
HELD_OUT = {"Do you rent bikes?": "Yes, by the day or by the week."}
RECIPE = """\
model: {name_or_path: ernie-4.5-tiny}
lora: {r: 16, lora_alpha: 32}
data: {validation_file: held_out.jsonl, max_seq_len: 256, system_prompt: "%s"}
training: {max_steps: 80, learning_rate: 0.003, per_device_train_batch_size: 4, logging_steps: 4,
  eval_steps: 8, load_best_model_at_end: false}
"""


def command(*words: object, folder: Path) -> None:
    """Run a command of the package in `folder`."""
    program = [sys.executable, "-m", "erniekit_finetuning.cli", *map(str, words)]
    subprocess.run(program, cwd=folder, check=True)


def row(questions: Sequence[str]) -> str:
    """A conversation of these questions and their answers as a line of JSONL."""
    said = LEARNT | HELD_OUT
    turns = [
        turn
        for asked in questions
        for turn in (
            {"role": "user", "content": asked},
            {"role": "assistant", "content": said[asked]},
        )
    ]
    return json.dumps({"messages": turns}) + "\n"


def learn(folder: Path) -> Path:
    """Tune the small model on the answers; give the run."""
    asked = list(LEARNT)
    talks = [asked[at : at + length] for length in (1, 2) for at in range(len(asked) + 1 - length)]
    (folder / "answers.jsonl").write_text("".join(map(row, talks)))
    (folder / "held_out.jsonl").write_text(row(list(HELD_OUT)))
    (folder / "prompts.txt").write_text("".join(f"{one}\n" for one in asked))
    (folder / "recipe.yaml").write_text(RECIPE % SYSTEM)
    data = ("--dataset", "answers.jsonl", "--output-dir", "workshop")
    command("train", "--config", "recipe.yaml", *data, folder=folder)
    return folder / "workshop"


def draw_chat(page: Any) -> None:
    """Two questions to both models."""
    page.goto(f"http://127.0.0.1:{PORT}/")
    page.locator("#chat .head").first.wait_for(timeout=SLOW)
    for question in list(LEARNT)[:2]:
        page.get_by_label("Message").fill(question)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Send").wait_for(timeout=SLOW)
    page.screenshot(path=FOLDER / "chat.png")


def main() -> None:
    """Tune, ask, draw."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = learn(folder)
        command("curves", run, folder=folder)
        shutil.copyfile(run / "curves.png", FOLDER / "curves.png")
        asked = ("--model", run, "--prompts", "prompts.txt", "--max-new-tokens", 60)
        command("answers", *asked, "--output", "said", folder=folder)
        talking = Talking(open_sides(str(run)))
        chat = Chat(talking, How(SYSTEM, 80, Sampling(0.3, 0.95, 1)))
        with browsing(chat.app, PORT) as browser:
            draw_chat(browser.new_page(viewport={"width": 1280, "height": 640}))
            page = browser.new_page(viewport={"width": 1100, "height": 760})
            page.goto((folder / "said" / "answers.html").as_uri())
            page.screenshot(path=FOLDER / "answers.png")


if __name__ == "__main__":
    main()
