"""Write the tables of docs/recipes.md: `python docs/make_recipes.py`.

Trains each chat recipe as the tests do: base and sources of the hub replaced, nothing else.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.environ["OMP_NUM_THREADS"] = "1"

from hf.chat import CHATS, Chat, make  # noqa: E402

from erniekit_finetuning.files import write_text  # noqa: E402
from erniekit_finetuning.mixing import read_split  # noqa: E402
from erniekit_finetuning.recipes import load_recipe  # noqa: E402
from erniekit_finetuning.settings_in_use import as_table, settings_in_use  # noqa: E402
from erniekit_finetuning.training import train  # noqa: E402


def table(name: str, chat: Chat, folder: Path) -> str:
    """Train one recipe below `folder`, and give its table."""
    recipe = load_recipe(chat.path, chat.overrides(make(name, folder / f"tiny-{name}")))
    train(recipe, read_split(recipe, chat.given), folder / name, chat.path)
    return as_table(settings_in_use(folder / name))


def main() -> None:
    """Put every table between its marks."""
    file = ROOT / "docs" / "recipes.md"
    text = file.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as held:
        for name, chat in CHATS.items():
            begin, end = f"<!-- begin {chat.config} -->\n", f"<!-- end {chat.config} -->\n"
            before, rest = text.split(begin)
            text = before + begin + table(name, chat, Path(held)) + end + rest.split(end)[1]
    write_text(file, text)


if __name__ == "__main__":
    main()
