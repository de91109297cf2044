"""What a recipe's model makes of a sample: its tokens, and which of them are trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.text import Text

from erniekit_finetuning.data.pair import Pair
from erniekit_finetuning.engines.encoding import Encoded, check_template, encode_example
from erniekit_finetuning.engines.protocol import Example
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.loading import load_recipe


class SampleTokens:
    """Encodes pairs as the training of a recipe will; `limit` is its `max_seq_len`.

    Raises UnusableInput for a recipe, or a model of it, that cannot be used.
    """

    def __init__(self, recipe: Path) -> None:
        from erniekit_finetuning.engines.paddle.loading import load_tokenizer, locate

        found = load_recipe(recipe)
        self._tokenizer: Any = load_tokenizer(
            locate(found.model.name_or_path, found.model.revision).base
        )
        check_template(self._tokenizer)
        self.limit = found.data.max_seq_len

    def encode(self, pair: Pair) -> tuple[Encoded | None, list[Problem]]:
        """The tokens of a pair, and what keeps it from being trained."""
        roles = [turn.role for turn in pair.conversations]
        if roles != ["human", "assistant"]:
            return None, [
                Problem(
                    "the recipe trains on one question and one answer",
                    field="conversations",
                    found=", ".join(roles),
                    expected="human, assistant",
                )
            ]
        try:
            example = Example(pair.text_prompt(), pair.answer, pair.id or "")
        except UnusableInput as error:
            return None, list(error.problems)
        encoded = encode_example(self._tokenizer, example, "conversations")
        if isinstance(encoded, Problem):
            return None, [encoded]
        length, trained = len(encoded.tokens), len(encoded.tokens) - encoded.answer_start
        problems = []
        if length > self.limit:
            problems.append(
                Problem(
                    "the sample is longer than data.max_seq_len",
                    field="conversations",
                    found=f"{length} tokens",
                    expected=f"at most {self.limit}",
                    cure=f"raise it to {length}, or leave the sample out",
                )
            )
        if trained <= 0 or encoded.answer_start >= self.limit:
            problems.append(
                Problem("no token of the sample would be trained", field="conversations")
            )
        return encoded, problems

    def coloured(self, encoded: Encoded) -> Text:
        """The sample as the model sees it: masked tokens dim, trained ones green."""
        masked = encoded.tokens[: encoded.answer_start]
        trained = encoded.tokens[encoded.answer_start :]
        text = Text()
        for tokens, what, style in ((masked, "masked", "dim"), (trained, "trained", "green")):
            text.append(f"{len(tokens)} tokens {what}:\n", style="bold")
            text.append(str(self._tokenizer.decode(tokens)) + "\n", style=style)
        return text
