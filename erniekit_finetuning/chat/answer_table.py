"""What models answer to the same prompts, beside each other: HTML, Markdown and JSONL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from statistics import fmean

from erniekit_finetuning.chat.prompts import Prompt
from erniekit_finetuning.engines.protocol import Generation, Message
from erniekit_finetuning.evaluation.report_page import markdown_cell, page
from erniekit_finetuning.evaluation.report_tables import section
from erniekit_finetuning.files import write_jsonl, write_text


@dataclass(frozen=True)
class Column:
    """A model's answers, in the order of the prompts."""

    title: str
    answers: tuple[Generation, ...]


@dataclass(frozen=True)
class AnswerTable:
    """All answers, and `how` they were asked for in words."""

    prompts: tuple[Prompt, ...]
    columns: tuple[Column, ...]
    how: str

    @property
    def expects(self) -> bool:
        """Whether the prompts tell expected answers."""
        return any(prompt.expected is not None for prompt in self.prompts)

    def sentences(self) -> list[str]:
        """What can be counted: answers that ended, are as expected, or differ between models."""
        told = [self.how]
        for column in self.columns:
            ended = sum(answer.finished for answer in column.answers)
            length = fmean(answer.new_tokens for answer in column.answers)
            words = f"{column.title}: {ended} of {len(self.prompts)} answers came to their end, "
            words += f"{length:.1f} tokens on average"
            if self.expects:
                words += f", {self._right(column)} exactly as expected"
            told.append(f"{words}.")
        if len(self.columns) > 1:
            first, *others = ([one.text for one in column.answers] for column in self.columns)
            differing = sum(
                any(text != texts[at] for texts in others) for at, text in enumerate(first)
            )
            told.append(f"{differing} of {len(self.prompts)} prompts are answered differently.")
        return told

    def _right(self, column: Column) -> int:
        return sum(
            prompt.expected is not None and answer.text.strip() == prompt.expected.strip()
            for prompt, answer in zip(self.prompts, column.answers, strict=True)
        )


def write_table(table: AnswerTable, folder: Path) -> Path:
    """Write answers.html, answers.md and answers.jsonl into `folder`; give the first."""
    write_jsonl(folder / "answers.jsonl", _rows(table))
    write_text(folder / "answers.md", markdown(table))
    write_text(folder / "answers.html", html(table))
    return folder / "answers.html"


def html(table: AnswerTable) -> str:
    """The table as a page; all text is escaped."""
    head = "".join(f"<th>{escape(one)}</th>" for one in _heads(table))
    body = "".join(
        f"<tr>{''.join(f'<td>{cell}</td>' for cell in _cells(table, at))}</tr>"
        for at in range(len(table.prompts))
    )
    counted = "".join(f'<p class="soft">{escape(text)}</p>' for text in table.sentences())
    whole = f'<div class="wide"><table class="answers"><tr>{head}</tr>{body}</table></div>'
    title = " beside ".join(column.title for column in table.columns)
    return page(
        f"Answers of {title}",
        [f"<h1>Answers of {escape(title)}</h1>", counted, section("Prompts and answers", whole)],
    )


def markdown(table: AnswerTable) -> str:
    """The table as Markdown; signs of Markdown and HTML in it are text."""
    heads = _heads(table)
    lines = [[markdown_cell(one) for one in heads], ["---"] * len(heads)]
    for at, prompt in enumerate(table.prompts):
        texts = [_said(prompt.messages)]
        if table.expects:
            texts.append(prompt.expected or "")
        texts += [_with_note(column.answers[at]) for column in table.columns]
        lines.append([str(at + 1), *map(markdown_cell, texts)])
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    told = "\n\n".join(map(markdown_cell, table.sentences()))
    return f"# Answers\n\n{told}\n\n{rows}\n"


def _rows(table: AnswerTable) -> list[dict[str, object]]:
    return [
        {
            "messages": [{"role": one.role, "content": one.content} for one in prompt.messages],
            "expected": prompt.expected,
            "answers": {
                column.title: _without_times(column.answers[at]) for column in table.columns
            },
        }
        for at, prompt in enumerate(table.prompts)
    ]


def _without_times(answer: Generation) -> dict[str, object]:
    """What is the same when it is asked again."""
    kept = asdict(answer)
    return {key: kept[key] for key in ("text", "finished", "new_tokens", "prompt_tokens")}


def _heads(table: AnswerTable) -> list[str]:
    expected = ["expected"] if table.expects else []
    return ["", "prompt", *expected, *(column.title for column in table.columns)]


def _cells(table: AnswerTable, at: int) -> list[str]:
    prompt = table.prompts[at]
    cells = [str(at + 1), _shown(_said(prompt.messages))]
    if table.expects:
        cells.append(_shown(prompt.expected or ""))
    for column in table.columns:
        answer = column.answers[at]
        note = "" if answer.finished else '<p class="soft small">cut off</p>'
        cells.append(_shown(answer.text) + note)
    return cells


def _shown(text: str) -> str:
    return f'<div class="said">{escape(text)}</div>'


def _said(messages: Sequence[Message]) -> str:
    """A single question as it is, a longer conversation with who says what."""
    if len(messages) == 1:
        return messages[0].content
    return "\n".join(f"{message.role}: {message.content}" for message in messages)


def _with_note(answer: Generation) -> str:
    return answer.text if answer.finished else f"{answer.text} (cut off)"
