"""Answers held to a shape and to their document."""

from erniekit_finetuning.decoding.constraint import held
from erniekit_finetuning.decoding.grammar import answer_grammar
from erniekit_finetuning.decoding.mode import Decoding
from erniekit_finetuning.decoding.places import Placed, placed
from erniekit_finetuning.decoding.schema import answer_tree, own_answer

__all__ = [
    "Decoding",
    "Placed",
    "answer_grammar",
    "answer_tree",
    "held",
    "own_answer",
    "placed",
]
