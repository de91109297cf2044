"""A grammar beside a model that answers: what may come next, and what is preferred."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask
from numpy.typing import NDArray

from erniekit_finetuning.data.schemas.mode import Decoding
from erniekit_finetuning.data.schemas.tree import Object
from erniekit_finetuning.decoding.grammar import answer_grammar
from erniekit_finetuning.decoding.preference import Preference
from erniekit_finetuning.engines.protocol import Constraint, Vocabulary
from erniekit_finetuning.errors import Problem, UnusableInput

# A long document or a bounded span takes longer for a token, which is better than no answer.
_LIMITS = LLParserLimits(
    initial_lexer_fuel=200_000_000, step_lexer_fuel=200_000_000, max_lexer_states=5_000_000
)
# What a byte of a bit mask adds to the logits of its eight tokens.
_ADDED = np.where(
    np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little"), 0, -np.inf
).astype(np.float32)


@dataclass(frozen=True)
class Held:
    """Makes the constraint of one document's answer for a model's vocabulary."""

    document_text: str
    schema: Object
    mode: Decoding
    document: str
    grammar: str

    @property
    def sha256(self) -> str:
        """Of everything that bounds the answer."""
        return sha256(f"{self.mode} {self.grammar} {self.document_text}".encode()).hexdigest()

    def __call__(self, vocabulary: Vocabulary) -> Constraint | None:
        """Compile: some milliseconds, and a third of a megabyte.

        A tokenizer that cannot be read leaves an answer free when decoding is off, and is an
        UnusableInput else.
        """
        try:
            tokenizer = _tokenizer(vocabulary)
        except UnusableInput:
            if self.mode is not Decoding.OFF:
                raise
            warnings.warn("the model's tokenizer holds no shape: answers are free", stacklevel=2)
            return None
        size, document = vocabulary.size, self.document
        allowed = GrammarConstraint(self.grammar, tokenizer, size, document)
        if self.mode is not Decoding.PREFER:
            return allowed

        def preferred(said: list[str]) -> GrammarConstraint:
            grammar = answer_grammar(self.document_text, self.schema, self.mode, said)
            return GrammarConstraint(grammar, tokenizer, size, document)

        return Preference(allowed, preferred, tokenizer.decode_bytes)


def held(document_text: str, schema: Object, mode: Decoding, document: str) -> Held:
    """Answers of a schema about a document; `document` names it in errors.

    Raises UnusableInput where no answer can be grounded in it.
    """
    try:
        grammar = answer_grammar(document_text, schema, mode)
    except UnusableInput as error:
        raise UnusableInput([_named(one, document) for one in error.problems]) from error
    return Held(document_text, schema, mode, document, grammar)


def _named(problem: Problem, document: str) -> Problem:
    return Problem(problem.what, document, field=problem.field, cure=problem.cure)


class GrammarConstraint:
    """The state of one answer; see `engines.protocol.Constraint`."""

    def __init__(self, grammar: str, tokenizer: LLTokenizer, size: int, document: str) -> None:
        """Compile. Raises UnusableInput, naming the document, for a grammar without an answer."""
        self._document = document
        self._size = size
        self._bits = allocate_token_bitmask(1, size)
        # Silent: errors are raised, not logged.
        self._matcher = LLMatcher(tokenizer, grammar, log_level=0, limits=_LIMITS)
        self._check()

    def added(self) -> NDArray[np.float32]:
        """0 for a token that may come next, else -inf; the end token alone when all is said."""
        fill_next_token_bitmask(self._matcher, self._bits)
        self._check()
        added: NDArray[np.float32] = _ADDED[self._bits[0].view(np.uint8)].reshape(-1)
        return added[: self._size]

    def accept(self, token: int) -> None:
        """Go on by one token. Raises UnusableInput for one that may not come."""
        self._matcher.consume_token(token)
        self._check()

    def possible(self, tokens: Sequence[int]) -> int:
        """How many of these, from the first on, may come next."""
        return int(self._matcher.validate_tokens(list(tokens)))

    def takes(self, tokens: list[int]) -> bool:
        """Go on by these tokens if they may come; false when one of them may not."""
        return self._matcher.try_consume_tokens(tokens) == len(tokens)

    def _check(self) -> None:
        if self._matcher.is_error():
            first_line = self._matcher.get_error().partition("\n")[0]
            what = "the answer's grammar failed"
            raise UnusableInput(Problem(what, field=self._document, found=first_line))


@lru_cache(maxsize=2)
def _tokenizer(vocabulary: Vocabulary) -> LLTokenizer:
    what = "the model's tokenizer cannot be held to a grammar"
    if vocabulary.tokenizer_json is None:
        cure = "convert it to a tokenizer.json, or read with decoding: off"
        raise UnusableInput(Problem(what, cure=cure))
    try:
        return LLTokenizer(
            vocabulary.tokenizer_json, n_vocab=vocabulary.size, eos_token=vocabulary.end_token
        )
    except ValueError as error:
        cure = "take a byte-level or byte-fallback tokenizer, or read with decoding: off"
        raise UnusableInput(Problem(what, found=str(error), cure=cure)) from error
