"""Grounded decoding: the answer's shape is fixed, and every value is a span of the document."""

from erniekit_finetuning.decoding.constraint import grounded
from erniekit_finetuning.decoding.grammar import answer_grammar
from erniekit_finetuning.decoding.mode import Decoding

__all__ = ["Decoding", "answer_grammar", "grounded"]
