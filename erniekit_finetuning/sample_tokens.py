"""What a recipe's model makes of a sample: its tokens, and which of them are trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.text import Text

from erniekit_finetuning.data.pair import Pair
from erniekit_finetuning.engines.encoding import Encoded
from erniekit_finetuning.engines.locating import locate_base
from erniekit_finetuning.engines.preparation import make_encoder
from erniekit_finetuning.engines.prompting import prompting_of
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.examples import breaks, example_of
from erniekit_finetuning.recipes.loading import load_recipe
from erniekit_finetuning.recipes.model import Recipe


class SampleTokens:
    """Encodes pairs as the training of a recipe will; `limit` is its `max_seq_len`.

    Raises UnusableInput for a recipe, or a model of it, that cannot be used.
    """

    def __init__(self, recipe: Path) -> None:
        found = load_recipe(recipe)
        tokenizer = _tokenizer(found, locate_base(found))
        prompting = prompting_of(found.data)
        self._schema = prompting.schema
        self._encoder = make_encoder(tokenizer, prompting, found.data.train_on_responses_only)
        self._encoder.check()
        self.limit = found.data.max_seq_len

    def encode(self, pair: Pair) -> tuple[Encoded | None, list[Problem]]:
        """The tokens of a pair, and what keeps it from being trained."""
        try:
            example = example_of(pair, 0)
        except UnusableInput as error:
            return None, list(error.problems)
        if self._schema is not None and (problems := breaks(pair, self._schema)):
            return None, problems
        encoded = self._encoder.one(example, "conversations")
        if isinstance(encoded, Problem):
            return None, [encoded]
        if len(encoded.tokens) <= self.limit:
            return encoded, []
        length = len(encoded.tokens)
        problems = [
            Problem(
                "the sample is longer than data.max_seq_len",
                field="conversations",
                found=f"{length} tokens",
                expected=f"at most {self.limit}",
                cure=f"raise it to {length}, or leave the sample out",
            )
        ]
        if all(start >= self.limit for start, _ in encoded.spans):
            what = "no token of the sample would be trained"
            problems.append(Problem(what, field="conversations"))
        return encoded, problems

    def coloured(self, encoded: Encoded) -> Text:
        """The sample as the model sees it: masked tokens dim, trained ones green."""
        text = Text()
        last = 0
        for start, stop in encoded.spans:
            self._show(text, encoded.tokens[last:start], "masked", "dim")
            self._show(text, encoded.tokens[start:stop], "trained", "green")
            last = stop
        self._show(text, encoded.tokens[last:], "masked", "dim")
        return text

    def _show(self, text: Text, tokens: tuple[int, ...], what: str, style: str) -> None:
        if tokens:
            text.append(f"{len(tokens)} tokens {what}:\n", style="bold")
            text.append(str(self._encoder.tokenizer.decode(tokens)) + "\n", style=style)


def _tokenizer(recipe: Recipe, base: Path) -> Any:
    """The base's tokenizer as the recipe's engine reads it."""
    if recipe.engine == "hf":
        from erniekit_finetuning.engines.hf.models import load_tokenizer as with_transformers

        return with_transformers(base)
    from erniekit_finetuning.engines.paddle.loading import load_tokenizer

    return load_tokenizer(base)
