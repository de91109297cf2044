"""A grammar beside a model that answers: which tokens may come next."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from llguidance import LLMatcher, LLTokenizer
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask
from numpy.typing import NDArray

from erniekit_finetuning.decoding.grammar import answer_grammar
from erniekit_finetuning.engines.protocol import Vocabulary
from erniekit_finetuning.errors import Problem, UnusableInput


@dataclass(frozen=True)
class Grounded:
    """Makes the constraint of one document's answer for a model's vocabulary."""

    grammar: str
    document: str

    def __call__(self, vocabulary: Vocabulary) -> GrammarConstraint:
        """Compile the grammar: some milliseconds, and a third of a megabyte."""
        return GrammarConstraint(self.grammar, vocabulary, self.document)


def grounded(document_text: str, full_analysis: bool, document: str) -> Grounded:
    """Answers that take every value from `document_text`; `document` names it in errors.

    Raises UnusableInput for a document that prints nothing.
    """
    try:
        return Grounded(answer_grammar(document_text, full_analysis), document)
    except ValueError as error:
        what = "no answer can be grounded"
        raise UnusableInput(Problem(what, field=document, found=str(error))) from error


class GrammarConstraint:
    """The state of one answer; see `engines.protocol.Constraint`."""

    def __init__(self, grammar: str, vocabulary: Vocabulary, document: str) -> None:
        """Compile. Raises UnusableInput, naming the document, for a grammar without an answer."""
        self._document = document
        self._size = vocabulary.size
        self._bits = allocate_token_bitmask(1, vocabulary.size)
        # Silent: errors are raised, not logged.
        self._matcher = LLMatcher(_tokenizer(vocabulary), grammar, log_level=0)
        self._check()

    def mask(self) -> NDArray[np.bool_]:
        """Which tokens may come next; only the end token when the answer is complete."""
        fill_next_token_bitmask(self._matcher, self._bits)
        self._check()
        bits = np.unpackbits(self._bits[0].view(np.uint8), bitorder="little")
        return bits[: self._size].view(np.bool_)

    def accept(self, token: int) -> None:
        """Go on by one token. Raises UnusableInput for one that the mask shuts out."""
        self._matcher.consume_token(token)
        self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            first_line = self._matcher.get_error().partition("\n")[0]
            cure = "read it with decoding: free"
            what = "grounded decoding failed"
            raise UnusableInput(Problem(what, field=self._document, found=first_line, cure=cure))


@lru_cache(maxsize=2)
def _tokenizer(vocabulary: Vocabulary) -> LLTokenizer:
    try:
        return LLTokenizer(
            vocabulary.tokenizer_json, n_vocab=vocabulary.size, eos_token=vocabulary.end_token
        )
    except ValueError as error:
        what = "grounded decoding cannot read the model's tokenizer"
        cure = "take a byte-level or byte-fallback tokenizer, or read with decoding: free"
        raise UnusableInput(Problem(what, found=str(error), cure=cure)) from error
