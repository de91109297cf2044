"""What a model was trained to be asked with, kept beside its adapter for whoever asks it later."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from erniekit_finetuning.data.schemas.own import OwnSchema, read_own_schema
from erniekit_finetuning.engines.locating import locate
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_json, write_text
from erniekit_finetuning.recipes.chat_templates import CHAT_TEMPLATES, template_file
from erniekit_finetuning.recipes.data_section import DataSection

PROMPTING_FILE, SCHEMA_FILE = "prompting.json", "schema.json"
PROMPTING_FILES = (PROMPTING_FILE, SCHEMA_FILE)


@dataclass(frozen=True)
class Prompting:
    """A system turn before each conversation, and a template in the place of the model's own.

    `end_token`: what ends an answer in the place of the model's own.
    `schema`: the shape of all answers, None where they are of ours or of none.
    """

    system_prompt: str | None = None
    chat_template: str | None = None
    end_token: str | None = None
    schema: OwnSchema | None = None


def prompting_of(data: DataSection) -> Prompting:
    """What a recipe asks for; raises UnusableInput when template or schema cannot be read."""
    schema = None if data.answer_schema is None else read_own_schema(Path(data.answer_schema))
    if data.chat_template is None:
        return Prompting(data.system_prompt, end_token=data.end_token, schema=schema)
    end_token = data.end_token or CHAT_TEMPLATES.get(data.chat_template)
    try:
        template = template_file(data.chat_template).read_text(encoding="utf-8")
        return Prompting(data.system_prompt, template, end_token, schema)
    except (OSError, UnicodeDecodeError) as error:
        field, found = "data.chat_template", data.chat_template
        what = f"cannot be read: {error}"
        raise UnusableInput(Problem(what, field=field, found=found)) from error


def write_prompting(folder: Path, prompting: Prompting) -> None:
    """Keep it with the adapter or model in `folder`, when there is anything to keep."""
    asked = {
        "system_prompt": prompting.system_prompt,
        "chat_template": prompting.chat_template,
        "end_token": prompting.end_token,
    }
    if any(asked.values()):
        write_json(folder / PROMPTING_FILE, asked)
    if prompting.schema is not None:
        write_text(folder / SCHEMA_FILE, prompting.schema.text)


def read_prompting(folder: Path) -> Prompting:
    """What the adapter or model in `folder` is to be asked with."""
    file, schema = folder / PROMPTING_FILE, folder / SCHEMA_FILE
    asked = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return Prompting(**asked, schema=read_own_schema(schema) if schema.is_file() else None)


def copy_prompting(adapter: Path, folder: Path) -> None:
    """Let what is made of an adapter be asked as the adapter is."""
    for name in PROMPTING_FILES:
        if (adapter / name).is_file():
            shutil.copyfile(adapter / name, folder / name)


def schema_file(model: str | Path) -> Path | None:
    """The schema of the answers that a model was trained to give; see `locate` for `model`."""
    source = locate(model)
    file = (source.adapter or source.base) / SCHEMA_FILE
    return file if file.is_file() else None
