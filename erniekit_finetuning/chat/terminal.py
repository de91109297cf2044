"""The chat in a terminal: a message a line, answers one model after the other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from erniekit_finetuning.chat.conversation import conversation, exported
from erniekit_finetuning.chat.talking import How, Said, Talking
from erniekit_finetuning.console import messages
from erniekit_finetuning.engines.protocol import Message
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_text

HELP = """\
/new                 a new conversation
/again               the last message once more, above temperature 0 with the next seed
/system TEXT         another system prompt
/set NAME VALUE      temperature, top_p, seed, max_new_tokens
/export FILE         messages JSONL, a file for each model
/quit                or Ctrl-D; Ctrl-C stops an answer"""


@dataclass
class Terminal:
    """A conversation of one person: what is said in it so far, and how answers are drawn."""

    talking: Talking
    how: How
    _turns: dict[str, list[Message]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._new()

    def run(self) -> None:
        """Answer lines of stdin until they end; what cannot be done is said, and it goes on."""
        interactive = sys.stdin.isatty()
        if interactive:
            messages.print(HELP, markup=False)
        for line in _lines(interactive):
            if line == "/quit":
                return
            try:
                self._do(line)
            except UnusableInput as error:
                for problem in error.problems:
                    messages.print(str(problem), markup=False)

    def _do(self, line: str) -> None:
        verb, _, told = line.partition(" ")
        match verb:
            case "/new":
                self._new()
            case "/system":
                self.how = replace(self.how, system=told)
            case "/set":
                self._set(*told.partition(" ")[::2])
            case "/again":
                self._again()
            case "/export":
                self._export(told)
            case _ if line.startswith("/"):
                messages.print(HELP, markup=False)
            case _ if line.strip():
                self._ask(line)

    def _new(self) -> None:
        self._turns = {side.kind: [] for side in self.talking.sides.models}

    def _set(self, name: str, value: str) -> None:
        sampling = self.how.sampling
        known = {one.name: type(getattr(sampling, one.name)) for one in fields(sampling)}
        known["max_new_tokens"] = int
        if name not in known:
            expected = ", ".join(known)
            raise UnusableInput(Problem("no such setting", found=name, expected=expected))
        try:
            number = known[name](value)
        except ValueError as error:
            raise UnusableInput(Problem("not a number", field=name, found=value)) from error
        if name == "max_new_tokens":
            self.how = replace(self.how, max_new_tokens=max(1, number))
        else:
            self.how = replace(self.how, sampling=replace(sampling, **{name: number}))

    def _again(self) -> None:
        asked = {kind: turns[-2:-1] for kind, turns in self._turns.items()}
        if not all(asked.values()):
            raise UnusableInput(Problem("nothing was asked yet"))
        sampling = self.how.sampling
        if sampling.temperature > 0:
            self.how = replace(self.how, sampling=replace(sampling, seed=sampling.seed + 1))
        for turns in self._turns.values():
            del turns[-2:]
        self._ask(next(iter(asked.values()))[0].content)

    def _ask(self, text: str) -> None:
        for side in self.talking.sides.models:
            if len(self._turns) > 1:
                messages.print(f"{side.kind} ({side.name})", markup=False, style="bold")
            turns = [*self._turns[side.kind], Message("user", text)]
            said = self._answered(side.kind, turns)
            self._turns[side.kind] = [*turns, Message("assistant", said.text)]

    def _answered(self, kind: str, turns: list[Message]) -> Said:
        said = Said()
        asked = {kind: conversation(self.how.system, turns)}
        answers = self.talking.answer(asked, self.how.max_new_tokens, self.how.sampling)
        shown = 0
        try:
            for answer in answers:
                said = answer[kind]
                print(said.text[shown:], end="", flush=True)
                shown = len(said.text)
        except KeyboardInterrupt:
            said = replace(said, over="stopped")
        print()
        messages.print(about(said), markup=False, style="dim")
        return said

    def _export(self, name: str) -> None:
        if not name:
            raise UnusableInput(Problem("names no file", expected="/export FILE"))
        for kind, turns in self._turns.items():
            file = Path(name)
            if len(self._turns) > 1:
                file = file.with_stem(f"{file.stem}-{kind}")
            write_text(file, exported(conversation(self.how.system, turns)))
            messages.print(str(file), markup=False)


def about(said: Said) -> str:
    """How an answer came about, in a few words.

    >>> about(Said("Hi", "limit", 3, 1, 0.5, 1.5, left_out=2))
    'first token after 0.50 s, 2.0 tokens/s, 3 tokens, cut off, oldest 2 turns left out'
    """
    rate = said.tokens_per_second
    parts = [
        "" if said.first_seconds is None else f"first token after {said.first_seconds:.2f} s",
        "" if rate is None else f"{rate:.1f} tokens/s",
        f"{said.tokens} tokens",
        {"limit": "cut off", "stopped": "stopped"}.get(said.over or "", ""),
        f"oldest {said.left_out} turns left out" if said.left_out else "",
    ]
    return ", ".join(filter(None, parts))


def _lines(interactive: bool) -> Iterator[str]:
    while True:
        try:
            yield input("> " if interactive else "")
        except EOFError:
            return
