"""Answers held to a shape and to their document."""

from erniekit_finetuning.data.schemas.mode import Decoding
from erniekit_finetuning.data.schemas.reading import answer_tree, own_answer
from erniekit_finetuning.decoding.constraint import held
from erniekit_finetuning.decoding.grammar import answer_grammar
from erniekit_finetuning.decoding.places import Placed, placed

__all__ = [
    "Decoding",
    "Placed",
    "answer_grammar",
    "answer_tree",
    "held",
    "own_answer",
    "placed",
]
